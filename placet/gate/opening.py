"""Which gate policy puts before a proposal: denied, cleared by a mandate, or people, how many, until when."""

from datetime import datetime, timedelta

from placet.contracts.gate import Gate, GateTerms
from placet.contracts.people.mandate import Clearance
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.contracts.times import moment
from placet.errors import DecisionRefused, PolicyError
from placet.governance.policy.answer import PolicyAnswer
from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.storage.transaction import Transaction


def denied(reason: str, policies: PolicySet | None, now: datetime) -> Gate:
    """Return a gate that refuses the proposal; `reason` says why. People are not asked."""
    version = policies.digest if policies is not None else None
    return Gate(verdict="denied", reason=reason, policy_set=version, policies=(), opened_at=now, expires_at=now)


def gate_for(proposal: Proposal, policies: PolicySet, defaults: GateTerms, opened_at: datetime) -> Gate:
    """Return the gate that `policies` put before `proposal`: denied, or for people."""
    # Policies are written with what an operator gives in mind.
    if proposal.mutation.takes_from_customer and proposal.reverses is None:
        return denied("only a reversal takes something from a customer", policies, opened_at)
    answer = policies.may_propose(proposal)
    if not answer.allowed:
        return denied(_said(answer, policies), policies, opened_at).model_copy(update={"policies": answer.policies})
    try:
        terms = policies.gate_terms(answer, defaults)
    except PolicyError as error:
        return denied(str(error), policies, opened_at).model_copy(update={"policies": answer.policies})
    return Gate(
        verdict="human",
        reason=answer.detail,
        policy_set=policies.digest,
        policies=answer.policies,
        roles=terms.roles,
        quorum=terms.quorum,
        distinct_roles=terms.distinct_roles,
        opened_at=opened_at,
        remind_at=_after(opened_at, terms.remind_after),
        escalate_at=_after(opened_at, terms.escalate_after),
        escalate_to=terms.escalate_to,
        expires_at=opened_at + timedelta(seconds=terms.expire_after),
    )


def _said(answer: PolicyAnswer, policies: PolicySet) -> str:
    """Say why policy denied: each policy that forbids it in its author's words, or that none permits it."""
    told = [one.description for one in policies.policies if one.id in answer.policies and one.description]
    return f"{answer.detail}: {' '.join(told)}" if told else answer.detail


def cleared(gate: Gate, clearance: Clearance) -> Gate:
    """Return the same gate, passed beforehand by the signature on a mandate."""
    return gate.model_copy(
        update={
            "verdict": "cleared",
            "reason": f"within mandate {clearance.name!r} signed by {clearance.signer}",
            "policies": clearance.policies,
            "clearance": clearance,
        }
    )


def replacing(gate: Gate, before: Gate, now: datetime) -> Gate:
    """Make the gate of an amended proposal, which is due and closes no later than the first.

    It asks what policy asks of the amended proposal.

    Raises:
        DecisionRefused: code `policy_denied`; it would be closed already, or nobody could pass it.
    """
    expires_at = min(before.expires_at, gate.expires_at)
    remind_at, escalate_at = (
        _sooner(new, old, expires_at)
        for new, old in ((gate.remind_at, before.remind_at), (gate.escalate_at, before.escalate_at))
    )
    if gate.escalate_to is None:
        escalate_at = None
    replaced = gate.model_copy(
        update={
            "remind_at": remind_at,
            "escalate_at": escalate_at,
            "escalate_to": gate.escalate_to if escalate_at is not None else None,
            "expires_at": expires_at,
        }
    )
    if now >= expires_at:
        closed = moment(expires_at)
        raise DecisionRefused(f"policy lets the gate of the amended proposal close at {closed}", code="policy_denied")
    if replaced.distinct_roles and replaced.quorum > len({*replaced.roles, replaced.escalate_to} - {None}):
        raise DecisionRefused("nobody could pass the gate of the amended proposal in time", code="policy_denied")
    return replaced


def _sooner(new: datetime | None, old: datetime | None, before: datetime) -> datetime | None:
    due = min((at for at in (new, old) if at is not None), default=None)
    return due if due is not None and due < before else None


def _after(opened_at: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else opened_at + timedelta(seconds=seconds)


def keep_policies(tx: Transaction, run: RunRequest, policies: PolicySet | None) -> None:
    """Keep the text of the policy set that was asked: its digest alone would tell an auditor little."""
    if policies is not None:
        tx.artifacts.put(run.tenant, POLICY_SET_MEDIA_TYPE, policies.document)
