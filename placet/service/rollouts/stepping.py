"""What a rollout's workflow asks: where it stands, who is next, what the guard rails say. All of it by the record."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from placet.contracts.audit import tenant_stream
from placet.contracts.run import RunRequest
from placet.contracts.strategies.rolling import RolloutAsked, RolloutStep
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.decisioning.next_best_action.hurdles import closed
from placet.errors import DecisionRefused, GovernanceError, PlacetError
from placet.gate.strategies.published import Published
from placet.gate.strategies.rollout import (
    ENDED,
    STARTED,
    RolloutStanding,
)
from placet.governance.authority.mandates import left as left_of
from placet.governance.policy.set import PolicySet
from placet.service.rollouts.enrolling import ENROLLED, enrol, members_digest
from placet.service.rollouts.looking import ASKED, Looks, hold_of, known_rollout
from placet.service.rollouts.turns import Turns
from placet.service.runs import Carries, build_request, record_request
from placet.storage.database import Database
from placet.storage.strategies.rollouts import RolloutRow
from placet.storage.transaction import Transaction

MOST_UNDER_WAY: Final = 60
"""Runs of one rollout that a worker has still to carry on: with more, none is started."""

_TICK: Final = 2
"""Seconds between two batches of runs."""
_CLOSED: Final = 600
_TURN: Final = 30
"""Until it is asked again whether this hour has room for one more run."""
_HEARS: Final = 300
_HOUR: Final = 3_600
_DAY: Final = 86_400
_WORKER: Final = "worker"


class RolloutSteps:
    """The steps of rollouts, for a worker.

    Args:
        database: Where the record is.
        policies: The policy set in force for a tenant and agent.
        clock: The current time.
        look_every: Between two looks at the guard rails.
    """

    def __init__(
        self,
        database: Database,
        policies: Callable[[str, str], PolicySet],
        clock: Callable[[], datetime],
        look_every: timedelta = timedelta(days=1),
    ) -> None:
        self._database, self._policies, self._clock = database, policies, clock
        self._look_every = look_every
        self._turns = Turns(database, policies, clock)
        self._looks = Looks(database, policies, clock)

    def check_asked(self, asked: RolloutAsked) -> None:
        """Make sure that somebody started this rollout, by the record.

        Raises:
            GovernanceError: code `not_requested`; nobody did, or otherwise.
        """
        with self._database.reading() as tx:
            entry = tx.audit.find(tenant_stream(asked.tenant), f"{STARTED}.{asked.version}")
        said = None if entry is None else (entry.actor, entry.body.get("agent"), entry.body.get("channel"))
        if said != (asked.requested_by, asked.agent, asked.channel):
            raise GovernanceError(
                f"rollout of version {asked.version[:16]!r} was never started so; nothing is done for it",
                code="not_requested",
            )

    def stand(self, asked: RolloutAsked) -> RolloutStep:
        """Return where a rollout stands, and write it into its row."""
        now = self._clock()
        with self._database.transaction() as tx:
            step = self._stand(tx, asked, now)
            tx.rollouts.put(
                asked.tenant,
                asked.version,
                phase=step.phase,
                detail=step.detail,
                stage=step.stage,
                next_at=now + timedelta(seconds=step.wait_seconds),
            )
            return step

    def batch(self, asked: RolloutAsked) -> tuple[RunRequest, ...]:
        """Take the cohort down where a stage begins, and record the runs that are to be started next."""
        now = self._clock()
        with self._database.reading() as tx:
            found, stands, row = known_rollout(tx, asked, self._policies, now)
        if stands.reached == 0:
            return ()
        coming = found.strategy.rollout.coming
        if row.enrolled <= stands.moves and not coming:
            self._enrol(asked, found, stands, now)
        with self._database.transaction() as tx:
            if stands.held_at is not None and stands.resumed_at is not None:
                # who was under way while it was held ended without anything: they are asked once more
                tx.rollouts.reopen(asked.tenant, asked.version, stands.held_at, stands.resumed_at)
        with self._database.reading() as tx:
            room = self._turns.room(tx, asked, found) if coming else _per_tick(found)
            most = max(min(room, MOST_UNDER_WAY - tx.rollouts.under_way(asked.tenant, asked.version)), 0)
            waiting = () if coming else tx.rollouts.waiting(asked.tenant, asked.version, stands.reached, most)
        if coming:
            waiting = tuple(self._turns.next(asked, found, stands.reached, most))
        carried = Carries(asked.strategy, asked.version, asked.channel, asked.agent)
        requests = []
        for customer_id in waiting:
            request = build_request(
                tenant=asked.tenant,
                customer_id=customer_id,
                agent=asked.agent,
                requested_by=asked.requested_by,
                key=f"rollout-{asked.version[:32]}-{stands.holds}-{customer_id}",
                agents=(asked.agent,),
                carries=carried,
            )
            requests.append(record_request(self._database, request).request)
        if coming:
            self._note_signals(asked, requests, now)
        return tuple(requests)

    def _note_signals(self, asked: RolloutAsked, requests: Sequence[RunRequest], now: datetime) -> None:
        """Put on each run's record what brought its customer in, and when."""
        with self._database.transaction() as tx:
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

    def _enrol(self, asked: RolloutAsked, found: Published, stands: RolloutStanding, now: datetime) -> None:
        """Take the cohort down, and put on the record who that is: a row that is altered or gone is then found."""
        new = enrol(self._database, asked.tenant, found.strategy, asked.version, now)
        members, seals = members_digest(self._database, asked.tenant, asked.version, now)
        with self._database.transaction() as tx:
            tx.rollouts.put(asked.tenant, asked.version, enrolled=stands.moves + 1, reached_at=None)
            body = {"strategy": asked.strategy, "version": asked.version, "members": members, "new": new}
            what = f"{asked.version}.{stands.moves}"
            tx.record_act(asked.tenant, ENROLLED, _WORKER, now, what, {**body, "digest": seals})

    def note(self, asked: RolloutAsked, request: RunRequest) -> None:
        """Note that a run was started."""
        with self._database.transaction() as tx:
            tx.rollouts.note_run(asked.tenant, asked.version, request.customer_id, request.run_id)
            tx.coming.note_started(asked.tenant, asked.version, request.customer_id, self._clock())

    def look(self, asked: RolloutAsked) -> None:
        """Look at the guard rails, put what was seen on the record, and do what follows."""
        self._looks.look(asked)

    def _stand(self, tx: Transaction, asked: RolloutAsked, now: datetime) -> RolloutStep:
        try:
            found, stands, row = known_rollout(tx, asked, self._policies, now)
        except (DecisionRefused, PlacetError) as error:
            ended = tx.audit.find(tenant_stream(asked.tenant), f"{ENDED}.{asked.version}")
            phase = "closed" if ended is None else "over"
            return RolloutStep(phase=phase, stage=0, reached=0, wait_seconds=_HOUR, detail=str(error))

        def step(phase: str, seconds: float, detail: str) -> RolloutStep:
            values = {"phase": phase, "stage": stands.stage, "reached": stands.reached, "detail": detail}
            return RolloutStep.model_validate({**values, "wait_seconds": max(ceil(seconds), 1)})

        if stands.ended is not None or stands.held is not None:
            said = stands.held if stands.ended is None else stands.ended.body.get("reason")
            return step("held" if stands.ended is None else "over", _DAY, str(said or "no reason given"))
        coming = found.strategy.rollout.coming
        if coming and row.enrolled <= stands.moves:
            # Members come as they come: the stage is reached when it begins, and its hold time runs from then on.
            tx.rollouts.put(asked.tenant, asked.version, enrolled=stands.moves + 1, reached_at=now)
            row = row.model_copy(update={"enrolled": stands.moves + 1, "reached_at": now})
        left = tx.rollouts.left(asked.tenant, asked.version, stands.share) + self._reopened(tx, asked, stands)
        if left or row.enrolled <= stands.moves:
            return self._reaching(tx, asked, found, stands, row, left, step, now)
        if row.reached_at is None:
            tx.rollouts.put(asked.tenant, asked.version, reached_at=now)
            row = row.model_copy(update={"reached_at": now})
        watched = self._watched(tx, asked, found, stands, row, step, now)
        # Whoever comes in is told at once; where that was lost, it is found out.
        return watched.model_copy(update={"wait_seconds": min(watched.wait_seconds, _HEARS)}) if coming else watched

    def _reaching(
        self,
        tx: Transaction,
        asked: RolloutAsked,
        found: Published,
        stands: RolloutStanding,
        row: RolloutRow,
        left: int,
        step: Callable[[str, float, str], RolloutStep],
        now: datetime,
    ) -> RolloutStep:
        """Say what is done while runs are to be started for some members."""
        if row.enrolled > stands.moves and self._is_due(stands, row, now):
            return step("looking", 1, "looks at its guard rails")
        shut = _shut(asked, found, now)
        if shut is not None:
            return step("closed", _CLOSED, shut)
        share = share_in_words(stands.share)
        if not found.strategy.rollout.coming:
            said = f"starts runs for the {share} of its cohort; {counted(left, 'customer')} of them left"
            return step("reaching", _TICK, said)
        said = f"reaches {share} of who comes in; {counted(left, 'customer')} with no run yet"
        return step("reaching", _TICK if self._turns.room(tx, asked, found) else _TURN, said)

    def _is_due(self, stands: RolloutStanding, row: RolloutRow, now: datetime) -> bool:
        """Return whether a look is due although runs are still to be started: a stage may take months to reach."""
        began = max(one for one in (stands.moved_at, row.looked_at, row.started_at) if one is not None)
        return now >= began + self._look_every

    def _reopened(self, tx: Transaction, asked: RolloutAsked, stands: RolloutStanding) -> int:
        """Return how many members are to be asked once more, since their run ended while the rollout was held."""
        if stands.held_at is None or stands.resumed_at is None:
            return 0
        return tx.rollouts.stopped(asked.tenant, asked.version, stands.held_at, stands.resumed_at)

    def _watched(
        self,
        tx: Transaction,
        asked: RolloutAsked,
        found: Published,
        stands: RolloutStanding,
        row: RolloutRow,
        step: Callable[[str, float, str], RolloutStep],
        now: datetime,
    ) -> RolloutStep:
        reached_at = row.reached_at or now
        ends = reached_at + hold_of(found)
        last = max(reached_at, row.looked_at or reached_at)
        due = min(last + self._look_every, ends) if last < ends else last + self._look_every
        if now >= due:
            return step("looking", 1, "looks at its guard rails")
        seconds = (due - now).total_seconds()
        asking = tx.audit.find(tenant_stream(asked.tenant), f"{ASKED}.{asked.version}.{stands.moves}")
        share = share_in_words(stands.share)
        if asking is not None:
            return step("asking", seconds, f"reached {share}, and waits for a signature on the next stage")
        return step("watching", seconds, f"reached {share}; looks again at {moment(due)}, holds until {moment(ends)}")


def _shut(asked: RolloutAsked, found: Published, now: datetime) -> str | None:
    """Return why no run may be started now; None where one may."""
    if left_of(found.record).amount_minor <= 0:
        return f"the budget of {found.strategy.budget.total} is spent"
    shut = closed(found.strategy, asked.channel, now)
    return None if shut is None else shut.said


def _per_tick(found: Published) -> int:
    return max(ceil(found.strategy.rollout.per_hour * _TICK / _HOUR), 1)
