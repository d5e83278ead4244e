"""A look at the guard rails: what was counted, what they say, what follows. All of it is on the record."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.guard import Look
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import WHOLE
from placet.contracts.text import spoken
from placet.decisioning.guard_rails.judging import Counted, judge
from placet.decisioning.outcomes.sample_ratio import planned_ratio
from placet.gate.strategies.members import drawings
from placet.gate.strategies.promoted import LOOKED
from placet.gate.strategies.promoting import Asking, promote_by_policy
from placet.gate.strategies.rollout import (
    ENDED,
    HELD,
    MOVED,
    Authorised,
    RolloutStanding,
    body_of,
    standing_of,
    write_step,
)
from placet.gate.strategies.telling import Told, hold_of_entry, record_wait, tell
from placet.governance.authority.mandates import left
from placet.governance.log.key import LogIdentity
from placet.governance.membership import uncovered
from placet.governance.signing.canonical import canonical_bytes
from placet.notify.address_book import AddressBook
from placet.service.rollouts.knowing import Known
from placet.service.rollouts.measuring import Measured, measure, taken_down
from placet.storage.database import Database
from placet.storage.transaction import Transaction

ASKED: Final = "rollout.asked"

LOOK_MEDIA_TYPE: Final = "application/vnd.placet.rollout-look+json"
_WORKER: Final = "worker"
_IN_TIME: Final = frozenset({"inconclusive", "too_few", "control_has_none", "nobody"})
"""What a look may say at first, and not later."""


def look_at(database: Database, known: Known) -> RolloutLook:
    """Return what is seen now."""
    asked, stands, row, strategy = known.asked, known.stands, known.row, known.it.strategy
    with database.reading() as tx:
        before = _looks_before(tx, asked, row.looks)
        recorded = {number: one.body for number, one in drawings(tx, known.it).items()}
    coming = strategy.rollout.coming
    # Who comes in is on the record with their run; no drawing takes them down.
    altered = None if coming else uncovered(recorded, taken_down(database, asked.tenant, asked.version))
    seen = measure(database, asked.tenant, strategy, asked.version, reached=stands.share, at=known.now)
    treated, control = _believed(seen, altered)
    # Who comes in does so as their bucket is reached, in both groups: so the control group grows with the stages.
    planned = planned_ratio(strategy.holdout, WHOLE if coming else stands.share)
    verdicts = tuple(
        judge(
            rail,
            treated[rail.measure],
            control[rail.measure],
            at=known.now,
            planned=planned,
            before=[one for looks in before if (one := looks.get(number)) is not None],
            counting="anew",
        )
        for number, rail in enumerate(strategy.rollout.guard_rails)
    )
    return RolloutLook(
        strategy=strategy.name,
        version=asked.version,
        number=row.looks + 1,
        at=known.now,
        stage=stands.stage,
        reached=stands.share,
        treated=seen.members[0],
        control=seen.members[1],
        not_counted=max(sum(seen.members) - seen.counted, 0),
        verdicts=verdicts,
    )


def record_look(
    tx: Transaction,
    known: Known,
    look: RolloutLook,
    book: AddressBook,
    identity: Callable[[], LogIdentity] | None = None,
) -> None:
    """Put a look on the record, do what follows, and tell whom `book` names; `known` is of this transaction.

    `identity` returns the key that vouches for a stage that policy begins; without it policy begins none.

    Where somebody has ordered otherwise since it began, nothing follows.
    """
    asked, it, stands = known.asked, known.it, known.stands
    digest = tx.artifacts.put(asked.tenant, LOOK_MEDIA_TYPE, canonical_bytes(look))
    rails = [
        {
            "measure": one.rail.measure,
            "verdict": one.verdict,
            **({} if one.unknown is None else {"code": one.unknown.code}),
            "look": None if one.look is None else one.look.model_dump(mode="json"),
        }
        for one in look.verdicts
    ]
    body = body_of(it, number=look.number, look=digest, outcome=look.outcome, reached=look.reached, rails=rails)
    tx.record_act(asked.tenant, LOOKED, _WORKER, known.now, f"{asked.version}.{look.number}", body)
    tx.rollouts.put(asked.tenant, asked.version, looks=look.number, looked_at=known.now)
    if (stands.stage, stands.held, stands.missing) != (look.stage, None, "") or stands.ended is not None:
        return
    seen = Asking(it, stands, look, digest, left(known.found.record))
    told = _follow(tx, seen, identity, held_long=watched_long(known))
    if told is not None:
        tell(tx, book, it, standing_of(tx, it), told, look=look)


def hold_of(it: Authorised) -> timedelta:
    """Return how long a stage is watched."""
    return timedelta(days=it.strategy.rollout.hold_days)


def _follow(
    tx: Transaction, seen: Asking, identity: Callable[[], LogIdentity] | None, *, held_long: bool
) -> Told | None:
    """Do what follows from a look; returns what people are told of it, None where nothing."""
    if seen.look.outcome == "failed":
        return _fail(tx, seen)
    if seen.look.outcome == "passed":
        return _pass(tx, seen, identity) if held_long else None
    return _wait(tx, seen, held_long=held_long)


def watched_long(known: Known) -> bool:
    """Return whether the stage was watched for as long as the strategy says."""
    reached_at = known.row.reached_at
    return reached_at is not None and known.now >= reached_at + hold_of(known.it)


def reasons_of(look: RolloutLook) -> tuple[str, ...]:
    """Return why a look is no pass, as codes: the measure of each guard rail that does not pass, and what it says."""
    said = {
        f"{one.rail.measure}.{one.verdict if one.unknown is None else one.unknown.code}"
        for one in look.verdicts
        if one.verdict != "pass"
    }
    return tuple(sorted(said))


def asks_somebody(codes: Sequence[str], *, held_long: bool) -> bool:
    """Return whether somebody should look at why a look is no pass: at once, unless time alone may mend it."""
    return held_long or any(one.rpartition(".")[2] not in _IN_TIME for one in codes)


def _wait(tx: Transaction, seen: Asking, *, held_long: bool) -> Told | None:
    codes = reasons_of(seen.look)
    if not asks_somebody(codes, held_long=held_long):
        return None
    return record_wait(tx, seen.it, seen.stands, codes, seen.look)


def _fail(tx: Transaction, seen: Asking) -> Told:
    it, stands, look = seen.it, seen.stands, seen.look
    failed = [one for one in look.verdicts if one.verdict == "fail"]
    why = f"guard rail {' and '.join(spoken(one.rail.measure) for one in failed)} failed at look {look.number}"
    back = all(one.rail.then == "step_back" for one in failed) and stands.stage > 0
    if back:
        body = body_of(it, stage=stands.stage - 1, document=None, reason=why, evidence=seen.digest)
        write_step(tx, it, MOVED, _WORKER, stands.moves + 1, body)
    reverse = any(one.rail.then == "stop_and_reverse" for one in failed)
    reason = f"{why}{'; back to the stage before' if back else ''}"
    more = {"failed": [f"{one.rail.measure}.fail" for one in failed], "back": back}
    body = body_of(it, reason=reason, evidence=seen.digest, reverse=reverse, **more)
    return hold_of_entry(write_step(tx, it, HELD, _WORKER, stands.holds + 1, body), stands.holds + 1)


def _pass(tx: Transaction, seen: Asking, identity: Callable[[], LogIdentity] | None) -> Told | None:
    it, stands, look = seen.it, seen.stands, seen.look
    stages = it.strategy.rollout.stages
    if stands.stage + 1 == len(stages) and it.strategy.rollout.coming:
        return None  # it reaches everybody who comes in, and is watched as long as it runs
    if stands.stage + 1 == len(stages):
        body = body_of(it, how="completed", reason="its last stage passed", evidence=seen.digest)
        write_step(tx, it, ENDED, _WORKER, 1, body)
        return None
    to = stages[stands.stage + 1]
    body = body_of(it, number=stands.moves + 1, to=to, evidence=seen.digest, looks=look.number)
    entry = tx.record_once(it.mandate.tenant, ASKED, _WORKER, it.now, f"{it.version}.{stands.moves}", body)
    promoted = None if identity is None else promote_by_policy(tx, seen, identity)
    if promoted is not None:
        return promoted
    return ask_of(entry.event, stands) if entry.ours else None


def ask_of(entry: AuditEvent, stands: RolloutStanding) -> Told:
    """Return what is told of an entry that asks for the next stage."""
    return Told("stage_asked", f"move.{stands.moves + 1}", entry.at, {"to": int(entry.body["to"])})


Groups = Mapping[Measure, Counted]


def _believed(seen: Measured, altered: str | None) -> tuple[Groups, Groups]:
    """Return what was counted of both groups; nothing of either where the members are not those on the record."""
    if altered is None:
        return seen.treated, seen.control
    detail = f"the members are not those who were taken down: {altered}; ask an auditor (`placet audit verify`)"
    nothing = Unknown(code="members_altered", detail=detail)
    return dict.fromkeys(seen.treated, nothing), dict.fromkeys(seen.control, nothing)


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
