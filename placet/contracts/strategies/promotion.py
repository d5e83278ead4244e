"""That policy began the next stage of a rollout: what a worker vouches for with the key of its installation."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StrictInt

from placet.contracts.base import AgentName, Digest, Frozen, PersonName, TenantId
from placet.contracts.people.policy_signature import PolicyId
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.written import Share

Figure = StrictInt | str | tuple[str, ...]
"""What policy was told of one attribute of the stage."""


class PolicyPromotion(Frozen):
    """On what policy let a stage begin: each of it is found on the record again whenever the stage is used.

    Attributes:
        log: Name of the tenant's log, whose key signs this: the key of one installation counts in no other.
        number: Which move of this rollout it is, from 1.
        to: The share of the cohort that is reached by it.
        look: Digest of the look on which it stands.
        look_number: Which look that is.
        policy_set: Digest of the policy set that permits it.
        policies: Those of it that permit it.
        in_force: The entry of the policies' stream that says that the set was in force.
        signature: Digest of the envelope by which a person signed the set.
        signer: Who that is.
        asked: What policy was told of the stage, as it was told.
    """

    tenant: TenantId
    log: Annotated[str, Field(min_length=1, max_length=300)]
    strategy: StrategyName
    version: Digest
    number: Annotated[StrictInt, Field(ge=1, le=10_000)]
    to: Share
    look: Digest
    look_number: Annotated[StrictInt, Field(ge=1)]
    agent: AgentName
    policy_set: Digest
    policies: Annotated[tuple[PolicyId, ...], Field(min_length=1)]
    in_force: Annotated[StrictInt, Field(ge=1)]
    signature: Digest
    signer: PersonName
    at: AwareDatetime
    asked: dict[str, Figure]
