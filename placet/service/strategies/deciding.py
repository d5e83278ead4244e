"""What strategies would do for one customer now, on their live state."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from placet.contracts.base import Digest, Frozen
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.decision import NextBestAction
from placet.contracts.strategies.strategy import Strategy, StrategyName
from placet.contracts.strategies.written import Share
from placet.contracts.times import moment
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.errors import DecisionRefused, UsageError
from placet.gate.context import LiveCustomer
from placet.gate.strategies.published import strategy_of
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import digest
from placet.service.state.current import state_of
from placet.service.state.people import counted_as
from placet.service.strategies.publishing import PublishedStrategy, speaking
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_AHEAD: Final = timedelta(days=366)
"""How far ahead quiet hours and terms are asked."""


class Speaks(Frozen):
    """A published strategy, and whether it had a say.

    Attributes:
        reached: The share of its cohort that it may treat now, in basis points, by its rollout.
        silent: Why it had none; empty where it had.
    """

    name: StrategyName
    version: Digest
    reached: Share
    silent: str


class PublishedDecision(Frozen):
    """The next best action by all published strategies, and which these are."""

    decision: NextBestAction
    strategies: tuple[Speaks, ...]


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
    lives = [Live(one, digest(one)) for one in strategies]
    return _decide(database, tenant, customer_id, lives, channel=channel, at=at, known_at=at)


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
        at: The time of the decision. Quiet hours and terms are asked of it, and the state as of it; of a time to come
            the state is that of now, for nobody knows what will have happened.
        now: The current time.

    Raises:
        UsageError: code `unknown_customer`; no event of them is known. Code `malformed`; the time is too far ahead.
        StorageError: the database does not answer, or their row is unreadable.
    """
    if at > now + _AHEAD:
        raise UsageError(f"at: {moment(at)} is more than {_AHEAD.days} days ahead", code="malformed")
    lives, told = list[Live](), list[Speaks]()
    with database.reading() as tx:
        for one in speaking(tx, tenant, policies, now):
            live = _live(tx, one)
            if isinstance(live, Live):
                lives.append(live)
            silent = "" if isinstance(live, Live) else live
            told.append(Speaks(name=one.record.mandate.name, version=one.version, reached=one.reached, silent=silent))
    found = _decide(database, tenant, customer_id, lives, channel=channel, at=at, known_at=min(at, now))
    return PublishedDecision(decision=found, strategies=tuple(told))


def _live(tx: Transaction, one: PublishedStrategy) -> Live | str:
    """Return a strategy as far as its rollout came, or why it says nothing: as its runs find it."""
    if one.state == "exhausted":
        return f"its budget, {one.record.mandate.budget}, is spent"
    if one.state != "valid":
        return one.signature if one.state == "does_not_count" else f"it is {one.state.replace('_', ' ')}"
    try:
        return Live(strategy_of(tx, one.record), one.version, one.reached)
    except DecisionRefused as error:
        return str(error)


def _decide(
    database: Database,
    tenant: str,
    customer_id: str,
    lives: Sequence[Live],
    *,
    channel: Channel,
    at: datetime,
    known_at: datetime,
) -> NextBestAction:
    ready = prepare(lives, channel, at)
    state, drawn_by, members = live_customer(database, tenant, customer_id, known_at)
    if state.newest is None:
        raise UsageError(
            f"no event of customer {customer_id!r} is known, so nothing can be decided", code="unknown_customer"
        )
    row = row_of(state, members) | {"customer_id": drawn_by}
    return decide(ready, row, as_of=state.as_of, state_version=state.version, channel=channel, at=at)


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
