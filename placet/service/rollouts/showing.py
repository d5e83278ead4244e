"""Rollouts as people look at them: one in full, and all in a list."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pydantic import AwareDatetime

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.base import Digest, Frozen
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.strategies.rolling import Phase, Velocity
from placet.contracts.strategies.strategy import Strategy
from placet.errors import GovernanceError, UsageError
from placet.gate.strategies.promoted import BY_POLICY, LOOKED, Stage, check_counts, check_made, stage_of
from placet.gate.strategies.published import strategy_of
from placet.gate.strategies.rollout import (
    HELD,
    MOVED,
    RESUMED,
    Authorised,
    RolloutStanding,
    in_words,
    numbered,
    standing_of,
)
from placet.governance.policy.set import PolicySet
from placet.service.rollouts.looking import ASKED
from placet.service.rollouts.velocity import velocity_of
from placet.service.strategies.publishing import PublishedStrategy, find_published, publications
from placet.storage.database import Database
from placet.storage.strategies.rollouts import AlteredRollout, RolloutCounts, RolloutRow
from placet.storage.transaction import Transaction

_LATE: Final = timedelta(minutes=15)
"""Of a step, with which a busy worker is not to be taken for one that is gone."""

Policies = Callable[[str], PolicySet]
"""The policy set in force for an agent of the tenant."""


class ShownMove(Frozen):
    """One move of a rollout to another stage, and on whose word.

    Attributes:
        number: Which move it is, from 1.
        to: The share that it led to; None where it was taken back.
        by: Whether a person signed this very stage, policy began it where a person signed the policies, or a guard
            rail that failed took it back.
        who: Who signed the stage, or the policies; empty where it was taken back.
        policies: Those that permitted it.
        look: Which look it stands on; None where that is not said.
        counts: Whether it counts now.
        why_not: Why not.
    """

    number: int
    at: AwareDatetime
    to: int | None
    by: Literal["person", "policy", "guard_rails"]
    who: str
    policies: tuple[str, ...] = ()
    policy_set: Digest | None = None
    look: int | None = None
    counts: bool = True
    why_not: str = ""


class ShownRollout(Frozen):
    """A rollout as people look at it.

    Attributes:
        row: What its steps have written.
        reached: The share that may be treated now, by the record, in basis points.
        stands: The same in one sentence.
        phase: What it does, by the record where that says more than its row, which is written at its next step.
        detail: The same in one sentence.
        stage: Which stage of the plan it is in, from 0.
        stages: The plan.
        hold_days: How long each is watched.
        runs: How many runs there are, by state.
        velocity: How fast customers were reached; None where they do not come in as something happens to them.
        asks: What was found when the next stage was asked for; None where nothing is asked.
        looks: The newest looks, the newest first.
        stalled: Whether its next step is long overdue: its workflow may be gone.
        moves: Each move to another stage, and on whose word; the first first.
        acts: What was ordered, moved, held and ended, the first first.
    """

    strategy: PublishedStrategy
    row: RolloutRow
    reached: int
    stands: str
    phase: Phase
    detail: str
    stage: int
    stages: tuple[int, ...]
    hold_days: int
    counts: RolloutCounts
    runs: dict[str, int]
    velocity: Velocity | None
    asks: Digest | None
    looks: tuple[RolloutLook, ...]
    stalled: bool
    moves: tuple[ShownMove, ...]
    acts: tuple[AuditEvent, ...]


def show_rollout(database: Database, tenant: str, wanted: str, policies: Policies, looks: int = 30) -> ShownRollout:
    """Return a rollout by its strategy's name, or a version or the beginning of one.

    Raises:
        UsageError: code `unknown_strategy`, `unknown_rollout`.
        DecisionRefused: code `strategy_altered`; its text is gone, or is not what was signed.
    """
    now = datetime.now(UTC)
    with database.reading() as tx:
        found = _rolled_out(tx, tenant, find_published(tx, tenant, wanted, policies, now), wanted, policies, now)
        it = authorised(tx, found, policies, now)
        row = tx.rollouts.get(tenant, found.version)
        if row is None:
            raise UsageError(
                f"strategy {it.mandate.name!r} has no rollout; `placet rollout start {it.mandate.name}` starts it",
                code="unknown_rollout",
            )
        stands = standing_of(tx, it)
        reached, said = _told(found, stands)
        phase, detail = _doing(row, stands)
        return ShownRollout(
            strategy=found,
            row=row,
            reached=reached,
            stands=said,
            phase=phase,
            detail=detail,
            stage=stands.stage,
            stages=it.strategy.rollout.stages,
            hold_days=it.strategy.rollout.hold_days,
            counts=tx.rollouts.counts(tenant, found.version, stands.share, coming=it.strategy.rollout.coming),
            runs=tx.rollouts.ends(tenant, found.version),
            velocity=velocity_of(tx, tenant, found.version) if it.strategy.rollout.coming else None,
            asks=asked_with(tx, tenant, it, stands) if stands.ended is None else None,
            looks=tuple(_looks(tx, tenant, found.version, row.looks, looks)),
            stalled=stands.ended is None and row.next_at is not None and now > row.next_at + _LATE,
            moves=tuple(_moves(tx, it, stands)),
            acts=tuple(_acts(tx, tenant, it, stands)),
        )


def _rolled_out(
    tx: Transaction, tenant: str, found: PublishedStrategy, wanted: str, policies: Policies, now: datetime
) -> PublishedStrategy:
    """Return the version that a name means: where the one in force has no rollout yet, the newest that has one."""
    name = found.record.mandate.name
    if wanted != name or tx.rollouts.get(tenant, found.version) is not None:
        return found
    earlier = [
        one
        for one in publications(tx, tenant, policies, now)
        if isinstance(one, PublishedStrategy)
        and one.record.mandate.name == name
        and tx.rollouts.get(tenant, one.version) is not None
    ]
    return max(earlier, key=lambda one: one.record.mandate.signed_at, default=found)


class RolloutInList(Frozen):
    """A rollout in a list.

    Attributes:
        reached: The share that may be treated now, by the record, in basis points.
        stands: The same in one sentence.
        signed_at: When its strategy was published; None where nothing says so any more.
        title: What people call the strategy; empty where its text is gone.
    """

    row: RolloutRow
    reached: int
    stands: str
    phase: Phase
    signed_at: AwareDatetime | None
    title: str

    @property
    def version(self) -> str:
        """Digest of the strategy."""
        return self.row.asked.version


def list_rollouts(
    database: Database, tenant: str, policies: Policies, *, limit: int = 100, after: str | None = None
) -> tuple[RolloutInList | AlteredRollout, ...]:
    """Return the rollouts of a tenant, the newest first; one whose strategy counts no longer, or whose row, says so.

    `after` is the version that ended the page before.
    """
    now = datetime.now(UTC)
    found: list[RolloutInList | AlteredRollout] = []
    with database.reading() as tx:
        published = [one for one in publications(tx, tenant, policies, now) if isinstance(one, PublishedStrategy)]
        for row in tx.rollouts.list(tenant, limit, after):
            if isinstance(row, AlteredRollout):
                found.append(row)
                continue
            version = row.asked.version
            candidates = [one for one in published if one.version == version]
            strategy = next((one for one in candidates if one.in_force), candidates[0] if candidates else None)
            reached, said, phase = 0, "its mandate is gone or altered", row.phase
            try:
                if strategy is not None:
                    stands = standing_of(tx, authorised(tx, strategy, policies, now))
                    reached, said = _told(strategy, stands)
                    phase, _ = _doing(row, stands)
            except (GovernanceError, UsageError) as error:  # one that is damaged must not hide the others
                said = str(error)
            signed_at = None if strategy is None else strategy.record.mandate.signed_at
            title = "" if strategy is None else strategy.title
            found.append(
                RolloutInList(row=row, reached=reached, stands=said, phase=phase, signed_at=signed_at, title=title)
            )
    return tuple(found)


def authorised(tx: Transaction, found: PublishedStrategy, policies: Policies, now: datetime) -> Authorised:
    """Return a published strategy with what says who may order its rollout on."""
    mandate = found.record.mandate
    strategy: Strategy = strategy_of(tx, found.record)
    return Authorised(strategy, mandate, policies(mandate.agent), now)


def _told(found: PublishedStrategy, stands: RolloutStanding) -> tuple[int, str]:
    """Return the share that is reached, and in words; nobody by a version that is not in force."""
    if stands.ended is not None or found.in_force:
        return stands.reached, in_words(stands)
    revoked = found.record.revoked_reason or f"withdrawn by {found.record.revoked_by}"
    why = revoked if found.state == "revoked" else found.signature if found.state == "does_not_count" else found.state
    return 0, f"this version is not in force, and nobody more is treated by it: {why.replace('_', ' ')}"


def _doing(row: RolloutRow, stands: RolloutStanding) -> tuple[Phase, str]:
    """Return what a rollout does. Its row is of its last step: an order since then is on the record alone."""
    if stands.ended is not None:
        return "over", str(stands.ended.body.get("reason") or "no reason given")
    if stands.missing or stands.held is not None:
        return "held", stands.missing or stands.held or "no reason given"
    if row.phase in ("held", "over"):
        return "reaching", "it goes on: its next step says with what"
    return row.phase, row.detail


def _moves(tx: Transaction, it: Authorised, stands: RolloutStanding) -> Iterator[ShownMove]:
    stage, began = 0, stands.started
    for number, entry in enumerate(numbered(tx, it, MOVED), start=1):
        body, counts = entry.body, number not in stands.voids
        yield _move(tx, it, entry, stage_of(it, stage, began, number), counts=counts)
        if counts:
            stage, began = int(body["stage"]), entry


def _move(tx: Transaction, it: Authorised, entry: AuditEvent, stage: Stage, *, counts: bool) -> ShownMove:
    body = entry.body
    shown = ShownMove(number=stage.move, at=entry.at, to=body.get("to"), by="guard_rails", who="", counts=counts)
    if body.get("document") is None:
        return shown
    if body.get("by") != BY_POLICY:
        why = "" if counts else "the signature counts no longer, or its signer may not publish the strategy any more"
        return shown.model_copy(update={"by": "person", "who": entry.actor, "why_not": why})
    why = ""
    try:
        check_counts(tx, it, check_made(tx, entry, stage))
    except (GovernanceError, UsageError) as error:
        why = str(error)
    said = {
        "by": "policy",
        "who": str(body.get("signed_by")),
        "policies": tuple(str(one) for one in body.get("policies", ())),
        "policy_set": body.get("policy_set"),
        "look": body.get("look"),
        "why_not": why,
    }
    return shown.model_copy(update=said)


def asked_with(tx: Transaction, tenant: str, it: Authorised, stands: RolloutStanding) -> str | None:
    """Return what was found when the next stage was asked for; None where nothing is asked."""
    entry = tx.audit.find(tenant_stream(tenant), f"{ASKED}.{it.version}.{stands.moves}")
    return None if entry is None else str(entry.body["evidence"])


def _looks(tx: Transaction, tenant: str, version: str, many: int, most: int) -> list[RolloutLook]:
    found = []
    for number in range(many, max(many - most, 0), -1):
        entry = tx.audit.find(tenant_stream(tenant), f"{LOOKED}.{version}.{number}")
        if entry is not None:
            found.append(tx.artifacts.get_model(str(entry.body["look"]), RolloutLook, tenant=tenant))
    return found


def _acts(tx: Transaction, tenant: str, it: Authorised, stands: RolloutStanding) -> list[AuditEvent]:
    stream, found = tenant_stream(tenant), [stands.started, stands.ended]
    for kind, many in ((MOVED, stands.moves), (HELD, stands.holds), (RESUMED, stands.holds)):
        found += [tx.audit.find(stream, f"{kind}.{it.version}.{number}") for number in range(1, many + 1)]
    found += [tx.audit.find(stream, f"{ASKED}.{it.version}.{number}") for number in range(stands.moves + 1)]
    return sorted((one for one in found if one is not None), key=lambda one: one.seq)
