"""A mandate: the pre-authorised envelope that a person signs once, so that runs within it need no decision each."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StrictInt, model_validator

from placet.contracts.base import (
    NAME_OF_OURS,
    AgentName,
    CustomerId,
    Digest,
    Frozen,
    PersonName,
    ReasonCode,
    RunId,
    TenantId,
    Text,
)
from placet.contracts.customer import FactName
from placet.contracts.money import Money
from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.people.signed import Nonce, SignedDocument
from placet.contracts.proposal import MutationKind

_LARGEST = 2**53 - 1
"""Canonical JSON (RFC 8785) has no integer beyond it: nothing larger is signed."""


class CohortTest(Frozen):
    """One test on one fact; all tests of a cohort must hold.

    Attributes:
        field: What every customer has, the risk that the analysis found, or a fact that the mandate's agent declares
            (`placet.governance.authority.cohorts` refuses any other).
    """

    field: FactName
    op: Literal["eq", "ne", "ge", "le", "in"]
    value: Annotated[StrictInt, Field(ge=-_LARGEST, le=_LARGEST)] | Text | tuple[Text, ...]


class Mandate(SignedDocument):
    """What a person pre-authorises, within bounds that are theirs to set.

    Attributes:
        name: What people call it, for example the strategy it serves.
        drafted_by: Who asked for it; four eyes apply to it as to a run.
        agent: The one agent it speaks of.
        kinds: Mutation kinds it clears.
        treatments: Treatments it clears.
        cohort: Tests on the customer; none means every customer.
        cap_per_customer: Most that may be given to one customer in `period_days`.
        period_days: Length of that period, counted back from each clearing, in days.
        budget: Most that may be given in all.
        valid_from: First moment at which it clears anything.
        valid_until: First moment at which it no longer does.
        strategy: Digest of the strategy whose exact version is published by this signature. It then clears what runs of
            that version propose, and nothing else; all its bounds are those of the strategy.
    """

    name: Annotated[str, Field(pattern=NAME_OF_OURS)]
    drafted_by: PersonName
    agent: AgentName
    kinds: Annotated[tuple[MutationKind, ...], Field(min_length=1)]
    treatments: Annotated[tuple[ReasonCode, ...], Field(min_length=1)]
    cohort: tuple[CohortTest, ...] = ()
    cap_per_customer: Money
    period_days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)]
    budget: Money
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    strategy: Annotated[Digest | None, Field(exclude_if=lambda version: version is None)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.cap_per_customer.currency != self.budget.currency:
            raise ValueError(f"cap_per_customer {self.cap_per_customer} and budget {self.budget} differ in currency")
        if not 0 < self.cap_per_customer.amount_minor <= self.budget.amount_minor:
            raise ValueError(
                f"the cap for one customer, {self.cap_per_customer}, must be above nothing and at most the budget, "
                f"{self.budget}"
            )
        if self.valid_until <= self.valid_from:
            raise ValueError(f"valid_until {self.valid_until.isoformat()!r} is not after valid_from")
        return self


class Clearance(Frozen):
    """That a mandate cleared one proposal, and on whose signature.

    Attributes:
        document: Digest of the signed mandate in the artifact store.
        consumed: What of its budget the proposal takes.
        policies: The policies that permitted the agent to commit.
    """

    mandate_id: Nonce
    name: str
    document: Digest
    signer: PersonName
    key_id: Digest
    consumed: Money
    policies: tuple[str, ...]


class MandateRecord(Frozen):
    """A mandate as it stands: the document, what is used of it, and whether it was withdrawn."""

    mandate: Mandate
    document: Digest
    key_id: Digest
    spent_minor: StrictInt
    revoked_by: PersonName | None = None
    revoked_at: AwareDatetime | None = None
    revoked_reason: str | None = None


class MandateUse(Frozen):
    """What one run took of a mandate's budget; given back when its effect did not happen."""

    tenant: TenantId
    mandate_id: Nonce
    run_id: RunId
    proposal: Digest
    customer_id: CustomerId
    amount_minor: StrictInt
    used_at: AwareDatetime
    released_at: AwareDatetime | None = None
