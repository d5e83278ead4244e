"""Clearing by mandate: whether a signed, pre-authorised envelope lets a proposal pass without a decision of its own.

 (1) policy permits the agent to commit this mutation without a person;
 (2) the proposal lies within a mandate: agent, kind, treatment, cohort, amount, time;
 (3) that mandate's signed document verifies now, and policy still entitles its signer;
 (4) its budget, and its cap for this customer, have room: taken atomically, in the transaction that opens the gate.
Immediately before the effect all of it is asked again, except that what (4) took must still stand. Whatever fails means
that a person is asked, or, before the effect, that nothing is sent.
"""

from datetime import datetime
from typing import Final

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.audit import AuditEvent
from placet.contracts.customer import Declared
from placet.contracts.money import Money
from placet.contracts.people.mandate import Clearance, MandateRecord
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.gate.account import check_account, give_back, take
from placet.gate.strategies.holding import UNDECIDED, FirstHand, check_decided
from placet.governance.authority.mandates import Authority, charge, check_authority, covers, left
from placet.governance.policy.set import PolicySet
from placet.storage.transaction import Transaction

CONSUMED: Final = "mandate.consumed"
PASSED_OVER: Final = "mandate.passed_over"
RELEASED: Final = "mandate.released"

_MOST_REASONS = 20


def clear(
    tx: Transaction,
    run: RunRequest,
    proposal: Proposal,
    digest: str,
    policies: PolicySet,
    now: datetime,
    *,
    declared: Declared,
    consume: bool = True,
    known: FirstHand | None = None,
) -> Clearance | None:
    """Clear `proposal` by the first mandate it lies within, and put on the record on whose signature; None: a person.

    Where policy would permit it but no mandate clears it, the record says of each why not. Without `consume`, one that
    would clear it does not. `known` is what the gate knows of the customer of a strategy's run; without it,
    no strategy's mandate clears anything.
    """
    answer = policies.may_commit(proposal)
    if not answer.allowed:
        return None
    reasons: list[dict[str, str]] = []
    try:
        assessment = _assessment(tx, run, proposal)
        candidates = tx.mandates.candidates(run.tenant, run.agent, now)
    except GovernanceError as error:
        _record_passed_over(tx, run, digest, [{"code": error.code, "detail": str(error)}], now)
        return None
    for candidate in candidates:
        try:
            covers(candidate.mandate, proposal, assessment.customer, assessment.risk, now, declared)
            authority = _authority(tx, candidate, policies, now)
            _check_known(candidate, known)
            check_decided(tx, candidate, run, proposal, known, policies, now)
            if not consume:
                return None
            clearance = _clearance(candidate, proposal, answer.policies)
            _consume(tx, candidate, clearance, run, proposal, digest, now)
        except GovernanceError as error:
            named = {"mandate_id": candidate.mandate.document_id, "name": candidate.mandate.name}
            reasons.append({**named, "code": error.code, "detail": str(error)})
        else:
            return _record_consumed(tx, run, digest, clearance, authority, now)
    earlier = tx.audit.find(run.run_id, CONSUMED)
    if earlier is not None:  # another attempt of this step was quicker, and took the last of the budget
        return _recorded(earlier)
    if reasons:
        _record_passed_over(tx, run, digest, reasons, now)
    return None


def still_cleared(
    tx: Transaction,
    run: RunRequest,
    proposal: Proposal,
    digest: str,
    policies: PolicySet,
    clearance: Clearance,
    now: datetime,
    *,
    declared: Declared,
) -> None:
    """Check that everything that cleared the proposal still holds; asked immediately before its effect.

    Raises:
        DecisionRefused: `not_cleared` (no standing use on our own record), `policy_changed`, `mandate_revoked`,
            `unentitled`, or the code of the bound or key check that fails now.
    """
    entry, use = tx.audit.find(run.run_id, CONSUMED), tx.mandates.use(run.run_id, digest)
    if entry is None or entry.body["proposal"] != digest or _recorded(entry) != clearance:
        raise DecisionRefused("no such clearance of this proposal is on record", code="not_cleared")
    if use is None or use.released_at is not None:
        raise DecisionRefused("what it took of the mandate was given back", code="not_cleared")
    taken = (use.tenant, use.mandate_id, use.customer_id, use.amount_minor)
    if taken != (run.tenant, clearance.mandate_id, proposal.customer_id, charge(proposal).amount_minor):
        raise DecisionRefused("what it took of the mandate is not what the proposal costs", code="not_cleared")
    check_account(tx, use)
    answer = policies.may_commit(proposal)
    if not answer.allowed:
        raise DecisionRefused(
            f"policy no longer lets the agent commit it without a person: {answer.detail}", code="policy_changed"
        )
    mandate = tx.mandates.get(run.tenant, clearance.mandate_id)
    if mandate is None:
        raise DecisionRefused("its mandate is not on record", code="not_cleared")
    if mandate.revoked_at is not None:
        raise DecisionRefused(
            f"mandate {clearance.name!r} was revoked by {mandate.revoked_by} at {moment(mandate.revoked_at)}",
            code="mandate_revoked",
        )
    assessment = _assessment(tx, run, proposal)
    covers(mandate.mandate, proposal, assessment.customer, assessment.risk, now, declared)
    _authority(tx, mandate, policies, now)
    check_decided(tx, mandate, run, proposal, None, policies, now)


