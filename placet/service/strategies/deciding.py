"""What strategies would do for one customer now, on their live state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from placet.contracts.base import Digest, Frozen
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.decision import Assist, NextBestAction
from placet.contracts.strategies.strategy import Strategy, StrategyName
from placet.contracts.strategies.written import Share
from placet.contracts.times import moment
from placet.decisioning.cohorts.flattening import Row, Value, row_of
from placet.decisioning.next_best_action.assisting import assist_of
from placet.decisioning.next_best_action.candidates import Live, Ready, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.decisioning.next_best_action.supposing import with_facts
from placet.errors import DecisionRefused, UsageError
from placet.gate.context import LiveCustomer
from placet.gate.strategies.published import strategy_of
from placet.governance.authority.mandates import left
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import digest
from placet.service.state.current import state_of
from placet.service.state.people import counted_as
from placet.service.strategies.at_step import at_step
from placet.service.strategies.publishing import PublishedStrategy, speaking
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_AHEAD: Final = timedelta(days=366)
"""How far ahead quiet hours and terms are asked."""


class Speaks(Frozen):
    """A published strategy, and whether it had a say.

    Attributes:
        title: What people call it; empty where its text is gone.
        reached: The share of its cohort that it may treat now, in basis points, by its rollout.
        silent: Why it had none; empty where it had.
    """

    name: StrategyName
    version: Digest
    title: str
    reached: Share
    silent: str


class PublishedDecision(Frozen):
    """The next best action by all published strategies, what a care agent makes of it, and which these are."""

    decision: NextBestAction
    assist: Assist
    strategies: tuple[Speaks, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked of a customer.

    Attributes:
        channel: Where they would be told.
        at: The time of the decision. Quiet hours and terms are asked of it, and the state as of it; of a time to come
            the state is that of now, for nobody knows what will have happened.
        facts: What is supposed of them, in the place of what is known; empty: nothing.
    """

    channel: Channel
    at: datetime
    facts: Mapping[str, Value] = field(default_factory=dict)

    def known_at(self, now: datetime) -> datetime:
        """Return what the state is as of."""
        return min(self.at, now)


class Published(NamedTuple):
    """The strategies that are published now: those that have a say, as far as each has reached, and all of them."""

    lives: tuple[Live, ...]
    told: tuple[Speaks, ...]


def decide_for(
    database: Database,
    tenant: str,
    customer_id: str,
    strategies: Sequence[Strategy],
    *,
    channel: Channel,
    at: datetime,
) -> NextBestAction:
    """Return the next best action for a customer, as if all strategies had reached everybody.

    It is told of the id under which the base counts them.

    Args:
        database: Where their state is.
        tenant: Whose customer.
        customer_id: Who.
        strategies: Sound ones.
        channel: Where they would be told.
        at: The time of the decision; the state is as of then.

    Raises:
        UsageError: code `unknown_customer`; no event of them is known. Code `strategy_twice`; one is given twice.
        StorageError: the database does not answer, or their row is unreadable.
    """
    lives, case = [Live(one, digest(one)) for one in strategies], Case(channel, at)
    ready = prepare(lives, channel, at)
    return decide_on(ready, known_customer(database, tenant, customer_id, at), case)[0]


def decide_by_published(
    database: Database,
    tenant: str,
    customer_id: str,
    policies: Callable[[str], PolicySet],
    *,
    channel: Channel,
    at: datetime,
    now: datetime,
) -> PublishedDecision:
    """Return the next best action for a customer by the strategies that are published now, as far as each has reached.

    Args:
        database: Where their state is.
        tenant: Whose customer.
        customer_id: Who.
        policies: Reads the set in force for an agent.
        channel: Where they would be told.
        at: The time of the decision, as `Case` has it.
        now: The current time.

    Raises:
        UsageError: code `unknown_customer`; no event of them is known. Code `malformed`; the time is too far ahead.
        StorageError: the database does not answer, or their row is unreadable.
    """
    case = Case(channel, at)
    check_ahead(case, now)
    found = published_now(database, tenant, policies, now)
    customer = known_customer(database, tenant, customer_id, case.known_at(now))
    return decide_case(database, tenant, found, customer, case)


