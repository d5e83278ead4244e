"""What a proposal was decided with, where a run carries out a strategy."""

from typing import Annotated

from pydantic import Field, StrictInt

from placet.contracts.base import CustomerId, Digest, Frozen, ReasonCode
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.steps import StepName
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.written import Share


class StrategyUsed(Frozen):
    """The strategy, and what of the decision its text and the run's evidence do not hold: with both, decide it again.

    Attributes:
        version: Digest of the strategy.
        drawn_by: The id by which the customer is drawn; one of theirs where several ids are one person.
        reached: The share of the cohort that the strategy had reached.
        arm: None where it has none.
        probability: With which the choice was made, in basis points; all, unless the strategy explores.
        leaving: How likely they leave, in per cent; None where nothing says it.
        household_members: How many members of their household were known.
        step: The step of the strategy that the run carried out; None where the strategy has none.
    """

    name: StrategyName
    version: Digest
    channel: Channel
    drawn_by: CustomerId
    reached: Share
    arm: ReasonCode | None
    probability: Annotated[StrictInt, Field(ge=1, le=10_000)]
    leaving: Annotated[StrictInt, Field(ge=0, le=100)] | None
    household_members: StrictInt | None
    step: Annotated[StepName | None, Field(exclude_if=lambda step: step is None)] = None
