"""What a rollout's workflow asks: where it stands, who is next, what the guard rails say. All of it by the record."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from placet.contracts.audit import tenant_stream
from placet.contracts.outcomes.guard import Look
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.run import RunRequest
from placet.contracts.strategies.rolling import RolloutAsked, RolloutStep
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted, spoken
from placet.contracts.times import moment
from placet.decisioning.guard_rails.judging import judge
from placet.decisioning.next_best_action.hurdles import closed
from placet.decisioning.outcomes.sample_ratio import planned_ratio
from placet.errors import DecisionRefused, GovernanceError, PlacetError
from placet.gate.strategies.published import Published, published
from placet.gate.strategies.rollout import (
    ENDED,
    HELD,
    MOVED,
    STARTED,
    Authorised,
    RolloutStanding,
    body_of,
    standing_of,
)
from placet.governance.authority.mandates import left as left_of
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import canonical_bytes
from placet.service.rollouts.measuring import enrol, measure
from placet.service.runs import Carries, build_request, record_request
from placet.storage.database import Database
from placet.storage.strategies.rollouts import RolloutRow
from placet.storage.transaction import Transaction

LOOKED: Final = "rollout.looked"
ASKED: Final = "rollout.asked"

LOOK_MEDIA_TYPE: Final = "application/vnd.placet.rollout-look+json"
MOST_UNDER_WAY: Final = 60
"""Runs of one rollout that a worker has still to carry on: with more, none is started."""

_TICK: Final = 2
"""Seconds between two batches of runs."""
_CLOSED: Final = 600
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
            found, stands, row = self._known(tx, asked, now)
        if stands.reached == 0:
            return ()
        if row.enrolled <= stands.moves:
            enrol(self._database, asked.tenant, found.strategy, asked.version, now)
            with self._database.transaction() as tx:
                tx.rollouts.put(asked.tenant, asked.version, enrolled=stands.moves + 1, reached_at=None)
        with self._database.transaction() as tx:
            if stands.held_at is not None and stands.resumed_at is not None:
                # who was under way while it was held ended without anything: they are asked once more
                tx.rollouts.reopen(asked.tenant, asked.version, stands.held_at, stands.resumed_at)
        with self._database.reading() as tx:
            most = min(_per_tick(found), MOST_UNDER_WAY - tx.rollouts.under_way(asked.tenant, asked.version))
            waiting = tx.rollouts.waiting(asked.tenant, asked.version, stands.reached, max(most, 0))
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
        return tuple(requests)

    def note(self, asked: RolloutAsked, request: RunRequest) -> None:
        """Note that a run was started."""
        with self._database.transaction() as tx:
            tx.rollouts.note_run(asked.tenant, asked.version, request.customer_id, request.run_id)

    def look(self, asked: RolloutAsked) -> None:
        """Look at the guard rails, put what was seen on the record, and do what follows."""
        now = self._clock()
        with self._database.reading() as tx:
            found, stands, row = self._known(tx, asked, now)
            before = _looks_before(tx, asked, row.looks)
        if stands.ended is not None:
            return
        strategy = found.strategy
        seen = measure(self._database, asked.tenant, strategy, asked.version, reached=stands.share, at=now)
        planned = planned_ratio(strategy.holdout, stands.share)
        verdicts = tuple(
            judge(
                rail,
                seen.treated[rail.measure],
                seen.control[rail.measure],
                at=now,
                planned=planned,
                before=[one for looks in before if (one := looks.get(number)) is not None],
                counting="anew",
            )
            for number, rail in enumerate(strategy.rollout.guard_rails)
        )
        look = RolloutLook(
            strategy=strategy.name,
            version=asked.version,
            number=row.looks + 1,
            at=now,
            stage=stands.stage,
            reached=stands.share,
            treated=seen.members[0],
            control=seen.members[1],
            not_counted=max(sum(seen.members) - seen.counted, 0),
            verdicts=verdicts,
        )
        with self._database.transaction() as tx:
            self._record(tx, asked, look, now)

    def _stand(self, tx: Transaction, asked: RolloutAsked, now: datetime) -> RolloutStep:
        try:
            found, stands, row = self._known(tx, asked, now)
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
        left = tx.rollouts.left(asked.tenant, asked.version, stands.share) + self._reopened(tx, asked, stands)
        if left or row.enrolled <= stands.moves:
            if row.enrolled > stands.moves and self._is_due(stands, row, now):
                return step("looking", 1, "looks at its guard rails")
            shut = _shut(asked, found, now)
            if shut is not None:
                return step("closed", _CLOSED, shut)
            share = share_in_words(stands.share)
            said = f"starts runs for the {share} of its cohort; {counted(left, 'customer')} of them left"
            return step("reaching", _TICK, said)
        if row.reached_at is None:
            tx.rollouts.put(asked.tenant, asked.version, reached_at=now)
            row = row.model_copy(update={"reached_at": now})
        return self._watched(tx, asked, found, stands, row, step, now)

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
        ends = reached_at + _hold(found)
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

    def _known(
        self, tx: Transaction, asked: RolloutAsked, now: datetime
    ) -> tuple[Published, RolloutStanding, RolloutRow]:
        """Return the strategy, where its rollout stands by the record, and its row.

        Raises:
            DecisionRefused: the strategy is not in force.
            GovernanceError: code `rollout_altered`; the row is gone or cannot be read.
        """
        policies = self._policies(asked.tenant, asked.agent)
        found = published(tx, asked.tenant, asked.agent, asked.version, policies, now)
        stands = standing_of(tx, Authorised(found.strategy, found.record.mandate, policies, now))
        row = tx.rollouts.get(asked.tenant, asked.version)
        if row is None:
            raise GovernanceError(f"the rollout of {asked.strategy!r} has no row", code="rollout_altered")
        return found, stands, row

    def _record(self, tx: Transaction, asked: RolloutAsked, look: RolloutLook, now: datetime) -> None:
        policies = self._policies(asked.tenant, asked.agent)
        found = published(tx, asked.tenant, asked.agent, asked.version, policies, now)
        it = Authorised(found.strategy, found.record.mandate, policies, now)
        stands = standing_of(tx, it)
        digest = tx.artifacts.put(asked.tenant, LOOK_MEDIA_TYPE, canonical_bytes(look))
        tx.record_act(
            asked.tenant,
            "rollout.looked",
            _WORKER,
            now,
            f"{asked.version}.{look.number}",
            body_of(
                it,
                number=look.number,
                look=digest,
                outcome=look.outcome,
                reached=look.reached,
                rails=[
                    {
                        "measure": one.rail.measure,
                        "verdict": one.verdict,
                        "look": None if one.look is None else one.look.model_dump(mode="json"),
                    }
                    for one in look.verdicts
                ],
            ),
        )
        row = tx.rollouts.get(asked.tenant, asked.version)
        tx.rollouts.put(asked.tenant, asked.version, looks=look.number, looked_at=now)
        if (stands.stage, stands.held) != (look.stage, None) or row is None:
            return  # somebody has ordered otherwise meanwhile
        if look.outcome == "failed":
            self._fail(tx, asked, it, stands, look, digest, now)
        held_long = row.reached_at is not None and now >= row.reached_at + _hold(found)
        if look.outcome == "passed" and held_long:
            self._pass(tx, asked, it, stands, look, digest, now)

    def _fail(
        self,
        tx: Transaction,
        asked: RolloutAsked,
        it: Authorised,
        stands: RolloutStanding,
        look: RolloutLook,
        digest: str,
        now: datetime,
    ) -> None:
        failed = [one for one in look.verdicts if one.verdict == "fail"]
        why = f"guard rail {' and '.join(spoken(one.rail.measure) for one in failed)} failed at look {look.number}"
        back = all(one.rail.then == "step_back" for one in failed) and stands.stage > 0
        if back:
            to = stands.stage - 1
            body = body_of(it, stage=to, document=None, reason=why, evidence=digest)
            tx.record_act(asked.tenant, MOVED, _WORKER, now, f"{asked.version}.{stands.moves + 1}", body)
        reverse = any(one.rail.then == "stop_and_reverse" for one in failed)
        reason = f"{why}{'; back to the stage before' if back else ''}"
        body = body_of(it, reason=reason, evidence=digest, reverse=reverse)
        tx.record_act(asked.tenant, HELD, _WORKER, now, f"{asked.version}.{stands.holds + 1}", body)

    def _pass(
        self,
        tx: Transaction,
        asked: RolloutAsked,
        it: Authorised,
        stands: RolloutStanding,
        look: RolloutLook,
        digest: str,
        now: datetime,
    ) -> None:
        stages = it.strategy.rollout.stages
        if stands.stage + 1 == len(stages):
            body = body_of(it, how="completed", reason="its last stage passed", evidence=digest)
            tx.record_act(asked.tenant, ENDED, _WORKER, now, asked.version, body)
            return
        to = stages[stands.stage + 1]
        body = body_of(it, number=stands.moves + 1, to=to, evidence=digest, looks=look.number)
        tx.record_act(asked.tenant, "rollout.asked", _WORKER, now, f"{asked.version}.{stands.moves}", body)


def _shut(asked: RolloutAsked, found: Published, now: datetime) -> str | None:
    """Return why no run may be started now; None where one may."""
    if left_of(found.record).amount_minor <= 0:
        return f"the budget of {found.strategy.budget.total} is spent"
    shut = closed(found.strategy, asked.channel, now)
    return None if shut is None else shut.said


def _hold(found: Published) -> timedelta:
    return timedelta(days=found.strategy.rollout.hold_days)


def _per_tick(found: Published) -> int:
    return max(ceil(found.strategy.rollout.per_hour * _TICK / _HOUR), 1)


def _looks_before(tx: Transaction, asked: RolloutAsked, many: int) -> list[dict[int, Look]]:
    """Return what each earlier look counted, by guard rail; what cannot be read counts as no look."""
    found: list[dict[int, Look]] = []
    for number in range(1, many + 1):
        entry = tx.audit.find(tenant_stream(asked.tenant), f"{LOOKED}.{asked.version}.{number}")
        rails = [] if entry is None else entry.body.get("rails", [])
        looks: dict[int, Look] = {}
        for place, one in enumerate(rails):
            with suppress(ValueError, TypeError, KeyError):
                looks[place] = Look.model_validate(one["look"])
        found.append(looks)
    return found
