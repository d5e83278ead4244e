"""The one mutation a run proposes. Its RFC 8785 canonical form is what a human signs."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

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
from placet.contracts.inference import ModelUse
from placet.contracts.money import Money


class AdjustBalance(Frozen):
    """Credit or debit a monetary bucket once (TMF654 adjustBalance); `amount` is positive, `direction` has the sign."""

    kind: Literal["adjust_balance"] = "adjust_balance"
    customer_id: CustomerId
    bucket_id: ExternalId
    direction: Literal["credit", "debit"] = "credit"
    amount: Money
    reason: Annotated[str, Field(max_length=80)]


class OrderProduct(Frozen):
    """Add an offering, move a held product to another one, or end a held product (TMF622 productOrder).

    Attributes:
        offering_id: The offering to hold afterwards; for `delete`, the one that is held until then.
        product_id: The held product that `modify` moves and `delete` ends; None for `add`.
    """

    kind: Literal["order_product"] = "order_product"
    customer_id: CustomerId
    action: Literal["add", "modify", "delete"]
    offering_id: ExternalId
    product_id: ExternalId | None = None


Mutation = Annotated[AdjustBalance | OrderProduct, Field(discriminator="kind")]
MutationKind = Literal["adjust_balance", "order_product"]


class Reason(Frozen):
    """Why a candidate stands or falls, with the figure behind it."""

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
    """

    treatment: ReasonCode
    eligible: bool
    expected_value_minor: StrictInt
    cost_minor: StrictInt
    reasons_for: tuple[Reason, ...] = ()
    reasons_against: tuple[Reason, ...] = ()
    mutation: Mutation | None = None
    preconditions: tuple[Precondition, ...] = ()


class Proposal(Frozen):
    """The exact action a person is asked to approve, with its reasons and what it beat.

    Attributes:
        cost: What the operator gives up if it executes; what approvers' limits are measured against.
        rationale: The model's words. Language, never authority; `rationale_marks` names failed checks.
        evidence: Digest of the `Evidence` artifact.
        assessment: Digest of the `Assessment` artifact.
        amends: Digest of the proposal that an approver changed into this one.
        amended_by: Who did.
        original_cost: What the agent's own proposal cost, where this one amends it.
        reverses: The run whose effect this one takes back.
    """

    version: Literal[1] = 1
    run_id: RunId
    tenant: TenantId
    customer_id: CustomerId
    agent: AgentName
    triggered_by: str
    treatment: ReasonCode
    mutation: Mutation
    cost: Money
    expected_value_minor: StrictInt
    rationale: Annotated[str, Field(max_length=600)]
    rationale_marks: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...]
    preconditions: tuple[Precondition, ...]
    evidence: Digest
    assessment: Digest
    model_use: tuple[ModelUse, ...] = ()
    amends: Digest | None = None
    amended_by: PersonName | None = None
    original_cost: Money | None = None
    reverses: RunId | None = None
