"""That a person lets a policy set begin stages of rollouts in their place, within bounds that are theirs to set."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from placet.contracts.base import AgentName, Digest
from placet.contracts.people.signed import SignedDocument
from placet.contracts.strategies.written import Share

PolicyId = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""The `@id` of a policy."""


class PolicySignature(SignedDocument):
    """What a person signs of a policy set: that its permits for `promote` may begin stages without them.

    Attributes:
        agent: Whose strategies.
        policy_set: Digest of the whole set; one letter changed is another set, which nobody signed.
        policies: Its permits for `promote`: what the signer was shown.
        most: The largest share of a cohort to which they may lead.
        valid_until: First moment at which they no longer do.
    """

    agent: AgentName
    policy_set: Digest
    policies: Annotated[tuple[PolicyId, ...], Field(min_length=1, max_length=100)]
    most: Share
    valid_until: AwareDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.valid_until <= self.signed_at:
            raise ValueError(f"valid_until {self.valid_until.isoformat()!r} is not after it was signed")
        if self.most <= 0:
            raise ValueError("a share of nothing lets no stage begin")
        return self
