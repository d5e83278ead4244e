"""Whose turn it is to get a run, of those who came into a strategy: at most so many an hour, and one strategy for each.

    (1) While a run of another strategy is under way for a customer, their turn in this one waits.
    (2) Where such a run took effect since they came into this one, it starts none: they were treated.
    (3) Where they wait in several, each is asked what it would do for them on its own channel. The one that is worth
        most starts its run; those that it outranks start none.
    (4) Who starts a run asks (1) again while nobody else can start one for that customer.

The record says why a turn ended without a run. One that would do nothing, or whose worth only a run can tell, is not
outranked: (1) and (2) hold for it, whichever begins. Strategies that take customers as they come are asked, and no
messages of service, which nothing binds. What the contact policy permits is asked in the run, as ever.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from placet.contracts.base import CustomerId
from placet.contracts.money import Money
from placet.contracts.run import RunRequest
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import assign
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.proposing import state_for
from placet.errors import GovernanceError, UsageError
from placet.gate.context import LiveCustomer
from placet.gate.strategies.published import Published
from placet.governance.authority.mandates import left
from placet.governance.policy.set import PolicySet
from placet.service.rollouts.coming import Open, open_rollouts
from placet.service.runs import record_in
from placet.service.strategies.at_step import first_step
from placet.service.strategies.deciding import Case, decide_on, live_customer, row_in
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_AN_HOUR: Final = timedelta(hours=1)
_AT_ONCE: Final = 20
"""Runs of one step: a worker that dies in it leaves runs that count as under way, and must leave room for the rest."""
_REMEMBERED: Final = 1_000
"""Versions of which it is remembered whether they are of service."""
_WORKER: Final = "worker"
_NOT_DRAWN: Final = "not_drawn"
_TREATED: Final = "treated"


class Worth(NamedTuple):
    """What one strategy would do for a customer, in its own currency."""

    one: Open
    value: Money


class Turns:
    """Says for whom a strategy that takes customers as they come starts a run next.

    Args:
        database: Where the record is.
        policies: The policy set in force for a tenant and agent.
        clock: The current time.
    """

    def __init__(
        self, database: Database, policies: Callable[[str, str], PolicySet], clock: Callable[[], datetime]
    ) -> None:
        self._database, self._policies, self._clock = database, policies, clock
        self._services = dict[str, bool]()

    def room(self, tx: Transaction, asked: RolloutAsked, found: Published) -> int:
        """Return how many runs may be started now: of those of this hour, a few."""
        begun = tx.coming.started_since(asked.tenant, asked.version, self._clock() - _AN_HOUR)
        return min(max(found.strategy.rollout.per_hour - begun, 0), _AT_ONCE)

    def next(self, asked: RolloutAsked, found: Published, reached: int, most: int) -> Iterator[CustomerId]:
        """Yield for whom a run is to be started now, at most so many. Who is passed over is put on the record."""
        with self._database.reading() as tx:
            besides = self._besides(tx, asked)
            waiting = self._next(tx, asked, found, reached, most, besides)
            opened = tuple(open_rollouts(tx, asked.tenant, self._policies, self._clock())) if waiting else ()
        mine = next((one for one in opened if one.asked.version == asked.version), None)
        if mine is None:
            return
        for customer_id in waiting:
            if not _drawn(found, customer_id, reached):
                self._pass_over(asked, customer_id, _NOT_DRAWN, {"why": _NOT_DRAWN})
                continue
            taken = None if _binds_nothing(found.strategy) else self._taken(mine, opened, customer_id, besides)
            if taken is None:
                yield customer_id
            else:
                self._pass_over(asked, customer_id, taken["by"], taken)

    def left(self, tx: Transaction, asked: RolloutAsked, found: Published, reached: int, most: int) -> int:
        """Return for how many members a run may be started, not counted further than `most`."""
        if _binds_nothing(found.strategy):
            return tx.rollouts.left(asked.tenant, asked.version, reached, most)
        return tx.coming.left(asked.tenant, asked.version, reached, most, self._besides(tx, asked))

    def take(self, asked: RolloutAsked, found: Published, requests: Iterable[RunRequest]) -> tuple[RunRequest, ...]:
        """Put the runs on the record that are to be started; none where another strategy's began meanwhile.

        Raises:
            UsageError: a key was used for another customer or agent.
        """
        begun, bound = list[RunRequest](), not _binds_nothing(found.strategy)
        for request in requests:
            with self._database.transaction() as tx:
                tx.contacts.lock(asked.tenant, request.customer_id)
                if not (bound and tx.coming.in_hand(asked.tenant, request.customer_id, self._besides(tx, asked))):
                    begun.append(record_in(tx, request))
        return tuple(begun)

    def _besides(self, tx: Transaction, asked: RolloutAsked) -> tuple[str, ...]:
        """Return the versions that take nobody's turn in a version: itself, and messages of service."""
        others = [one.version for one in tx.coming.open(asked.tenant, self._clock()) if one.version != asked.version]
        return asked.version, *(one for one in others if self._is_service(tx, asked.tenant, one))

    def _is_service(self, tx: Transaction, tenant: str, version: str) -> bool:
        """Return whether a version's text is of messages of service; its digest says that it never changes."""
        if version not in self._services:
            try:
                text = tx.artifacts.get_model(version, Strategy, tenant=tenant)
            except (GovernanceError, UsageError):
                return False  # gone or altered: its runs propose nothing
            if len(self._services) >= _REMEMBERED:
                self._services.clear()
            self._services[version] = _binds_nothing(text)
        return self._services[version]

    def _next(
        self, tx: Transaction, asked: RolloutAsked, found: Published, reached: int, most: int, besides: Sequence[str]
    ) -> tuple[CustomerId, ...]:
        if _binds_nothing(found.strategy):
            return tx.rollouts.waiting(asked.tenant, asked.version, reached, most)
        return tx.coming.next(asked.tenant, asked.version, reached, most, besides)

    def _taken(
        self, mine: Open, opened: Sequence[Open], customer_id: str, besides: Sequence[str]
    ) -> dict[str, str] | None:
        """Return which other strategy has the turn of a customer, and why; None where none has."""
        asked = mine.asked
        with self._database.reading() as tx:
            treated = tx.coming.treated_by(asked.tenant, asked.version, customer_id, besides)
            beside = tx.coming.beside(asked.tenant, asked.version, customer_id).difference(besides)
        if treated is not None:
            return {"why": _TREATED, "by": treated.version, "by_name": treated.name, "by_run": treated.run_id}
        rivals = [one for one in opened if one.asked.version in beside]
        better = self._better(mine, rivals, customer_id) if rivals else None
        return None if better is None else {"why": "outranked", **better}

    def _better(self, mine: Open, rivals: list[Open], customer_id: str) -> dict[str, str] | None:
        """Return which other strategy is worth more for a customer who waits in several; None where none is."""
        now = self._clock()
        customer = live_customer(self._database, mine.asked.tenant, customer_id, now)
        own = _worth(mine, customer, now)
        if own is None:
            return None
        others = [one for rival in rivals if (one := _worth(rival, customer, now)) is not None]
        comparable = [one for one in others if one.value.currency == own.value.currency]
        best = max([own, *comparable], key=lambda one: (one.value.amount_minor, _first(one.one.asked.strategy)))
        if best is own:
            return None
        winner = best.one.asked
        return {"by": winner.version, "by_name": winner.strategy, "worth": str(own.value), "by_worth": str(best.value)}

    def _pass_over(self, asked: RolloutAsked, customer_id: str, by: str, why: dict[str, str]) -> None:
        body = {"strategy": asked.strategy, "version": asked.version, "customer_id": customer_id, **why}
        about = f"{asked.version}.{customer_id}"
        with self._database.transaction() as tx:
            tx.coming.pass_over(asked.tenant, asked.version, customer_id, by)
            tx.record_act(asked.tenant, "rollout.passed_over", _WORKER, self._clock(), about, body)


