"""What a strategy would do to the base as it is now, before anybody signs it."""

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import Digest, Frozen, ReasonCode
from placet.contracts.money import Money
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.treatment import Stage
from placet.contracts.times import Day


class PreviewedStage(Frozen):
    """A stage of the rollout.

    Attributes:
        share: Basis points of those outside the control group.
        treated: Customers whom it has, with those of the stages before.
        too_few: Guard rails that would not know anything: measure and fewest customers of each group.
    """

    share: StrictInt
    treated: StrictInt
    too_few: tuple[tuple[Measure, StrictInt], ...]


class Removed(Frozen):
    """Customers who fall at a rule: the first that does not hold for them."""

    stage: Stage
    code: ReasonCode
    otherwise: str
    customers: StrictInt


class PreviewedTreatment(Frozen):
    """A treatment, and how many could get it.

    Attributes:
        could_get: Customers outside the control group, in an arm that has it, on whom all its rules hold.
        other_arm: Customers in other arms.
        removed: Where the others fall, in the order in which rules are asked.
        would_cost: What it would cost to give it to all of them, by what each spends; whoever it would cost more than
            the most gets nothing.
        at_most: What it may give one of them.
        in_all_at_most: What it would cost if each of them got the most.
    """

    code: ReasonCode
    title: str
    could_get: StrictInt
    other_arm: StrictInt
    removed: tuple[Removed, ...]
    would_cost: Money
    at_most: Money
    in_all_at_most: Money


class PreviewedArm(Frozen):
    """An arm, and how many are in it."""

    name: ReasonCode
    share: StrictInt
    treated: StrictInt


class StrategyPreview(Frozen):
    """Whom a strategy has, and what it could cost.

    Attributes:
        base: Customers of whom events are known.
        members: Those of the cohort.
        unknown: Those who are not in it because what it asks is not known of them.
        other_currency: Members who pay in another currency: they are not treated, and not counted in what follows.
        control: Members in the control group.
        could_get_none: Members outside it who could get none of the treatments.
        ended: Its last day, where that was over as of then; None: it is not.
        simulated: Customers of the base with simulated events, which are not real.
        left_out: Customers whose rows cannot be read; they are not in the base.
        unreadable: The first of them.
        most_cost: If everybody who could get something got the dearest that they could.
        budget_reaches: Customers whom the budget is enough for at least, each with the dearest treatment.
    """

    name: StrategyName
    digest: Digest
    as_of: AwareDatetime
    base: StrictInt
    members: StrictInt
    unknown: StrictInt
    other_currency: StrictInt
    control: StrictInt
    could_get_none: StrictInt
    ended: Day | None
    simulated: StrictInt
    left_out: StrictInt
    unreadable: tuple[str, ...]
    stages: tuple[PreviewedStage, ...]
    arms: tuple[PreviewedArm, ...]
    treatments: tuple[PreviewedTreatment, ...]
    budget: Money
    most_cost: Money
    budget_reaches: StrictInt
