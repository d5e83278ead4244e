"""An order to a rollout that lets more happen than before: a person signs it."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from placet.contracts.base import Digest
from placet.contracts.people.signed import SignedDocument
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.written import Share


class RolloutOrder(SignedDocument):
    """What an entitled person signs to let a rollout go on. What makes it stop needs no signature.

    Attributes:
        action: `promote`: to the next stage; `resume`: after it was held.
        strategy: Its name.
        version: Digest of the strategy.
        number: Which move, or which hold, of this rollout it is, from 1: signed once, it counts once.
        to: The share of the cohort that is reached by it; None where it resumes.
        evidence: Digest of what was measured, on which it was signed; None where nothing was.
    """

    action: Literal["promote", "resume"]
    strategy: StrategyName
    version: Digest
    number: Annotated[StrictInt, Field(ge=1, le=10_000)]
    to: Share | None = None
    evidence: Digest | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.action == "promote") != (self.to is not None):
            raise ValueError("an order to promote names the share it leads to, and no other does")
        return self
