"""Batch decisions: one signature over many proposals, of which each run carries its own proof of membership."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from placet.contracts.base import AgentName, Digest, Frozen, ReasonCode, RunId
from placet.contracts.money import Money
from placet.contracts.people.signed import SignedDocument
from placet.contracts.proposal import MutationKind

MOST_IN_BATCH = 10_000
"""Largest number of proposals one signature may decide."""


class BatchBounds(Frozen):
    """What the signer says all proposals of the batch have in common; one that differs is refused.

    Attributes:
        max_cost: Most that any one of them costs.
        total_cost: Most that they cost together.
    """

    agent: AgentName
    kinds: Annotated[tuple[MutationKind, ...], Field(min_length=1)]
    treatments: Annotated[tuple[ReasonCode, ...], Field(min_length=1)]
    max_cost: Money
    total_cost: Money

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_cost.currency != self.total_cost.currency:
            raise ValueError(f"max_cost {self.max_cost} and total_cost {self.total_cost} differ in currency")
        return self


class Batch(SignedDocument):
    """What the approver signs.

    Attributes:
        size: Number of proposals.
        root: RFC 9162 Merkle tree head over the members, in the order of their run ids.
    """

    verdict: Literal["approve", "reject"]
    size: Annotated[StrictInt, Field(ge=1, le=MOST_IN_BATCH)]
    root: Digest
    bounds: BatchBounds


class BatchMember(Frozen):
    """One leaf: a run and the exact proposal that is decided there."""

    run_id: RunId
    proposal: Digest


class Membership(Frozen):
    """RFC 9162 inclusion proof of one member, `path` from the leaf's sibling upwards."""

    index: Annotated[StrictInt, Field(ge=0, lt=MOST_IN_BATCH)]
    path: Annotated[tuple[Digest, ...], Field(max_length=14)]
