"""What differs in a run that takes back another one: no model is asked, arithmetic proposes (docs/adr/0011)."""

from datetime import datetime
from typing import Any

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.analysis.outcome import ProposalOutcome
from placet.contracts.audit import AuditEvent
from placet.contracts.billing import Evidence
from placet.contracts.customer import CustomerProfile
from placet.contracts.proposal import Candidate, Proposal, Reason
from placet.contracts.receipt import Receipt
from placet.contracts.run import ProposeInput, RunRequest
from placet.contracts.text import WORDS, one_line, shortened, wrote
from placet.decisioning.compensation import compensation, leave, magnitude, required_reads, words
from placet.decisioning.contact import given
from placet.errors import GovernanceError
from placet.gate.context import GateContext
from placet.governance.effects import effect_key
from placet.governance.reversals import REQUESTED, REVERSED, check_reversible, step_key
from placet.storage.standing import state_on_record
from placet.storage.transaction import AnotherRun, Transaction

_WHY, _NAME, _DETAIL = 80, 60, 160
"""Bounds of what a person wrote and of their name, in a reason of 160 characters."""

ACTOR = "worker"
"""Who analyses and proposes a reversal: no agent has a say in it."""


def actor_of(run: RunRequest) -> str:
    """Return who analyses and proposes in a run."""
    return f"agent:{run.agent}" if run.reverses is None else ACTOR


def record_asked(tx: Transaction, run: RunRequest, original_id: str, at: datetime, body: dict[str, Any]) -> None:
    """Say on the original's stream, once, that `run` was asked to take it back."""
    tx.record(
        AnotherRun(original_id, run.tenant),
        REQUESTED,
        actor=run.requested_by,
        at=at,
        body=body,
        key=step_key(REQUESTED, run.run_id),
    )


def open_reversal(tx: Transaction, run: RunRequest, original_id: str, at: datetime) -> None:
    """Link the original to the run that is to take it back, which is on record already, unless it may not be.

    Raises:
        GovernanceError: the original may not be reversed, or is of another tenant, customer or agent.
    """
    # First of all: two reversals of one run take turns at the end of its stream, so that the second sees the first.
    record_asked(tx, run, original_id, at, {"reversal": run.run_id, "reason": ""})
    original = tx.runs.get(original_id)
    if original is None or (original.tenant, original.customer_id, original.agent) != (
        run.tenant,
        run.customer_id,
        run.agent,
    ):
        raise GovernanceError(
            f"there is no run {original_id!r} of customer {run.customer_id!r} and agent {run.agent!r} to take back",
            code="unknown_original",
        )
    others = (other for other in tx.runs.reversals_of(original_id) if other.run_id != run.run_id)
    check_reversible(
        original, state_on_record(tx, original), ((other.run_id, state_on_record(tx, other)) for other in others)
    )


def assess(context: GateContext, run: RunRequest, original_id: str, customer: CustomerProfile) -> Assessment:
    """(1) Assess the customer as they are now; the risk is the one that the original run found.

    Nothing weighs the risk anew.
    """
    original, _ = _executed(context, run, original_id)
    found = context.artifact(run, original.assessment, Assessment)
    return Assessment(
        run_id=run.run_id,
        customer=customer,
        risk=found.risk,
        drivers=(),
        summary=f"No model was asked: this run takes back {original_id}. The risk is the one which that run found.",
        queries=required_reads(original.mutation),
        model_use=(),
    )


def propose(context: GateContext, step: ProposeInput, original_id: str, evidence: Evidence) -> ProposalOutcome:
    """(3) Propose the compensating mutation, or nothing where it cannot be exact any more."""
    run = step.run
    original, receipt = _executed(context, run, original_id)
    back = _with_request(context, run, original_id, compensation(original, receipt, evidence))
    candidates = (back, leave(original))
    if back.mutation is None:
        why = "; ".join(reason.detail or reason.code.replace("_", " ") for reason in back.reasons_against)
        summary = shortened(f"nothing: {original_id} cannot be taken back; {why}", WORDS)
        return ProposalOutcome(None, summary, candidates, (), ())
    proposal = Proposal(
        run_id=run.run_id,
        tenant=run.tenant,
        customer_id=run.customer_id,
        agent=run.agent,
        triggered_by=run.requested_by,
        treatment=back.treatment,
        treatment_name=back.name,
        mutation=back.mutation,
        cost=magnitude(original),
        expected_value_minor=back.expected_value_minor,
        facts=(*words(original, back.mutation), *given(evidence.history, evidence.read_at)),
        candidates=candidates,
        preconditions=back.preconditions,
        evidence=step.evidence,
        assessment=step.assessment,
        reverses=original_id,
    )
    summary = f"take back what {original_id} did: {proposal.price}"
    return ProposalOutcome(proposal, summary, candidates, (), ())


def mark_reversed(tx: Transaction, run: RunRequest, at: datetime) -> None:
    """Say on the original's stream that `run` executed, in the transaction that records it; nothing for other runs."""
    if run.reverses is None:
        return
    tx.record(
        AnotherRun(run.reverses, run.tenant),
        REVERSED,
        actor=ACTOR,
        at=at,
        body={"reversal": run.run_id},
        key=step_key(REVERSED, run.run_id),
    )


def _executed(context: GateContext, run: RunRequest, original_id: str) -> tuple[Proposal, Receipt]:
    """Return what the original run did: the proposal its one settled effect was signed for, and the receipt."""
    with context.database.reading() as tx:
        settled = [effect for effect in tx.effects.for_run(original_id) if effect.status == "settled"]
    if len(settled) != 1 or settled[0].receipt is None:
        raise GovernanceError(
            f"run {original_id!r} has {len(settled)} settled effects; one can be taken back", code="not_executed"
        )
    effect, receipt = settled[0], settled[0].receipt
    proposal = context.artifact(run, effect.proposal, Proposal)
    same = (effect.tenant, effect.effect_key, proposal.run_id, proposal.customer_id, proposal.agent)
    if same != (run.tenant, effect_key(original_id, effect.proposal), original_id, run.customer_id, run.agent):
        raise GovernanceError(
            f"the effect of {original_id!r} is not the one its proposal was signed for", code="wrong_run"
        )
    return proposal, receipt


def _with_request(context: GateContext, run: RunRequest, original_id: str, back: Candidate) -> Candidate:
    """Add who asks and why: the approver decides on it."""
    with context.database.reading() as tx:
        asked = tx.audit.find(original_id, step_key(REQUESTED, run.run_id))
    if asked is None or back.mutation is None:
        return back
    return back.model_copy(update={"reasons_for": (*back.reasons_for, _asked(asked))})


def _asked(entry: AuditEvent) -> Reason:
    why = str(entry.body["reason"])
    said = wrote(entry.actor, why, _WHY) if why else f"asked for by {one_line(entry.actor, _NAME)}"
    return Reason(code="requested", detail=shortened(said, _DETAIL))
