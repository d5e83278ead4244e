"""What stands before a run's effect, as the record says: the pending proposal and its gate, amendments followed."""

from dataclasses import dataclass

from placet.contracts.gate import Gate
from placet.errors import DecisionRefused
from placet.storage.database import Transaction

OPENED = "approve.opened"
_AMENDED = "approve.amended"


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
    """Step key of the entry that says into what `proposal` was amended: each becomes one other, or none."""
    return f"{_AMENDED}.{proposal}"


def pending_on_record(tx: Transaction, run_id: str) -> Pending:
    """The gate on record, after every amendment.

    Raises:
        DecisionRefused: code `not_approved`; there is none.
    """
    opened = tx.audit.find(run_id, OPENED)
    if opened is None:
        raise DecisionRefused("no gate is on record", code="not_approved")
    pending = Pending(str(opened.body["proposal"]), Gate.model_validate(opened.body["gate"]))
    while (entry := tx.audit.find(run_id, amended_key(pending.proposal))) is not None:
        pending = Pending(str(entry.body["proposal"]), Gate.model_validate(entry.body["gate"]), pending)
    return pending
