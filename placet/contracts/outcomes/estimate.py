"""What a changed strategy would have brought to the customers of the published one, before anybody signs it."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from placet.contracts.base import Digest, Frozen
from placet.contracts.money import Currency
from placet.contracts.outcomes.figures import Customers, Unit, Unknown
from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.contracts.outcomes.windows import Days
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.steps import StepName
from placet.contracts.strategies.strategy import StrategyName

LeftOutWhy = Literal["undecided", "gone", "altered"]
"""`undecided`: no run, or one that did not ask the strategy. `gone`: what it read is not kept any more. `altered`: what
is kept does not make the decision that is on record."""

Found = Annotated[OffPolicyEstimate | Unknown, Field(discriminator="kind")]


class NotDecided(Frozen):
    """Customers of whom no decision can be used, and why.

    Attributes:
        said: The reason for people.
    """

    why: LeftOutWhy
    customers: Customers
    said: str = ""


class EstimatedMeasure(Frozen):
    """One measure, estimated in three ways; the doubly robust one is what sentences say.

    Attributes:
        primary: Whether it is what the published strategy is for.
        said: The estimate for people.
    """

    measure: Measure
    title: str
    unit: Unit
    primary: StrictBool
    ips: Found
    snips: Found
    dr: Found
    said: str = ""


class StrategyEstimate(Frozen):
    """What a changed strategy would have brought at one horizon.

    Attributes:
        version: The published one, whose decisions tell.
        changed: Digest of the changed text.
        counted: Treated customers of whom the outcome is known.
        decisions: Of these, whose decision can be made again.
        not_decided: The others.
        alike: Decisions in which both texts rank the same first.
        never: Decisions in which the changed text chooses what was not possible: of these nothing is known.
        tried: Decisions in which they choose otherwise, and chance tried what the changed text chooses.
        simulated: Customers with events that are not real.
        why_not: Why nothing is said at all; None where something is.
        more: How many customers more it roughly takes; None where that is no help.
        of_steps: The steps of whose choice it is, where the strategy has several steps; all else of its journeys is
            taken as it is.
        said: All of it in one sentence.
    """

    strategy: StrategyName
    title: str
    version: Digest
    changed: Digest
    days: Days
    currency: Currency
    counted: Customers
    decisions: Customers
    not_decided: tuple[NotDecided, ...]
    alike: Customers
    never: Customers
    tried: Customers
    simulated: Customers
    why_not: Unknown | None
    more: StrictInt | None
    measures: tuple[EstimatedMeasure, ...]
    of_steps: tuple[StepName, ...] = ()
    said: str = ""
