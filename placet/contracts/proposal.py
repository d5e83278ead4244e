"""The one mutation a run proposes. Its RFC 8785 canonical form is what a human signs."""

from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from placet.contracts.analysis.inference import ModelUse
from placet.contracts.base import (
    AgentName,
    CustomerId,
    Digest,
    ExternalId,
    Frozen,
    PersonName,
    ReasonCode,
    RunId,
    TenantId,
)
from placet.contracts.money import Money
from placet.contracts.mutation import AdjustBalance, Mutation, MutationKind, OrderProduct
from placet.contracts.people.signed import Remark
from placet.contracts.strategies.used import StrategyUsed

__all__ = [
    "NOTHING",
    "AdjustBalance",
    "Basis",
    "Candidate",
    "Mutation",
    "MutationKind",
    "OrderProduct",
    "Precondition",
    "Proposal",
    "Reason",
]

NOTHING: Final = "nothing"
"""The treatment that is always there: leave the customer alone."""


class Reason(Frozen):
    """Why a candidate stands or falls, or what holds of the customer: a sentence with its figures.

    `code` is for rules and statistics; people read `detail`.
    """

    code: ReasonCode
    detail: Annotated[str, Field(max_length=160)] = ""


class Precondition(Frozen):
    """A named figure of customer state that must still hold when the mutation executes."""

    name: Literal["customer_status", "bucket_status", "product_offering", "bucket_remaining_minor"]
    subject: ExternalId
    op: Literal["eq", "le", "ge"]
    value: str | StrictInt


class Candidate(Frozen):
    """One treatment the engine weighed. Money fields are minor units of the proposal's currency.

    `preconditions` are those of its mutation, so that an approver can choose it instead.

    Attributes:
        name: The treatment's name for people.
        expected_value_minor: None where nothing was computed, as for what takes an effect back.
    """

    treatment: ReasonCode
    name: Annotated[str, Field(max_length=80)] = ""
    eligible: bool
    expected_value_minor: StrictInt | None
    cost_minor: StrictInt
    reasons_for: tuple[Reason, ...] = ()
    reasons_against: tuple[Reason, ...] = ()
    mutation: Mutation | None = None
    preconditions: tuple[Precondition, ...] = ()


class Basis(Frozen):
    """What the arithmetic computed with, so that anybody who has it can compute again.

    Attributes:
        catalogue: SHA-256 of the canonical form of the treatments and their assumptions.
        churn: SHA-256 of the churn model's file; of the canonical form of the counts where a tenant falls back to them.
        contact: The same of the contact policy; None where none was applied.
        version: Version of Placet.
    """

    catalogue: Digest
    churn: Digest
    contact: Digest | None
    version: Annotated[str, Field(max_length=40)]


class Proposal(Frozen):
    """The exact action a person is asked to approve, with its reasons and what it beat.

    Attributes:
        treatment_name: The treatment's name for people.
        cost: What the operator gives up if it executes, or what is taken from the customer; what approvers' limits are
            measured against.
        expected_value_minor: None where nothing was computed: for a reversal, or a credit that was made smaller.
        facts: The customer's situation in sentences, what was given before among them.
        assumptions: What the expected values take for granted, in sentences.
        basis: What they were computed with; None where nothing was computed.
        rationale: The model's words. Language, never authority; left out where a check failed, and where an approver
            chose otherwise.
        rationale_marks: The checks that the model's words failed.
        evidence: Digest of the `Evidence` artifact.
        assessment: Digest of the `Assessment` artifact.
        amends: Digest of the proposal that an approver changed into this one.
        amended_by: Who did.
        amended_reason: What they wrote about it.
        original_cost: What the agent's own proposal cost, where this one amends it.
        reverses: The run whose effect this one takes back.
        strategy: The published strategy that decided; None where the application weighed its own treatments.
    """

    version: Literal[1] = 1
    run_id: RunId
    tenant: TenantId
    customer_id: CustomerId
    agent: AgentName
    triggered_by: str
    treatment: ReasonCode
    treatment_name: Annotated[str, Field(max_length=80)] = ""
    mutation: Mutation
    cost: Money
    expected_value_minor: StrictInt | None
    facts: tuple[Reason, ...] = ()
    assumptions: tuple[Reason, ...] = ()
    basis: Basis | None = None
    rationale: Annotated[str, Field(max_length=600)] = ""
    rationale_marks: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...]
    preconditions: tuple[Precondition, ...]
    evidence: Digest
    assessment: Digest
    model_use: tuple[ModelUse, ...] = ()
    amends: Digest | None = None
    amended_by: PersonName | None = None
    amended_reason: Remark = ""
    original_cost: Money | None = None
    reverses: RunId | None = None
    strategy: Annotated[StrategyUsed | None, Field(exclude_if=lambda used: used is None)] = None

    @property
    def price(self) -> str:
        """What it costs the operator, or takes from the customer, in words."""
        return self.mutation.price(self.cost)

    @property
    def name(self) -> str:
        """The treatment for people, its code beside it."""
        named = self.treatment_name or self.treatment.replace("_", " ")
        return f"{named} ({self.treatment})"
