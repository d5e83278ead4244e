"""What a hosted application offers the runtime, whatever its business: analyse, then propose."""

from typing import Protocol

from agents.model_calls.completion import Inference
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.analysis.outcome import AnalysisOutcome, ProposalOutcome
from placet.contracts.base import Digest
from placet.contracts.billing import BillingQuery, Evidence
from placet.contracts.customer import CustomerProfile, Declared
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Basis, Candidate
from placet.contracts.run import RunRequest
from placet.contracts.state import StateRead
from placet.decisioning.contact import ContactPolicy


class Application(Protocol):
    """One folder under `agents/`.

    Attributes:
        name: Name of the folder.
        facts: What it tells customers apart by, as `agent.toml` declares.
        required_reads: What `propose` needs read, whatever the model asks for.
        gate_role: Role an approver must hold.
        gate_ttl_hours: How long the gate stays open.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  described above

    @property
    def facts(self) -> Declared: ...  # noqa: D102

    @property
    def required_reads(self) -> tuple[BillingQuery, ...]: ...  # noqa: D102

    @property
    def gate_role(self) -> str: ...  # noqa: D102

    @property
    def gate_ttl_hours(self) -> int: ...  # noqa: D102

    def analyse(
        self,
        request: RunRequest,
        customer: CustomerProfile,
        inference: Inference,
        *,
        state: StateRead | None = None,
        churn_bp: int | None = None,
    ) -> AnalysisOutcome:
        """(1) Assess the customer and choose the reads that follow; `state` is what events of them had led to.

        `churn_bp` is the probability that they leave, where the profile alone gives one.

        Raises:
            InferenceError: No permitted model gave a valid answer.
        """
        ...

    def basis(self, contact: ContactPolicy | None, churn: Digest) -> Basis:
        """Name by digest what the arithmetic computes with; `churn` is that of the source of the probability."""
        ...

    def weigh(self, evidence: Evidence, likelihood: Likelihood, contact: ContactPolicy | None) -> tuple[Candidate, ...]:
        """Weigh the treatments by arithmetic alone: the same evidence gives the same candidates."""
        ...

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
        """(3) Weigh the treatments, let the model pick among the eligible, state the mutation.

        Candidates that `contact` does not permit are not eligible, unless `limited` is False; None permits all.

        Raises:
            InferenceError: No permitted model gave a valid answer.
        """
        ...
