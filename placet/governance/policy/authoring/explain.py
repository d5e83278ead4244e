"""Why a run's gate and each of its decisions came out as they did, from the record, and who could decide it now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Digest, Frozen
from placet.contracts.gate import Gate
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import DelegationRecord
from placet.contracts.proposal import Proposal
from placet.contracts.text import spoken_list
from placet.errors import DecisionRefused, PolicyError
from placet.governance.approvals import check_key
from placet.governance.authority.delegations import Authority, authorities, entitled
from placet.governance.policy.authoring.recorded import Recorded, RunRecord
from placet.governance.policy.authoring.so_far import Approval, SoFar, approvals_of, so_far, why_not_beside
from placet.governance.policy.authoring.why import Explained, explain
from placet.governance.policy.question import decides, proposes
from placet.governance.policy.set import PolicySet
from placet.governance.policy.terms import PermitTerms
from placet.governance.quorum import roles_at
from placet.governance.signing.canonical import digest


class Approver(Frozen):
    """Whether an enrolled person could decide the proposal now, and why (not).

    Attributes:
        allowed: Whether they could approve it, beside those who have.
        could_reject: Whether they could reject or change it, as who approved it already still can.
        delegated_by: In whose stead; None for their own authority.
        delegation_id: Under which delegation.
        roles: The roles asked for that they hold, or were delegated.
    """

    name: str
    key_id: Digest
    allowed: bool
    because: str
    could_reject: bool = False
    delegated_by: str | None = None
    delegation_id: str | None = None
    roles: tuple[str, ...] = ()
    explained: Explained | None

    @property
    def approver(self) -> str:
        """Return who would approve."""
        return self.name


class NotCleared(Frozen):
    """Why one mandate did not clear the proposal; no name where none could be judged."""

    name: str
    code: str
    detail: str


class PassedOver(Frozen):
    """That mandates were looked at and none cleared the proposal.

    Attributes:
        mandates: How many there were.
        reasons: Why not, of the first of them.
    """

    at: AwareDatetime
    mandates: int
    reasons: tuple[NotCleared, ...]


class RunExplained(Frozen):
    """All that policy had and has to say about one run.

    Attributes:
        amendments: The gates that stood before it once an approver changed it.
        passed_over: Why no mandate cleared it, where policy would let one; its newest entry.
        in_force: Version of the set in force now; None when there is none, `problem` says why.
        propose_now: Whether the agent could propose it now, which is asked again before the effect.
        so_far: Who has approved what waits now, and how many are missing; None where no approval is asked for.
    """

    run_id: str
    state: str
    gate: Recorded | None
    amendments: tuple[Recorded, ...]
    decisions: tuple[Recorded, ...]
    passed_over: PassedOver | None
    in_force: Digest | None
    problem: str
    propose_now: Explained | None
    so_far: SoFar | None
    approvers: tuple[Approver, ...]


def explain_run(
    *,
    run_id: str,
    state: str,
    proposal: Proposal,
    waits: str | None = None,
    proposals: Callable[[str], Proposal | None],
    events: Sequence[AuditEvent],
    stored: Callable[[str], PolicySet | None],
    current: PolicySet | PolicyError,
    keys: Sequence[EnrolledKey],
    delegations: Sequence[DelegationRecord],
    now: datetime,
) -> RunExplained:
    """Explain a run that has a proposal.

    Args:
        run_id: The run.
        state: Where it stands.
        proposal: What it proposes, as amended last.
        waits: Its digest as the run has it; taken anew where it is left out.
        proposals: Finds the proposal an entry speaks of, by its digest.
        events: The run's own stream.
        stored: Finds the text of a set by its version; None when it was not kept.
        current: The set in force now, or why there is none.
        keys: Keys enrolled for the run's tenant.
        delegations: What was delegated in the run's tenant, over signatures that the caller verified.
        now: When keys and delegations must be valid to count.
    """
    record = RunRecord(proposals, stored, {key.key_id: key for key in keys})
    gates, decisions, passed_over = _told(record, events)
    known = current if isinstance(current, PolicySet) else None
    asking = _Asking(proposal, current, record.gate, keys, delegations, now)
    ways = tuple(approver for key in keys for approver in asking.approvers(key))
    propose_now = explain(known, proposes(proposal)) if known else None
    counted: SoFar | None = None
    # Without policies nobody can tell which approvals count: that is another thing than that none does.
    if state == "awaiting_decision" and propose_now is not None:
        approvals = approvals_of(events, waits or digest(proposal))
        counted, ways = _counted(record.gate, propose_now.terms, approvals, ways)
    return RunExplained(
        run_id=run_id,
        state=state,
        gate=gates[0] if gates else None,
        amendments=tuple(gates[1:]),
        decisions=tuple(decisions),
        passed_over=passed_over,
        in_force=known.digest if known else None,
        problem="" if known else str(current),
        propose_now=propose_now,
        so_far=counted,
        approvers=ways,
    )


def _told(record: RunRecord, events: Sequence[AuditEvent]) -> tuple[list[Recorded], list[Recorded], PassedOver | None]:
    """Return the gates and the decisions that a run's stream tells, and which mandates did not clear it."""
    gates: list[Recorded] = []
    decisions: list[Recorded] = []
    passed_over: PassedOver | None = None
    for event in events:
        if event.kind in {"approve.opened", "approve.amended"}:
            gates.append(record.opened(event))
        elif event.kind in {"approve.decided", "approve.settled"}:
            decisions.append(record.decided(event))
        elif event.kind == "approve.refused":
            decisions.append(record.refused(event))
        elif event.kind == "mandate.passed_over":
            passed_over = _passed_over(event)
    return gates, decisions, passed_over


