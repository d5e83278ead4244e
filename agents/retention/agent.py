"""The retention application: keep a customer at risk, or leave them alone."""

from dataclasses import replace
from pathlib import Path

from agents.claims import claim_marks
from agents.grounding import grounding_marks
from agents.manifest import Manifest, read_manifest
from agents.model_calls.completion import Completion, Inference
from agents.own_catalogue import OwnCatalogue, read_own_catalogue
from agents.prompts import load_prompt
from agents.retention.customer import RetentionCustomer, supported
from agents.retention.facts_text import facts_text, options_text, profile_text
from agents.retention.schema import AnalysisAnswer, PickAnswer, analysis_schema, pick_schema
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.analysis.outcome import AnalysisOutcome, ProposalOutcome
from placet.contracts.base import Digest
from placet.contracts.billing import BillingQuery, Evidence
from placet.contracts.customer import CustomerProfile
from placet.contracts.money import Money
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import NOTHING, Basis, Candidate, Proposal
from placet.contracts.run import RunRequest
from placet.contracts.state import StateRead
from placet.contracts.text import THE_MODEL, WORDS, attributed, shortened
from placet.decisioning.contact import ContactPolicy, given
from placet.decisioning.facts import Facts, derive
from placet.decisioning.likelihood import reasons_of
from placet.decisioning.next_best_action.saying import assumptions_of, weighed_by, why_nothing
from placet.decisioning.state.telling import for_the_model, stood_out
from placet.decisioning.words import amount, situation
from placet.errors import InferenceError
from placet.governance.signing.canonical import digest as document_digest
from placet.version import version

_HERE = Path(__file__).parent
_PROMPTS = _HERE / "prompts"


class Retention:
    """Implements `Application`; holds only what its files say."""

    def __init__(self, manifest: Manifest, own: OwnCatalogue) -> None:
        self.name = manifest.name
        self.facts = manifest.facts
        self.required_reads = manifest.required_reads
        self.gate_role = manifest.gate.role
        self.gate_ttl_hours = manifest.gate.ttl_hours
        self._own = own
        self._prompts = {file.stem: load_prompt(file) for file in sorted(_PROMPTS.glob("*.txt"))}

    def analyse(
        self,
        request: RunRequest,
        customer: CustomerProfile,
        inference: Inference,
        *,
        state: StateRead | None = None,
        churn_bp: int | None = None,
    ) -> AnalysisOutcome:
        """(1) Let a model name risk, reads and drivers; it may name only drivers that the profile bears out."""
        known = RetentionCustomer.of(customer, self.facts)
        profile = profile_text(known, churn_bp)
        if lately := for_the_model(state):
            profile = f"{profile} {lately}"

        def check(answer: AnalysisAnswer) -> tuple[str, ...]:
            return grounding_marks(answer.summary, (profile,))

        completion = inference.complete(
            "analyse",
            agent=self.name,
            system=self._prompts["analyse.system"].substitute(),
            user=self._prompts["analyse.user"].substitute(profile=profile),
            schema=analysis_schema(supported(known)),
            check=check,
        )
        answer = completion.value
        reads = dict.fromkeys(answer.reads)  # a model may name one twice
        assessment = Assessment(
            run_id=request.run_id,
            customer=customer,
            risk=answer.risk,
            drivers=tuple(dict.fromkeys(answer.drivers)),
            summary=answer.summary,
            marks=completion.marks,
            queries=tuple(BillingQuery(operation=read, months=answer.months) for read in reads),
            model_use=completion.attempts,
        )
        return AnalysisOutcome(assessment, completion.exchanges)

    def propose(
        self,
        request: RunRequest,
        assessment: Assessment,
        evidence: Evidence,
        *,
        assessment_digest: Digest,
        evidence_digest: Digest,
        likelihood: Likelihood,
        contact: ContactPolicy | None,
        limited: bool = True,
        inference: Inference,
    ) -> ProposalOutcome:
        """(3) Rank by arithmetic, let the model pick among the eligible; amounts never come from the model."""
        facts = self._facts(evidence, assessment, likelihood)
        candidates = self.weigh(evidence, likelihood, contact if limited else None)
        basis = self.basis(contact, likelihood.digest)
        open_to_pick = tuple(one for one in candidates if one.eligible)
        catalogue = self._own.catalogue
        nothing = ProposalOutcome(None, "", candidates, (), (), basis=basis, currency=catalogue.currency)
        if all(candidate.treatment == NOTHING for candidate in open_to_pick):
            why = f"nothing by catalogue {catalogue.name!r}: {why_nothing(candidates)}"
            return replace(nothing, summary=shortened(why, WORDS))
        pick, completion = self._pick(facts, open_to_pick, inference)
        marks = completion.marks
        said = "" if marks else completion.value.rationale
        if pick.mutation is None:
            summary, reason = _left_alone(open_to_pick, facts, said, marks)
            return replace(
                nothing, summary=summary, model_use=completion.attempts, exchanges=completion.exchanges, reason=reason
            )
        proposal = Proposal(
            run_id=request.run_id,
            tenant=request.tenant,
            customer_id=request.customer_id,
            agent=self.name,
            triggered_by=request.requested_by,
            treatment=pick.treatment,
            treatment_name=pick.name,
            mutation=pick.mutation,
            cost=Money(amount_minor=pick.cost_minor, currency=facts.currency),
            expected_value_minor=pick.expected_value_minor,
            facts=(
                weighed_by(catalogue),
                *situation(facts),
                *reasons_of(likelihood),
                *stood_out(evidence.state),
                *given(evidence.history, evidence.read_at),
            ),
            assumptions=assumptions_of(catalogue.value, catalogue.treatments, pick.treatment, likelihood),
            basis=basis,
            rationale=said,
            rationale_marks=marks,
            candidates=candidates,
            preconditions=pick.preconditions,
            evidence=evidence_digest,
            assessment=assessment_digest,
            model_use=completion.attempts,
        )
        summary = _what(proposal, facts, len(open_to_pick))
        return ProposalOutcome(proposal, summary, candidates, completion.attempts, completion.exchanges, basis=basis)

    def weigh(self, evidence: Evidence, likelihood: Likelihood, contact: ContactPolicy | None) -> tuple[Candidate, ...]:
        """Weigh the treatments by arithmetic alone: the same evidence gives the same candidates."""
        RetentionCustomer.of(evidence.customer, self.facts)  # what it does not know must not be weighed
        return self._own.weigh(evidence, likelihood.probability_bp, contact)

    def _facts(self, evidence: Evidence, assessment: Assessment, likelihood: Likelihood) -> Facts:
        RetentionCustomer.of(evidence.customer, self.facts)
        return derive(evidence, assessment, likelihood.probability_bp, currency=self._own.catalogue.currency)

    def basis(self, contact: ContactPolicy | None, churn: Digest) -> Basis:
        """Name by digest what the arithmetic computes with."""
        return Basis(
            catalogue=self._own.version,
            churn=churn,
            contact=None if contact is None else document_digest(contact),
            version=version(),
        )

    def _pick(
        self, facts: Facts, open_to_pick: tuple[Candidate, ...], inference: Inference
    ) -> tuple[Candidate, Completion[PickAnswer]]:
        text, options = facts_text(facts), options_text(open_to_pick)
        shown = (text, options, *(candidate.name for candidate in open_to_pick))

        def check(answer: PickAnswer) -> tuple[str, ...]:
            return *grounding_marks(answer.rationale, shown), *claim_marks(answer.rationale, shown)

        completion = inference.complete(
            "propose",
            agent=self.name,
            system=self._prompts["propose.system"].substitute(),
            user=self._prompts["propose.user"].substitute(facts=text, options=options),
            schema=pick_schema(tuple(candidate.treatment for candidate in open_to_pick)),
            check=check,
        )
        return _picked(completion.value.treatment, open_to_pick), completion


