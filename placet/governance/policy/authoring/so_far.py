"""How far the approvals of a run's gate have come: who approved, how many are missing, who may still add one."""

from collections.abc import Sequence

from pydantic import AwareDatetime

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Digest, Frozen
from placet.contracts.gate import Gate
from placet.contracts.people.decision import YES
from placet.errors import DecisionRefused
from placet.governance.policy.terms import PermitTerms
from placet.governance.quorum import Approving, admit


class Approval(Frozen):
    """One approval that the record accepted.

    Attributes:
        roles: The roles asked for that were held.
        delegated_by: In whose stead it was given; None where in their own name.
        delegation_id: Under which delegation.
    """

    approver: str
    key_id: str
    at: AwareDatetime
    roles: tuple[str, ...]
    delegated_by: str | None = None
    delegation_id: str | None = None


class SoFar(Frozen):
    """How far the approvals of the pending proposal have come.

    Attributes:
        quorum: How many people must approve, by the gate on record and by today's policy.
        distinct_roles: Whether each must approve in another role.
        approvals: Those that count now, oldest first.
        missing: How many people must still approve.
    """

    quorum: int
    distinct_roles: bool
    approvals: tuple[Approval, ...]
    missing: int

    def of(self, name: str) -> Approval | None:
        """Return the approval in which somebody acted, in their own name or through a delegation; None without one."""
        return next((one for one in self.approvals if name in (one.approver, one.delegated_by)), None)


def approvals_of(events: Sequence[AuditEvent], proposal: Digest) -> tuple[Approval, ...]:
    """Return the approvals of one proposal as entries of its run have them; whether each counts now is not asked."""
    found = [event for event in events if event.kind == "approve.decided"]
    return tuple(
        Approval(
            approver=event.actor,
            key_id=str(event.body.get("key_id")),
            at=event.at,
            roles=tuple(event.body.get("roles") or ()),
            delegated_by=event.body.get("delegated_by") or None,
            delegation_id=event.body.get("delegation_id") or None,
        )
        for event in found
        if event.body.get("proposal") == proposal and event.body.get("verdict") in YES
    )


def so_far(gate: Gate, today: PermitTerms | None, approvals: tuple[Approval, ...]) -> SoFar:
    """Return how far `approvals` that count have come at `gate`; `today` is what policy would ask of people now."""
    quorum = max(gate.quorum, (today.quorum if today else None) or 1)
    distinct = gate.distinct_roles or bool(today and today.distinct_roles)
    return SoFar(quorum=quorum, distinct_roles=distinct, approvals=approvals, missing=max(0, quorum - len(approvals)))


def why_not_beside(gate: Gate, known: SoFar, approving: Approving) -> str:
    """Return why an approval would not count beside the earlier ones, said of the person; empty where it would."""
    try:
        admit(gate.model_copy(update={"distinct_roles": known.distinct_roles}), known.approvals, approving)
    except DecisionRefused as error:
        if error.code != "same_person":
            return "holds no role that is still missing: each approval must come in another role"
    else:
        return ""
    if earlier := known.of(approving.approver):
        mine = earlier.approver == approving.approver
        return "has approved it already" if mine else f"{earlier.approver} has approved it in their stead already"
    stead = approving.delegated_by or ""
    other = known.of(stead)
    if other is None or other.approver == stead:
        return f"{stead} has approved it already"
    return f"{other.approver} has approved it in {stead}'s stead already"