def _check_known(candidate: MandateRecord, known: FirstHand | None) -> None:
    if candidate.mandate.strategy is not None and known is None:
        raise DecisionRefused("nothing is known of the customer but what the proposal says", code=UNDECIDED)


def release(tx: Transaction, run: RunRequest, proposal_digest: str, now: datetime) -> None:
    """Give back what the run took of a mandate, once, because its effect did not happen and no longer can."""
    use = give_back(tx, run, proposal_digest, now)
    if use is not None:
        body = {"proposal": proposal_digest, "mandate_id": use.mandate_id, "amount_minor": use.amount_minor}
        tx.record(run, RELEASED, actor="worker", at=now, body=body)


def _assessment(tx: Transaction, run: RunRequest, proposal: Proposal) -> Assessment:
    """Return what the run itself found of its customer; a cohort is not judged on anything else."""
    try:
        assessment = tx.artifacts.get_model(proposal.assessment, Assessment, tenant=run.tenant)
    except UsageError as error:
        raise DecisionRefused(f"the customer's facts are gone: {error}", code="mandate_unassessed") from error
    if assessment.run_id != run.run_id:
        raise DecisionRefused(f"the assessment is of run {assessment.run_id!r}", code="mandate_unassessed")
    return assessment


def _authority(tx: Transaction, candidate: MandateRecord, policies: PolicySet, now: datetime) -> Authority:
    try:
        text = tx.artifacts.get(candidate.document, tenant=candidate.mandate.tenant).decode(errors="replace")
    except UsageError as error:
        raise DecisionRefused(f"its signed document is gone: {error}", code="mandate_unsigned") from error
    return check_authority(candidate, text, policies=policies, now=now, find_key=tx.approvers.get)


def _clearance(candidate: MandateRecord, proposal: Proposal, policies: tuple[str, ...]) -> Clearance:
    return Clearance(
        mandate_id=candidate.mandate.document_id,
        name=candidate.mandate.name,
        document=candidate.document,
        signer=candidate.mandate.signer,
        key_id=candidate.key_id,
        consumed=charge(proposal),
        policies=policies,
    )


def _consume(
    tx: Transaction,
    candidate: MandateRecord,
    clearance: Clearance,
    run: RunRequest,
    proposal: Proposal,
    digest: str,
    now: datetime,
) -> None:
    mandate = candidate.mandate
    taken = take(
        tx, mandate, run, proposal=digest, customer_id=proposal.customer_id, amount=clearance.consumed, now=now
    )
    if not taken:
        raise DecisionRefused(
            f"its budget of {mandate.budget}, or {mandate.cap_per_customer} for one customer in "
            f"{counted(mandate.period_days, 'day')}, has no room for {clearance.consumed} more",
            code="mandate_spent",
        )


def _record_consumed(
    tx: Transaction, run: RunRequest, digest: str, clearance: Clearance, authority: Authority, now: datetime
) -> Clearance:
    after = tx.mandates.get(run.tenant, clearance.mandate_id)
    remaining: Money | None = None if after is None else left(after)
    body = {
        "proposal": digest,
        **clearance.model_dump(mode="json"),
        "left": None if remaining is None else remaining.model_dump(mode="json"),
        "entitled_by": authority.policies,
    }
    return _recorded(tx.record(run, CONSUMED, actor="policy", at=now, body=body).event)


def _record_passed_over(
    tx: Transaction, run: RunRequest, digest: str, reasons: list[dict[str, str]], now: datetime
) -> None:
    body = {"proposal": digest, "mandates": len(reasons), "reasons": reasons[:_MOST_REASONS]}
    tx.record(run, PASSED_OVER, actor="policy", at=now, body=body)


def _recorded(entry: AuditEvent) -> Clearance:
    return Clearance.model_validate({name: entry.body[name] for name in Clearance.model_fields})
