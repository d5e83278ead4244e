"""Reaching a stage: whom it has is taken down once, then runs are started for whoever has none."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from math import ceil
from typing import Final

from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import GovernanceError
from placet.gate.strategies.members import drawings, record_drawing
from placet.gate.strategies.published import Published
from placet.gate.strategies.rollout import RolloutStanding
from placet.service.journeys.starting import Entry, record_entry
from placet.service.rollouts.enrolling import enrol, members_digest
from placet.service.rollouts.knowing import Known
from placet.service.rollouts.turns import Turns
from placet.service.runs import Carries, build_request, record_requests
from placet.storage.database import Database
from placet.storage.strategies.rollouts import RolloutRow
from placet.storage.transaction import Transaction

MOST_UNDER_WAY: Final = 60
"""Runs of one rollout that a worker has still to carry on: with more, none is started."""
TICK: Final = 2
"""Seconds between two batches of runs."""
MOST_COUNTED: Final = 1_000
"""Members who are left are counted so far at each step, whatever the size of the stage."""
_HOUR: Final = 3_600
_WORKER: Final = "worker"


def batch(database: Database, known: Known, turns: Turns) -> tuple[RunRequest | JourneyAsked, ...]:
    """Take the cohort down where a stage begins, and record the runs or journeys that are to be started next."""
    asked, stands, row = known.asked, known.stands, known.row
    coming = known.it.strategy.rollout.coming
    if stands.reached == 0:
        return ()
    if row.enrolled <= stands.moves and not coming:
        _draw(database, known)
    if is_reopening(stands, row):
        with database.transaction() as tx:
            _reopen(tx, asked, stands)
    with database.reading() as tx:
        room = turns.room(tx, asked, known.found)
        most = room if coming else min(room, _per_tick(known.found))
        under_way = tx.rollouts.open_runs if known.it.strategy.steps else tx.rollouts.under_way
        most = max(min(most, MOST_UNDER_WAY - under_way(asked.tenant, asked.version)), 0)
        waiting = () if coming else tx.rollouts.waiting(asked.tenant, asked.version, stands.reached, most)
    if coming:
        waiting = tuple(turns.next(asked, known.found, stands.reached, most))
    if known.it.strategy.steps:
        return tuple(_enter(database, asked, customer_id, known.now) for customer_id in waiting)
    wanted = list(_requests(asked, stands, waiting))
    if not coming:
        return record_requests(database, wanted)
    requests = turns.take(asked, known.found, wanted)
    _note_signals(database, asked, requests, known.now)
    return requests


def _enter(database: Database, asked: RolloutAsked, customer_id: str, now: datetime) -> JourneyAsked:
    """Record that a customer enters a strategy of several steps."""
    with database.reading() as tx:
        known = tx.coming.signal(asked.tenant, asked.version, customer_id)
    entry = Entry(
        tenant=asked.tenant,
        customer_id=customer_id,
        strategy=asked.strategy,
        version=asked.version,
        agent=asked.agent,
        channel=asked.channel,
        requested_by=asked.requested_by,
        signal_at=None if known is None else known[0],
    )
    return record_entry(database, entry, at=now).asked


def note(database: Database, asked: RolloutAsked, requests: Sequence[RunRequest | JourneyAsked], now: datetime) -> None:
    """Note that runs or journeys were started."""
    with database.transaction() as tx:
        for one in requests:
            started = one.workflow_id if isinstance(one, JourneyAsked) else one.run_id
            tx.rollouts.note_run(asked.tenant, asked.version, one.customer_id, started, now)


def is_reopening(stands: RolloutStanding, row: RolloutRow) -> bool:
    """Return whether members may be left whose run a hold ended that was lifted since."""
    return stands.held_at is not None and stands.resumed_at is not None and row.reopened < stands.holds


def left(tx: Transaction, known: Known, turns: Turns) -> int:
    """Return how many members of a stage are to get a run, not counted further than `MOST_COUNTED`."""
    asked, stands, row = known.asked, known.stands, known.row
    if known.it.strategy.rollout.coming:
        never = turns.left(tx, asked, known.found, stands.share, MOST_COUNTED)
    else:
        never = tx.rollouts.left(asked.tenant, asked.version, stands.share, MOST_COUNTED)
    if never >= MOST_COUNTED or not is_reopening(stands, row) or stands.held_at is None or stands.resumed_at is None:
        return never
    return never + tx.rollouts.stopped(asked.tenant, asked.version, stands.held_at, stands.resumed_at)


def _draw(database: Database, known: Known) -> None:
    """Take the cohort down, and put on the record whom: before anybody of them gets a run."""
    asked, it = known.asked, known.it
    with database.transaction() as tx:
        number = len(drawings(tx, it)) + 1
        tx.rollouts.forget(asked.tenant, asked.version, number)
    taken = enrol(database, asked.tenant, it.strategy, asked.version, known.now, number)
    so_far, seals = members_digest(database, asked.tenant, asked.version, known.now)
    with database.transaction() as tx:
        record_drawing(tx, it, number, known.stands.stage, taken, so_far=so_far, seals=seals)
        tx.rollouts.put(asked.tenant, asked.version, enrolled=known.stands.moves + 1, reached_at=None)


def _reopen(tx: Transaction, asked: RolloutAsked, stands: RolloutStanding) -> None:
    """Let whoever was under way while the rollout was held be asked once more."""
    if stands.held_at is None or stands.resumed_at is None:
        return
    over = not tx.rollouts.open_from(asked.tenant, asked.version, stands.resumed_at)
    tx.rollouts.reopen(asked.tenant, asked.version, stands.held_at, stands.resumed_at)
    if over:
        tx.rollouts.put(asked.tenant, asked.version, reopened=stands.holds)


def _note_signals(database: Database, asked: RolloutAsked, requests: Sequence[RunRequest], now: datetime) -> None:
    """Put on each run's record what brought its customer in, and when."""
    with database.transaction() as tx:
        for request in requests:
            known = tx.coming.signal(asked.tenant, asked.version, request.customer_id)
            signal_at, entered_at = known or (None, now)
            body = {
                "strategy": asked.strategy,
                "version": asked.version,
                "signal_at": None if signal_at is None else signal_at.isoformat(),
                "entered_at": entered_at.isoformat(),
            }
            with suppress(GovernanceError):  # it was ended before it began: nothing more is said of it
                tx.record(request, "rollout.entered", actor=_WORKER, at=now, body=body)


def _requests(asked: RolloutAsked, stands: RolloutStanding, customers: Sequence[str]) -> Iterator[RunRequest]:
    carried = Carries(asked.strategy, asked.version, asked.channel, asked.agent)
    for customer_id in customers:
        yield build_request(
            tenant=asked.tenant,
            customer_id=customer_id,
            agent=asked.agent,
            requested_by=asked.requested_by,
            key=f"rollout-{asked.version[:32]}-{stands.holds}-{customer_id}",
            agents=(asked.agent,),
            carries=carried,
        )


def pace(found: Published) -> int:
    """Return the seconds between two batches of a stage: an hour's runs are spread over the hour."""
    return max(TICK, ceil(_HOUR / found.strategy.rollout.per_hour))


def _per_tick(found: Published) -> int:
    return max(ceil(found.strategy.rollout.per_hour * pace(found) / _HOUR), 1)