def _binds_nothing(strategy: Strategy) -> bool:
    """Return whether a text plainly lets a customer have it beside what others give: messages of service."""
    return strategy.contact.purpose == "service"


def _drawn(found: Published, customer_id: str, reached: int) -> bool:
    """Return whether the draw treats somebody: a row that was made or altered in the database treats nobody."""
    strategy = found.strategy
    return assign(strategy.name, customer_id, holdout_bp=strategy.holdout, weights={}).treated_at(reached)


def _worth(one: Open, customer: LiveCustomer, at: datetime) -> Worth | None:
    """Return what a strategy would do for a customer, by its first step; None: nothing, or only a run can tell."""
    strategy, channel, case = one.found.strategy, one.asked.channel, Case(one.asked.channel, at)
    asked = customer._replace(state=state_for(strategy, customer.state))
    room = left(one.found.record).amount_minor
    first = first_step(strategy, row_in(asked, case))
    ready = prepare([Live(strategy, one.asked.version, one.reached, room, first)], channel, at)
    made = decide_on(ready, asked, case)[0].chosen
    return None if made is None or made.value is None else Worth(one, made.value)


def _first(name: str) -> tuple[int, ...]:
    """Return what is larger for the name that comes first: of two that are worth the same, that one is taken."""
    return tuple(-ord(letter) for letter in f"{name}\x7f")