def build() -> Retention:
    """Build the application from the files beside this module.

    Raises:
        ConfigurationError: One of them is wrong.
    """
    manifest = read_manifest(_HERE / "agent.toml")
    RetentionCustomer.check_declared(manifest.facts)
    return Retention(manifest, read_own_catalogue(_HERE, manifest.name, manifest.facts))


def _picked(treatment: str, candidates: tuple[Candidate, ...]) -> Candidate:
    for candidate in candidates:
        if candidate.treatment == treatment:
            return candidate
    # The schema admits no other; an Inference that does not enforce it must not get past here either.
    raise InferenceError(f"the model picked {treatment!r}, which is not eligible")


def _left_alone(candidates: tuple[Candidate, ...], facts: Facts, said: str, marks: tuple[str, ...]) -> tuple[str, str]:
    """Return the summary, and the reason, of a model's choice to do nothing although something has a value."""
    others = [candidate for candidate in candidates if candidate.mutation is not None]
    best = max(others, key=lambda candidate: candidate.expected_value_minor or 0)
    worth = amount(best.expected_value_minor or 0, facts.currency)
    reason = attributed(THE_MODEL, said) if said else f"the model gave no usable reason ({', '.join(marks)})"
    passed = f"{len(others)} eligible, the best of which, {best.name}, is expected to be worth {worth}"
    summary = f"nothing: the model chose to leave the customer alone over {passed}; {reason}"
    return shortened(summary, WORDS), reason


def _what(proposal: Proposal, facts: Facts, choices: int) -> str:
    value = amount(proposal.expected_value_minor or 0, facts.currency)
    return f"{proposal.name}, {proposal.price}, expected value {value}, one of {choices} eligible"
