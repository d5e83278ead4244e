"""Why a run's gate and each of its decisions came out as they did, from the record, and who could decide it now."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime

from placet.contracts.approver import EnrolledKey
from placet.contracts.audit import AuditEvent
from placet.contracts.base import Digest, Frozen
from placet.contracts.proposal import Proposal
from placet.errors import DecisionRefused, PolicyError
from placet.governance.approvals import check_key
from placet.governance.policy import PolicySet
from placet.governance.policy_question import Question, decides, proposes
from placet.governance.policy_why import Explained, explain


class Recorded(Frozen):
    """One answer of policy as it stands on the record, explained by the set that was in force.

    Attributes:
        policies: The deciding policies, as recorded.
        policy_set: Version of the set in force; None where there was none.
        explained: The same question asked again of the stored set; None where its text is not stored.
        agrees: Whether that gives the recorded answer; None where it cannot be asked again.
    """

    at: AwareDatetime
    who: str
    outcome: str
    detail: str
    policies: tuple[str, ...]
    policy_set: Digest | None
    explained: Explained | None
    agrees: bool | None


class Approver(Frozen):
    """Whether an enrolled person could decide the proposal now, and why (not)."""

    name: str
    key_id: Digest
    allowed: bool
    because: str
    explained: Explained | None


class RunExplained(Frozen):
    """All that policy had and has to say about one run.

    Attributes:
        in_force: Version of the set in force now; None when there is none, `problem` says why.
        propose_now: Whether the agent could propose it now, which is asked again before the effect.
    """

    run_id: str
    state: str
    gate: Recorded | None
    decisions: tuple[Recorded, ...]
    in_force: Digest | None
    problem: str
    propose_now: Explained | None
    approvers: tuple[Approver, ...]


def explain_run(
    *,
    run_id: str,
    state: str,
    proposal: Proposal,
    events: Sequence[AuditEvent],
    stored: Callable[[str], PolicySet | None],
    current: PolicySet | PolicyError,
    keys: Sequence[EnrolledKey],
    now: datetime,
) -> RunExplained:
    """Explain a run that has a proposal.

    Args:
        run_id: The run.
        state: Where it stands.
        proposal: What it proposed.
        events: The run's own stream.
        stored: Finds the text of a set by its version; None when it was not kept.
        current: The set in force now, or why there is none.
        keys: Keys enrolled for the run's tenant.
        now: When the keys must be valid to count.
    """
    gate: Recorded | None = None
    decisions: list[Recorded] = []
    holders = {key.key_id: key for key in keys}
    version: str | None = None
    for event in events:
        if event.kind == "approve.opened":
            version = event.body["gate"]["policy_set"]
            gate = _gate(event, proposal, version, stored)
        elif event.kind in {"approve.decided", "approve.settled", "approve.refused"}:
            decisions.append(_decision(event, proposal, version, stored, holders))
    known = current if isinstance(current, PolicySet) else None
    return RunExplained(
        run_id=run_id,
        state=state,
        gate=gate,
        decisions=tuple(decisions),
        in_force=known.digest if known else None,
        problem="" if known else str(current),
        propose_now=explain(known, proposes(proposal)) if known else None,
        approvers=tuple(_approver(key, proposal, current, now) for key in keys),
    )


def _gate(
    event: AuditEvent, proposal: Proposal, version: str | None, stored: Callable[[str], PolicySet | None]
) -> Recorded:
    gate = event.body["gate"]
    explained = _again(version, stored, proposes(proposal))
    return Recorded(
        at=event.at,
        who=f"agent {proposal.agent}",
        outcome="denied" if gate["verdict"] == "denied" else "permitted",
        detail=gate["reason"],
        policies=gate["policies"],
        policy_set=version,
        explained=explained,
        agrees=_agrees(explained, gate["verdict"] != "denied", gate["policies"]),
    )


def _decision(
    event: AuditEvent,
    proposal: Proposal,
    at_gate: str | None,
    stored: Callable[[str], PolicySet | None],
    holders: dict[str, EnrolledKey],
) -> Recorded:
    body: dict[str, Any] = event.body
    # An entry that does not say which set was asked may mean the gate's or a later one: then only agreement tells.
    version = body.get("policy_set", at_gate)
    if event.kind == "approve.refused":
        return Recorded(
            at=event.at,
            who="unverified sender",
            outcome=f"refused ({body['code']})",
            detail=str(body["detail"]),
            policies=(),
            policy_set=version,
            explained=None,
            agrees=None,
        )
    key = holders.get(body["key_id"])
    explained = _again(version, stored, decides(key, proposal)) if key else None
    agrees = _agrees(explained, True, body["policies"])
    return Recorded(
        at=event.at,
        who=event.actor,
        outcome=f"{body['verdict']} accepted, entitled",
        detail=str(body["reason"]),
        policies=body["policies"],
        policy_set=version,
        explained=explained,
        agrees=agrees if agrees or "policy_set" in body else None,
    )


def _again(version: str | None, stored: Callable[[str], PolicySet | None], question: Question) -> Explained | None:
    policies = stored(version) if version else None
    return explain(policies, question) if policies is not None and policies.current else None


def _agrees(explained: Explained | None, allowed: bool, policies: Sequence[str]) -> bool | None:
    if explained is None:
        return None
    return explained.allowed is allowed and sorted(explained.policies) == sorted(policies)


def _approver(key: EnrolledKey, proposal: Proposal, current: PolicySet | PolicyError, now: datetime) -> Approver:
    explained: Explained | None = None
    allowed, because = False, str(current)
    try:
        check_key(key, key.key_id, proposal.tenant, now)
    except DecisionRefused as error:
        because = str(error)
    else:
        if isinstance(current, PolicySet):
            explained = explain(current, decides(key, proposal))
            allowed, because = explained.allowed, _because(explained)
    return Approver(name=key.name, key_id=key.key_id, allowed=allowed, because=because, explained=explained)


def _because(explained: Explained) -> str:
    verb: Literal["permitted", "forbidden"] = "permitted" if explained.allowed else "forbidden"
    return f"{verb} by {', '.join(explained.policies)}" if explained.policies else explained.detail
