"""The next best action for a customer: every treatment that was weighed, and why each but one fell."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from placet.contracts.base import CustomerId, Digest, Frozen, ReasonCode
from placet.contracts.events.kinds import Channel
from placet.contracts.money import Money
from placet.contracts.proposal import Reason
from placet.contracts.strategies.strategy import StrategyName

Fell = Literal[
    "cohort",
    "currency",
    "control_group",
    "rollout",
    "step",
    "arm",
    "eligible",
    "applicable",
    "suitable",
    "contact",
    "value",
    "outranked",
]
"""Where a candidate falls, in the order in which it is asked."""


class Weighed(Frozen):
    """One treatment of one strategy, for one customer.

    Attributes:
        version: Digest of the strategy.
        title: The treatment's name for people.
        fell: Where it fell; None for the one that was chosen.
        reason: Why, or what it was chosen for.
        because: What speaks for it, in sentences that may be said to the customer; empty where it fell before it was
            asked.
        chance: How likely they leave, or take it up, in basis points; None where it fell before, or nothing says it.
        chance_of: Which of the two it is; None as above.
        cost: What the operator gives up at most; None where it fell before.
        value: What is expected to be left after the cost, times the strategy's weight; None as above.
    """

    strategy: StrategyName
    version: Digest
    treatment: ReasonCode
    title: str
    fell: Fell | None
    reason: Reason
    because: tuple[Reason, ...] = ()
    chance: StrictInt | None = None
    chance_of: Literal["leaving", "taking_up"] | None = None
    cost: Money | None = None
    value: Money | None = None


class NextBestAction(Frozen):
    """What would be done for a customer now, on one channel.

    Attributes:
        as_of: What their state is as of.
        state_version: How many events it stands on.
        simulated: Whether any of these is simulated, and so nothing of it real.
        channel: Where they would be told.
        at: The time that quiet hours were asked of.
        probability: With which the choice was made, in basis points: all, unless a strategy explores.
        weighed: The chosen one first, then those that another was worth more than, then by where they fell, the last
            test first.
    """

    customer_id: CustomerId
    as_of: AwareDatetime
    state_version: StrictInt
    simulated: StrictBool
    channel: Channel
    at: AwareDatetime
    probability: Annotated[StrictInt, Field(ge=1, le=10_000)]
    weighed: tuple[Weighed, ...]

    @property
    def chosen(self) -> Weighed | None:
        """The one that would be given; None: nothing."""
        return self.weighed[0] if self.weighed and self.weighed[0].fell is None else None


class Said(Frozen):
    """A reason for an offer that a care agent may say aloud.

    Attributes:
        source: Whose words: those of the signed strategy, or a plain fact of the customer.
    """

    source: Literal["strategy", "customer"]
    reason: Reason


class NotOffered(Frozen):
    """A treatment that is not the one to offer.

    Attributes:
        fell: Where it fell.
        reason: Why.
    """

    strategy: StrategyName
    treatment: ReasonCode
    title: str
    fell: Fell | None
    reason: Reason


class Assist(Frozen):
    """What a care agent says, and leaves out.

    Attributes:
        say: At most three reasons for what is offered; empty where nothing is.
        not_offer: What they must not offer now, and why, the last test first. Treatments of strategies that are for
            other customers are not among them.
        instead: What passed every test, and is worth less than what was chosen.
    """

    say: tuple[Said, ...]
    not_offer: tuple[NotOffered, ...]
    instead: tuple[NotOffered, ...]