def check_ahead(case: Case, now: datetime) -> None:
    """Refuse a time of which nobody can say anything.

    Raises:
        UsageError: code `malformed`; it is too far ahead.
    """
    if case.at > now + _AHEAD:
        raise UsageError(f"at: {moment(case.at)} is more than {_AHEAD.days} days ahead", code="malformed")


def published_now(database: Database, tenant: str, policies: Callable[[str], PolicySet], now: datetime) -> Published:
    """Return the strategies that are published now, each as far as its rollout came."""
    lives, told = list[Live](), list[Speaks]()
    with database.reading() as tx:
        for one in speaking(tx, tenant, policies, now):
            live = _live(tx, one)
            if isinstance(live, Live):
                lives.append(live)
            silent = "" if isinstance(live, Live) else live
            name = one.record.mandate.name
            told.append(Speaks(name=name, version=one.version, title=one.title, reached=one.reached, silent=silent))
    return Published(tuple(lives), tuple(told))


def decide_case(
    database: Database, tenant: str, found: Published, customer: LiveCustomer, case: Case
) -> PublishedDecision:
    """Return what published strategies decide in a case, each at the step where the record has the customer."""
    lives = found.lives
    if any(one.strategy.steps for one in lives):
        row = row_in(customer, case)
        with database.reading() as tx:
            lives = tuple(replace(one, at=at_step(tx, tenant, one, customer, row)) for one in lives)
    ready = prepare(lives, case.channel, case.at)
    decision, row = decide_on(ready, customer, case)
    return PublishedDecision(decision=decision, assist=assist_of(decision, row), strategies=found.told)


def _live(tx: Transaction, one: PublishedStrategy) -> Live | str:
    """Return a strategy as far as its rollout came, or why it says nothing: as its runs find it."""
    if one.state == "exhausted":
        return f"its budget, {one.record.mandate.budget}, is spent"
    if one.state != "valid":
        return one.signature if one.state == "does_not_count" else f"it is {one.state.replace('_', ' ')}"
    try:
        room = left(one.record).amount_minor
        return Live(strategy_of(tx, one.record), one.version, one.reached, room)
    except DecisionRefused as error:
        return str(error)


def decide_on(ready: Sequence[Ready], customer: LiveCustomer, case: Case) -> tuple[NextBestAction, Row]:
    """Return what strategies decide in a case, and the row that they were asked on."""
    state, row = customer.state, row_in(customer, case)
    decision = decide(ready, row, as_of=state.as_of, state_version=state.version, channel=case.channel, at=case.at)
    return decision, row


def row_in(customer: LiveCustomer, case: Case) -> Row:
    """Return the row that a customer is asked on in a case."""
    row = row_of(customer.state, customer.household_members) | {"customer_id": customer.drawn_by}
    return with_facts(row, case.facts)


def known_customer(database: Database, tenant: str, customer_id: str, at: datetime) -> LiveCustomer:
    """Return a customer of whom events are known, as of a time.

    Raises:
        UsageError: code `unknown_customer`; no event of them is known.
        StorageError: the database does not answer, or their row is unreadable.
    """
    found = live_customer(database, tenant, customer_id, at)
    if found.state.newest is None:
        raise UsageError(
            f"no event of customer {customer_id!r} is known, so nothing can be decided", code="unknown_customer"
        )
    return found


def live_customer(database: Database, tenant: str, customer_id: str, at: datetime) -> LiveCustomer:
    """Return a customer as of a time, with what their own state cannot say.

    Raises:
        StorageError: the database does not answer, or their row is unreadable.
    """
    state, members = state_of(database, tenant, customer_id, at), None
    with database.reading() as tx:
        # A person is drawn by one id, whichever of theirs is asked for.
        drawn_by = counted_as(tx, tenant, customer_id)
        if state.household_id is not None:
            members = tx.states.household_size(tenant, state.household_id)
    return LiveCustomer(state, drawn_by, members)
