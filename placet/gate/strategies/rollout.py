"""How far a rollout may reach now, by the record alone: its table is a projection, which says nothing here.

What lets more happen is a signed order, or a stage that policy began where a person signed that it may (`promoted.py`):
both are verified each time they are used. What lets less happen needs none: it is an entry of the record, which nobody
can take away unseen.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from placet.contracts.audit import AuditEvent, RecordKind, tenant_stream
from placet.contracts.people.mandate import Mandate
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.gate.strategies.promoted import BY_POLICY, promoted_to, stage_of
from placet.governance.authority.mandates import entitle_signer
from placet.governance.log.chain import entry_hash
from placet.governance.policy.set import PolicySet
from placet.governance.signing.signed import verify_document
from placet.storage.transaction import Transaction

STARTED: Final[RecordKind] = "rollout.started"
MOVED: Final[RecordKind] = "rollout.moved"
HELD: Final[RecordKind] = "rollout.held"
RESUMED: Final[RecordKind] = "rollout.resumed"
ENDED: Final[RecordKind] = "rollout.ended"
_MOST: Final = 10_000
"""Moves, and holds, of one rollout."""
_MOST_AGAIN: Final = 100
"""How often the lifting of one hold may be signed."""


class Authorised(NamedTuple):
    """A published strategy with what says who may order its rollout on.

    Attributes:
        mandate: The one that publishes it.
        policies: The set in force for its agent.
        now: When orders are to count.
    """

    strategy: Strategy
    mandate: Mandate
    policies: PolicySet
    now: datetime

    @property
    def version(self) -> str:
        """Its digest."""
        return str(self.mandate.strategy)


class RolloutStanding(NamedTuple):
    """Where a rollout stands by the record.

    Attributes:
        started: The entry that says who started it; None where nobody has.
        stage: Which of the strategy's stages, from 0.
        moves: How often it moved to another stage.
        moved_at: Since when it is in this one.
        holds: How often it was held.
        held: Why it is held; None where it is not.
        held_at: When it was held last; None where it never was.
        resumed_at: When it was let go on last; None where it never was.
        ended: The entry of its end; None before.
        share: That stage's share of the cohort.
        voids: Which moves on record do not count: what they rest on, or a signer's entitlement, fails now.
        began: The entry by which its stage began.
        missing: What its row knows of and the record has no more; empty where both agree. Nobody is treated then.
    """

    started: AuditEvent | None
    stage: int
    moves: int
    moved_at: datetime | None
    holds: int
    held: str | None
    held_at: datetime | None
    resumed_at: datetime | None
    ended: AuditEvent | None
    share: int
    voids: tuple[int, ...]
    missing: str = ""
    began: AuditEvent | None = None

    @property
    def reached(self) -> int:
        """The share that may be treated now, in basis points; nobody while it is held, or after it was stopped."""
        if self.missing:
            return 0
        if self.ended is not None and self.ended.body.get("how") != "completed":
            return 0
        return 0 if self.held is not None else self.share


def standing_of(tx: Transaction, it: Authorised) -> RolloutStanding:
    """Return where the rollout of a version stands. Before one is started, its first stage may be reached run by run.

    Raises:
        GovernanceError: code `audit_broken`; an entry is not what was written.
    """
    stages = it.strategy.rollout.stages
    started = _entry(tx, it, STARTED, it.version)
    stage, moves, moved_at = 0, 0, started.at if started is not None else None
    voids, began = list[int](), started
    for entry in numbered(tx, it, MOVED):
        moves += 1
        to = _moved_to(tx, it, entry, stage, moves, began)
        if to is None:
            voids.append(
                moves
            )  # the next order has the next number, so that another person can sign what counts no longer
        else:
            stage, moved_at, began = to, entry.at, entry
    holds, held, held_at, resumed_at = 0, None, None, None
    for entry in numbered(tx, it, HELD):
        holds += 1
        going_on = _resumed(tx, it, holds)
        held = None if going_on is not None else str(entry.body.get("reason") or f"paused by {entry.actor}")
        held_at, resumed_at = entry.at, resumed_at if going_on is None else going_on
    ended = _entry(tx, it, ENDED, it.version)
    missing = "" if started is None else _missing(tx, it, moves, holds, ended)
    return RolloutStanding(
        started,
        stage,
        moves,
        moved_at,
        holds,
        held,
        held_at,
        resumed_at,
        ended,
        stages[stage],
        tuple(voids),
        missing,
        began,
    )


def _missing(tx: Transaction, it: Authorised, moves: int, holds: int, ended: AuditEvent | None) -> str:
    """Return what was written of a rollout, by its row, and is not on its record; empty where nothing is.

    An entry that somebody takes from the end of a row of numbers leaves no gap, and must lift no hold. The whole record
    is verified elsewhere; this asks one row, at each gate.
    """
    written = tx.rollouts.written(it.mandate.tenant, it.version)
    if written is None:
        return "its row is gone"
    if written.moves > moves:
        return f"move {written.moves} is gone from its record"
    if written.holds > holds:
        return f"hold {written.holds} is gone from its record"
    return "its end is gone from its record" if written.ended and ended is None else ""


def write_step(
    tx: Transaction,
    it: Authorised,
    kind: RecordKind,
    actor: str,
    number: int,
    body: dict[str, Any],
) -> AuditEvent:
    """Put a move, a hold or the end on the record, and into the row that misses it where it is taken away again."""
    tenant, version = it.mandate.tenant, it.version
    entry = tx.record_act(tenant, kind, actor, it.now, version if kind == ENDED else f"{version}.{number}", body)
    column = {MOVED: "moves", HELD: "holds", ENDED: "ended"}[kind]
    tx.rollouts.put(tenant, version, **{column: number})
    return entry


def check_whole(standing: RolloutStanding, name: str) -> None:
    """Refuse to order anything of a rollout whose record was cut.

    Raises:
        UsageError: code `rollout_altered`.
    """
    if standing.missing:
        raise UsageError(
            f"the rollout of {name!r} was altered: {standing.missing}; nobody is treated by it. Ask an auditor "
            "(`placet audit verify`), and publish another version",
            code="rollout_altered",
        )


def check_order(tx: Transaction, it: Authorised, text: str) -> RolloutOrder:
    """Verify a signed order, and that its signer may publish the strategy.

    Raises:
        DecisionRefused: it does not count: its signature, its version, or policy does not entitle the signer.
    """
    verified = verify_document(text, RolloutOrder, tenant=it.mandate.tenant, now=it.now, find_key=tx.approvers.get)
    order = verified.document
    if (order.strategy, order.version) != (it.mandate.name, it.version):
        raise DecisionRefused(
            f"the order is of strategy {order.strategy!r} in version {order.version[:16]}", code="wrong_strategy"
        )
    try:
        entitle_signer(it.mandate, verified.key, it.policies)
    except DecisionRefused as error:
        said = (
            f"{order.signer!r} may not sign the rollout of {order.strategy!r} on; whoever may publish it may: {error}"
        )
        raise DecisionRefused(said, code=error.code) from error
    return order


def _moved_to(
    tx: Transaction, it: Authorised, entry: AuditEvent, stage: int, number: int, began: AuditEvent | None
) -> int | None:
    """Return the stage that a move leads to; None where it does not count, and nothing after it does."""
    to, document = entry.body.get("stage"), entry.body.get("document")
    if not isinstance(to, int) or not 0 <= to < len(it.strategy.rollout.stages):
        return None
    if document is None:
        return to if to < stage else None  # nobody signs for less
    if entry.body.get("by") == BY_POLICY:
        return promoted_to(tx, it, entry, stage_of(it, stage, began, number))
    order = _kept(tx, it, str(document))
    wanted = ("promote", number, it.strategy.rollout.stages[to])
    counts = order is not None and (order.action, order.number, order.to) == wanted and to == stage + 1
    return to if counts else None


def _resumed(tx: Transaction, it: Authorised, hold: int) -> datetime | None:
    """Return when a hold was lifted by an order that counts; one that counts no longer may be signed by another."""
    for about in resumptions(it, hold):
        entry = _entry(tx, it, RESUMED, about)
        if entry is None:
            return None
        order = _kept(tx, it, str(entry.body.get("document")))
        if order is not None and (order.action, order.number) == ("resume", hold):
            return entry.at
    return None


def resumptions(it: Authorised, hold: int) -> Iterator[str]:
    """Yield what the entries of a hold's lifting are about, the first first."""
    yield f"{it.version}.{hold}"
    yield from (f"{it.version}.{hold}.{again}" for again in range(2, _MOST_AGAIN))


