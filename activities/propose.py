"""(3) propose: arithmetic ranks the eligible treatments, the model picks among them, one mutation results.

A reversal is arithmetic alone.
"""

import time
from typing import Any, Final, NamedTuple

from temporalio import activity

from activities.analyse import STEP as ANALYSED
from activities.query_billing import STEP as QUERIED
from activities.resources import WorkerResources, keep_exchanges, unanswered_recorded
from agents.likelihood import MISSING
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.analysis.outcome import ProposalOutcome
from placet.contracts.audit import AuditEvent
from placet.contracts.billing import Evidence
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.run import Proposed, ProposeInput, RunRequest
from placet.contracts.state import CustomerState
from placet.contracts.text import WORDS, shortened
from placet.errors import GovernanceError, UsageError
from placet.gate import controls, reversal
from placet.gate.context import milliseconds_since
from placet.gate.strategies import proposing as strategies
from placet.governance.targets import check_targets
from placet.storage.pending import PROPOSED
from placet.storage.transaction import Transaction

NO_SOURCE: Final = (
    "there is no churn model for this tenant, and no fallback to counts is configured; "
    "without a probability of leaving nothing can be weighed"
)


class Ground(NamedTuple):
    """What a proposal is made of.

    Attributes:
        limited: Whether the contact policy limits it. A control gives nothing: it is weighed as if the customer had
            never been treated.
    """

    assessment: Assessment
    evidence: Evidence
    limited: bool


class Propose:
    """The third step."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context

    @activity.defn(name="propose", no_thread_cancel_exception=True)
    def propose(self, proposal: ProposeInput) -> Proposed:
        """Propose one mutation, or nothing; the stored proposal's digest is what a person will sign."""
        context = self._context
        with context.step(proposal.run):
            with context.database.reading() as tx:
                tx.audit.foresee(proposal.run.run_id, PROPOSED, ANALYSED, QUERIED)
                earlier = tx.audit.find(proposal.run.run_id, PROPOSED)
                if earlier is not None:
                    return self._answer(proposal.run, earlier, tx)
                ground = _ground(tx, proposal)
            return self._propose(proposal, ground)

    def _answer(self, run: RunRequest, entry: AuditEvent, tx: Transaction | None = None) -> Proposed:
        """Return what the entry on record says, whichever attempt left it.

        The gate must be asked about no other proposal.
        """
        digest = entry.body["proposal"]
        document = self._context.proposal(run, str(digest), tx) if digest else None
        return Proposed(proposal=document, digest=digest, summary=str(entry.body["summary"]))

    def _propose(self, step: ProposeInput, ground: Ground) -> Proposed:
        context, run = self._context, step.run
        started = time.monotonic()
        outcome = self._outcome(step, ground)
        with context.database.transaction() as tx:
            outcome = controls.plant(context, tx, step, outcome)
            keep_exchanges(tx, run, outcome.exchanges)
            digest = tx.artifacts.put_model(run.tenant, outcome.proposal) if outcome.proposal else None
            entry, ours = tx.record(
                run,
                PROPOSED,
                actor=reversal.actor_of(run),
                at=context.clock(),
                body={
                    "proposal": digest,
                    "summary": outcome.summary,
                    "reason": outcome.reason,
                    "currency": outcome.proposal.cost.currency if outcome.proposal else outcome.currency,
                    "basis": None if outcome.basis is None else outcome.basis.model_dump(mode="json"),
                    "candidates": [candidate.model_dump(mode="json") for candidate in outcome.candidates],
                    "model_use": [use.model_dump(mode="json") for use in outcome.model_use],
                    "duration_ms": milliseconds_since(started),
                    **_chose_nothing(outcome),
                },
            )
            if ours and digest is not None:
                tx.runs.set_state(run.run_id, "proposing", at=context.clock(), proposal=digest)
        if not ours:
            return self._answer(run, entry)
        return Proposed(proposal=outcome.proposal, digest=digest, summary=outcome.summary)

    def _outcome(self, step: ProposeInput, ground: Ground) -> ProposalOutcome:
        context, run, evidence = self._context, step.run, ground.evidence
        if run.reverses is not None:
            return _on_target(reversal.propose(context, step, run.reverses, evidence), evidence)
        likelihood = self._likelihood(run, evidence)
        if isinstance(likelihood, str):
            return ProposalOutcome(None, shortened(f"nothing: {likelihood}", WORDS), (), (), (), reason=likelihood)
        if run.strategy is not None:
            return _on_target(strategies.propose(context, step, evidence, likelihood), evidence)
        contact = context.contact(run.tenant, run.agent)
        with unanswered_recorded(context, run, "propose.unanswered"):
            outcome = context.application(run.agent).propose(
                run,
                ground.assessment,
                evidence,
                assessment_digest=step.assessment,
                evidence_digest=step.evidence,
                likelihood=likelihood,
                contact=contact,
                limited=ground.limited,
                inference=context.inference,
            )
        return _on_target(outcome, evidence)

    def _likelihood(self, run: RunRequest, evidence: Evidence) -> Likelihood | str:
        """Return how likely it is that the customer leaves, or why that is not known: nothing is guessed."""
        context = self._context
        source = context.likelihood(run.tenant)
        if source is None:
            return NO_SOURCE
        state = None if evidence.state is None else context.artifact(run, evidence.state.digest, CustomerState)
        try:
            return source.read(evidence, state)
        except UsageError as error:
            if error.code != MISSING:
                raise
            return str(error)


def _chose_nothing(outcome: ProposalOutcome) -> dict[str, Any]:
    """Return what a strategy chose nothing with: no proposal has it, and the choice can be estimated by it later."""
    if outcome.proposal is not None or outcome.strategy is None:
        return {}
    return {"strategy": outcome.strategy.model_dump(mode="json")}


def _ground(tx: Transaction, step: ProposeInput) -> Ground:
    """Read what the run's own steps left; who has the payload key can name another run's.

    Raises:
        GovernanceError: code `wrong_run`; the step was given something else.
    """
    run = step.run
    for left, name, digest in ((ANALYSED, "assessment", step.assessment), (QUERIED, "evidence", step.evidence)):
        entry = tx.audit.find(run.run_id, left)
        if entry is None or entry.body[name] != digest:
            raise GovernanceError(
                f"{name} {digest[:16]} is not what run {run.run_id!r} has on record", code="wrong_run"
            )
    return Ground(
        assessment=tx.artifacts.get_model(step.assessment, Assessment, tenant=run.tenant),
        evidence=tx.artifacts.get_model(step.evidence, Evidence, tenant=run.tenant),
        limited=not controls.is_control(tx, run),
    )


def _on_target(outcome: ProposalOutcome, evidence: Evidence) -> ProposalOutcome:
    if outcome.proposal is not None:
        check_targets(outcome.proposal, evidence)
    return outcome
