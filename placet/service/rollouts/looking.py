"""Looks at the guard rails of a rollout: what is counted, what goes on the record, and what follows from it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from placet.contracts.audit import tenant_stream
from placet.contracts.outcomes.guard import Look
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.strategies.written import WHOLE
from placet.contracts.text import spoken
from placet.decisioning.guard_rails.judging import judge
from placet.decisioning.outcomes.sample_ratio import planned_ratio
from placet.errors import GovernanceError
from placet.gate.strategies.published import Published, published
from placet.gate.strategies.rollout import ENDED, HELD, MOVED, Authorised, RolloutStanding, body_of, standing_of
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import canonical_bytes
from placet.service.rollouts.measuring import measure
from placet.storage.database import Database
from placet.storage.strategies.rollouts import RolloutRow
from placet.storage.transaction import Transaction

LOOKED: Final = "rollout.looked"
ASKED: Final = "rollout.asked"
LOOK_MEDIA_TYPE: Final = "application/vnd.placet.rollout-look+json"
_WORKER: Final = "worker"


class Looks:
    """Looks at guard rails, for a worker.

    Args:
        database: Where the record is.
        policies: The policy set in force for a tenant and agent.
        clock: The current time.
    """

    def __init__(
        self, database: Database, policies: Callable[[str, str], PolicySet], clock: Callable[[], datetime]
    ) -> None:
        self._database, self._policies, self._clock = database, policies, clock

    def look(self, asked: RolloutAsked) -> None:
        """Look at the guard rails, put what was seen on the record, and do what follows."""
        now = self._clock()
        with self._database.reading() as tx:
            found, stands, row = known_rollout(tx, asked, self._policies, now)
            before = _looks_before(tx, asked, row.looks)
        if stands.ended is not None:
            return
        strategy = found.strategy
        seen = measure(self._database, asked.tenant, strategy, asked.version, reached=stands.share, at=now)
        # Who comes in does so as their bucket is reached, in both groups: so the control group grows with the stages.
        planned = planned_ratio(strategy.holdout, WHOLE if strategy.rollout.coming else stands.share)
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
        held_long = row.reached_at is not None and now >= row.reached_at + hold_of(found)
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
        if stands.stage + 1 == len(stages) and it.strategy.rollout.coming:
            return  # it reaches everybody who comes in, and is watched as long as it runs
        if stands.stage + 1 == len(stages):
            body = body_of(it, how="completed", reason="its last stage passed", evidence=digest)
            tx.record_act(asked.tenant, ENDED, _WORKER, now, asked.version, body)
            return
        to = stages[stands.stage + 1]
        body = body_of(it, number=stands.moves + 1, to=to, evidence=digest, looks=look.number)
        tx.record_act(asked.tenant, "rollout.asked", _WORKER, now, f"{asked.version}.{stands.moves}", body)


def known_rollout(
    tx: Transaction, asked: RolloutAsked, policies: Callable[[str, str], PolicySet], now: datetime
) -> tuple[Published, RolloutStanding, RolloutRow]:
    """Return the strategy, where its rollout stands by the record, and its row.

    Raises:
        DecisionRefused: the strategy is not in force.
        GovernanceError: code `rollout_altered`; the row is gone or cannot be read.
    """
    policy = policies(asked.tenant, asked.agent)
    found = published(tx, asked.tenant, asked.agent, asked.version, policy, now)
    stands = standing_of(tx, Authorised(found.strategy, found.record.mandate, policy, now))
    row = tx.rollouts.get(asked.tenant, asked.version)
    if row is None:
        raise GovernanceError(f"the rollout of {asked.strategy!r} has no row", code="rollout_altered")
    return found, stands, row


def hold_of(found: Published) -> timedelta:
    """Return how long a stage is watched before the next is asked for."""
    return timedelta(days=found.strategy.rollout.hold_days)


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
