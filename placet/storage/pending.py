"""What stands before a run's effect, as the record says: the pending proposal and its gate, amendments followed."""

from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from placet.contracts.audit import AuditEvent
from placet.contracts.gate import Gate
from placet.contracts.run import Expected
from placet.errors import DecisionRefused
from placet.storage.records import RunRecord
from placet.storage.transaction import Transaction

PROPOSED: Final = "propose.completed"
OPENED: Final = "approve.opened"
_AMENDED: Final = "approve.amended"


@dataclass(frozen=True, slots=True)
class Pending:
    """The digest of the pending proposal, and the gate before it.

    Attributes:
        before: What an approver amended into it; None where it is what the agent proposed.
    """

    proposal: str
    gate: Gate
    before: "Pending | None" = None


def amended_key(proposal: str) -> str:
    """Return the step key of the entry that says into what `proposal` was amended: each becomes one other, or none."""
    return f"{_AMENDED}.{proposal}"


def check_proposed(tx: Transaction, run_id: str, proposal: str) -> None:
    """Make sure that this is what the run's own step proposed: who reaches Temporal can name another document.

    Raises:
        DecisionRefused: code `not_approved`.
    """
    entry = tx.audit.find(run_id, PROPOSED)
    if entry is None or entry.body.get("proposal") != proposal:
        raise DecisionRefused(f"{proposal[:16]} is not what run {run_id!r} proposed", code="not_approved")


def pending_on_record(tx: Transaction, run_id: str) -> Pending:
    """Return the proposal and gate that are pending on record, after every amendment.

    Raises:
        DecisionRefused: code `not_approved`; there is none, it cannot be read, or it is not for what was proposed.
    """
    opened = tx.audit.find(run_id, OPENED)
    if opened is None:
        raise DecisionRefused("no gate is on record", code="not_approved")
    pending = _read(opened)
    check_proposed(tx, run_id, pending.proposal)
    seen = {pending.proposal}
    while (entry := tx.audit.find(run_id, amended_key(pending.proposal))) is not None:
        pending = _read(entry, pending)
        if pending.proposal in seen:  # rows that somebody wrote: what is amended has a digest of its own
            raise DecisionRefused("the amendments on record lead back to an earlier proposal", code="not_approved")
        seen.add(pending.proposal)
    return pending


def _read(entry: AuditEvent, before: Pending | None = None) -> Pending:
    try:
        return Pending(str(entry.body["proposal"]), Gate.model_validate(entry.body["gate"]), before)
    except (KeyError, ValidationError) as error:
        raise DecisionRefused("the gate on record cannot be read", code="not_approved") from error


def expected(tx: Transaction, run: RunRecord) -> Expected:
    """Return what is expected of the workflow of an open run: to go on once people answered, to end with its gate."""
    if run.state not in ("awaiting_decision", "unknown_outcome"):
        return Expected(due=run.updated_at, listens=False)
    answered = tx.runs.answered_at(run.run_id)
    if answered is not None or run.state == "unknown_outcome":
        return Expected(due=answered, listens=True)
    try:
        return Expected(due=pending_on_record(tx, run.run_id).gate.expires_at, listens=True)
    except DecisionRefused:
        return Expected(due=run.updated_at, listens=True)