def _kept(tx: Transaction, it: Authorised, document: str) -> RolloutOrder | None:
    try:
        return check_order(tx, it, tx.artifacts.get(document, tenant=it.mandate.tenant).decode(errors="replace"))
    except (DecisionRefused, UsageError):
        return None


def numbered(tx: Transaction, it: Authorised, kind: RecordKind) -> Iterator[AuditEvent]:
    """Yield the entries of a kind that are numbered without gaps, from 1."""
    for number in range(1, _MOST + 1):
        entry = _entry(tx, it, kind, f"{it.version}.{number}")
        if entry is None:
            return
        yield entry


def _entry(tx: Transaction, it: Authorised, kind: RecordKind, about: str) -> AuditEvent | None:
    entry = tx.audit.find(tenant_stream(it.mandate.tenant), f"{kind}.{about}")
    if entry is not None and entry_hash(entry) != entry.hash:
        raise GovernanceError(f"entry {entry.step_key!r} is not what was written", code="audit_broken")
    return entry


def in_words(standing: RolloutStanding) -> str:
    """Say how far it reaches, and why no further."""
    if standing.ended is not None:
        how = "completed" if standing.ended.body.get("how") == "completed" else "ended for good"
        return f"{how}: {standing.ended.body.get('reason') or 'no reason given'}"
    if standing.missing:
        return f"altered, and nobody is treated by it: {standing.missing}; see `placet audit verify`"
    if standing.held is not None:
        return f"held: {standing.held}"
    void = f"; {counted(len(standing.voids), 'signed stage')} on record counts no longer" if standing.voids else ""
    return f"reaches {share_in_words(standing.share)}{void}"


def body_of(it: Authorised, **more: Any) -> dict[str, Any]:
    """Return what every entry of a rollout says, and more."""
    return {"strategy": it.mandate.name, "version": it.version, **more}
