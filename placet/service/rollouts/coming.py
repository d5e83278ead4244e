"""Who comes into a strategy as something happens to them.

    (1) Somebody's state changed (`placet.service.state.following`).
    (2) Which strategies take customers as they come, and may reach anybody now, by the record.
    (3) Who is in the cohort of which, by their state as it is now, and drawn into what the rollout has reached.
    (4) Take them down, treated and control group alike, in one transaction for all strategies, and put on the record
        who they are: one entry for each strategy.
    (5) Tell the rollouts in which one of them waits for a run; their own steps start it (`turns`).

A worker that dies anywhere in between is told of the same customers again: who is in a strategy already stays as they
were, and a rollout that is told twice does nothing twice.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from placet.contracts.audit import tenant_stream
from placet.contracts.strategies.rolling import RolloutAsked
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.cohorts.cohort import cohort_of, frame_of
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.next_best_action.hurdles import other_currency
from placet.decisioning.state.aggregate import time_of
from placet.errors import DecisionRefused, StorageError, UsageError
from placet.gate.strategies.published import Published, published
from placet.gate.strategies.rollout import Authorised, standing_of
from placet.governance.authority.mandates import left
from placet.governance.policy.set import PolicySet
from placet.service.strategies.deciding import live_customer
from placet.storage.database import Database
from placet.storage.sql.reading import pass_on_others
from placet.storage.state.changes import Changed
from placet.storage.strategies.coming import CAME, Comer
from placet.storage.transaction import Transaction

_KEPT_SECONDS: Final = 2.0
"""How long it is believed which strategies are open while nothing new is on the tenant's record: what changes without
an entry, such as what is left of a budget, is seen later by so much. Each run asks again."""
_CUSTOMER: Final = "customer_id"


class Open(NamedTuple):
    """A strategy that takes customers as they come, and may reach some now."""

    asked: RolloutAsked
    found: Published
    reached: int


class Comings:
    """Hears of customers whose state changed, and takes down who comes into a strategy by it.

    Args:
        database: Where the record is.
        policies: The policy set in force for a tenant and agent.
        clock: The current time.
        tell: Tells the workflow of a rollout that somebody waits for a run.
        unreadable: Hears of a customer whose row cannot be read; they come in with their next event.
        kept_seconds: How long it is believed which strategies are open.
    """

    def __init__(
        self,
        database: Database,
        policies: Callable[[str, str], PolicySet],
        clock: Callable[[], datetime],
        tell: Callable[[RolloutAsked], None],
        *,
        unreadable: Callable[[str, StorageError], None] = lambda _customer, _error: None,
        kept_seconds: float = _KEPT_SECONDS,
    ) -> None:
        self._database, self._policies, self._clock = database, policies, clock
        self._tell, self._unreadable, self._keep = tell, unreadable, kept_seconds
        self._open: dict[str, tuple[float, str, tuple[Open, ...]]] = {}

    def __call__(self, tenant: str, changed: Sequence[Changed]) -> None:
        """Take down who comes in, and tell the rollouts in which somebody waits.

        Raises:
            PolicyError: the policy of an agent cannot be read, so that nobody knows what is in force.
            StorageError: the database does not answer.
        """
        now = self._clock()
        opened = self._opened(tenant, now)
        if not opened:
            return
        rows, signals = self._rows(tenant, changed, now)
        if not rows:
            return
        frame = frame_of(rows)
        comers = [one for each in opened for one in _comers(each, frame, signals)]
        with self._database.transaction() as tx:
            known = tx.coming.already(tenant, [one.asked.version for one in opened], sorted(signals))
            for one in opened:
                version = one.asked.version
                of_it = [each for each in comers if each.version == version]
                _take_down(tx, one.asked, [each for each in of_it if (version, each.customer_id) not in known], now)
        with self._database.reading() as tx:
            waits = tx.coming.waited_for(tenant, sorted(signals))
        for one in opened:
            if one.asked.version in waits:
                self._tell(one.asked)

    def _opened(self, tenant: str, now: datetime) -> tuple[Open, ...]:
        until, known, opened = self._open.get(tenant, (0.0, "", ()))
        with self._database.reading() as tx:
            last = tx.audit.last(tenant_stream(tenant))
            newest = "" if last is None else last.hash
            # A rollout that was started just now has an entry: nobody who comes after it is missed.
            if newest != known or time.monotonic() >= until:
                opened = tuple(open_rollouts(tx, tenant, self._policies, now))
                self._open[tenant] = (time.monotonic() + self._keep, newest, opened)
        return opened

    def _rows(self, tenant: str, changed: Sequence[Changed], now: datetime) -> tuple[list[Row], dict[str, datetime]]:
        """Return the rows of the people who changed, each once, and when what changed them had happened."""
        rows, drawn = dict[str, Row](), dict[str, str]()
        for one in changed:
            try:
                state, drawn_by, members = live_customer(self._database, tenant, one.customer_id, now)
            except StorageError as error:
                pass_on_others(error)
                self._unreadable(one.customer_id, error)
                continue
            except UsageError:  # the clock went back to before what retention took away: nothing is known of then
                continue
            if state.newest is None:
                continue  # only words were said about them: nothing has happened
            rows[drawn_by] = row_of(state, members) | {_CUSTOMER: drawn_by}
            drawn[one.customer_id] = drawn_by
        # Asking for a state folds what waits: the newest event is then one that was not noted when they were told of.
        with self._database.reading() as tx:
            newer = tx.changes.happened(tenant, sorted(drawn))
        signals = dict[str, datetime]()
        for one in changed:
            if (drawn_by := drawn.get(one.customer_id, "")) in rows:
                at = time_of(max(one.happened_us, newer.get(one.customer_id, 0)))
                signals[drawn_by] = max(at, signals.get(drawn_by, at))
        return list(rows.values()), signals


def open_rollouts(
    tx: Transaction, tenant: str, policies: Callable[[str, str], PolicySet], now: datetime
) -> Iterator[Open]:
    """Yield the strategies that take customers as they come and may reach some now, by the record.

    While one is held, not in force or out of money, nobody comes into it: who would have comes in with what happens to
    them next.

    Raises:
        PolicyError: the policy of an agent cannot be read.
    """
    for asked in tx.coming.open(tenant, now):
        policy = policies(tenant, asked.agent)
        try:
            found = published(tx, tenant, asked.agent, asked.version, policy, now)
            stands = standing_of(tx, Authorised(found.strategy, found.record.mandate, policy, now))
        except DecisionRefused:
            continue  # its own steps say why
        began = stands.started
        said = None if began is None else (began.actor, began.body.get("agent"), began.body.get("channel"))
        starts = said == (asked.requested_by, asked.agent, asked.channel) and stands.ended is None
        if starts and stands.reached and found.strategy.rollout.coming and left(found.record).amount_minor > 0:
            yield Open(asked, found, stands.reached)


def _take_down(tx: Transaction, asked: RolloutAsked, comers: Sequence[Comer], now: datetime) -> None:
    """Take down who comes into one version, and name them on the record; who is there already stays as they were."""
    ordered = sorted(comers, key=lambda one: one.customer_id)
    new = [one for one in ordered if tx.coming.enter(asked.tenant, one, now)]
    if not new:
        return
    named = [
        {
            "customer_id": one.customer_id,
            "control": one.control,
            "bucket": one.bucket,
            "signal_at": one.signal_at.isoformat(),
        }
        for one in new
    ]
    body = {"strategy": asked.strategy, "version": asked.version, "members": len(new), "came": named}
    step = f"{CAME}.{new[0].customer_id}"  # nobody comes into a version twice
    entry = tx.record_coming(asked.tenant, asked.version, CAME, at=now, step=step, body=body)
    tx.coming.note_entry(asked.tenant, asked.version, [one.customer_id for one in new], entry.seq)


def _comers(one: Open, frame: pl.DataFrame, signals: dict[str, datetime]) -> Iterator[Comer]:
    """Yield who is in a strategy's cohort and drawn into what its rollout has reached, control group or not."""
    strategy = one.found.strategy
    cohort, paying = cohort_of(strategy.cohort), cohort_of(other_currency(strategy.market.currency))
    inside = cohort.members(frame).fill_null(value=False) & paying.members(frame).fill_null(value=False)
    ids = frame.filter(inside)[_CUSTOMER]
    if ids.is_empty():
        return
    drawn = assign_all(strategy.name, ids, holdout_bp=strategy.holdout, weights={})
    for customer, held, bucket in drawn.select(_CUSTOMER, "held_out", "rollout_bucket").iter_rows():
        if bucket < one.reached:
            yield Comer(
                version=one.asked.version,
                customer_id=customer,
                control=held,
                bucket=bucket,
                signal_at=signals[customer],
            )