def _passed_over(event: AuditEvent) -> PassedOver:
    reasons = (
        NotCleared(name=str(one.get("name", "")), code=str(one["code"]), detail=str(one["detail"]))
        for one in event.body.get("reasons") or ()
    )
    return PassedOver(at=event.at, mandates=event.body["mandates"], reasons=tuple(reasons))


def _counted(
    gate: Gate | None, today: PermitTerms | None, approvals: Sequence[Approval], ways: tuple[Approver, ...]
) -> tuple[SoFar | None, tuple[Approver, ...]]:
    """Return how far the approvals of a gate for people have come, and what each person could do beside them."""
    if gate is None or gate.verdict != "human":
        return None, ways
    standing = (_standing(one, ways) for one in approvals)
    counted = so_far(gate, today, tuple(one for one in standing if one is not None))
    return counted, tuple(_beside(gate, counted, way) for way in ways)


def _standing(approval: Approval, ways: Sequence[Approver]) -> Approval | None:
    """Return an approval with the roles that it counts in now, as the gate has it; None where it counts no longer.

    Its key must be good, and its very authority must still hold: of two delegations by one person, the one used.
    """
    signed = (approval.key_id, approval.delegation_id)
    way = next((way for way in ways if way.allowed and (way.key_id, way.delegation_id) == signed), None)
    return None if way is None else approval.model_copy(update={"roles": way.roles})


def _beside(gate: Gate, counted: SoFar, way: Approver) -> Approver:
    """Return what somebody could do beside those who have approved: nobody counts twice."""
    why_not = why_not_beside(gate, counted, way) if way.allowed else ""
    return way.model_copy(update={"allowed": False, "because": why_not}) if why_not else way


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who could decide `proposal` at `now`."""

    proposal: Proposal
    current: PolicySet | PolicyError
    gate: Gate | None
    keys: Sequence[EnrolledKey]
    delegations: Sequence[DelegationRecord]
    now: datetime

    def approvers(self, key: EnrolledKey) -> tuple[Approver, ...]:
        """Return what the holder of `key` could do in their own name, and in each name that was delegated to them."""
        try:
            check_key(key, key.key_id, self.proposal.tenant, self.now)
        except DecisionRefused as error:
            return (Approver(name=key.name, key_id=key.key_id, allowed=False, because=str(error), explained=None),)
        found = {other.key_id: other for other in self.keys}
        every = authorities(key, self.delegations, found.get, self.now, verified=lambda _: True)
        return tuple(self._approver(one) for one in every)

    def _approver(self, authority: Authority) -> Approver:
        person, current = authority.person, self.current
        explained: Explained | None = None
        allowed, because = False, str(current)
        asked = roles_at(self.gate, self.now) if self.gate is not None else ()
        if isinstance(current, PolicySet):
            explained = explain(current, decides(person, self.proposal))
            answer = entitled(authority, lambda one: current.may_decide(one, self.proposal))
            allowed, by = answer.allowed, ", ".join(answer.policies)
            because = f"{answer.detail} by {by}" if by else answer.detail
            if allowed and asked and not set(asked) & set(person.roles):
                allowed, because = False, f"holds none of the roles that are asked now: {spoken_list(asked)}"
        return Approver(
            name=person.name,
            key_id=person.key_id,
            allowed=allowed,
            because=because,
            could_reject=allowed,
            delegated_by=authority.delegated_by,
            delegation_id=authority.delegation_id,
            roles=tuple(role for role in asked if role in person.roles),
            explained=explained,
        )
