"""What became of a strategy's customers at one horizon, for whoever decides on it, pays for it or checks it."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from placet.contracts.base import Digest, Frozen
from placet.contracts.money import Currency
from placet.contracts.outcomes.figures import ConfidenceBp, Customers, Unit, Unknown
from placet.contracts.outcomes.sample_ratio import SampleRatio
from placet.contracts.outcomes.uplift import Uplift, UpliftValue
from placet.contracts.outcomes.windows import Days, NotKnown
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.strategy import Objective, StrategyName
from placet.contracts.strategies.treatment import Title
from placet.contracts.strategies.written import Share

GroupKind = Literal["all", "arm", "segment"]


class MeasuredOutcome(Frozen):
    """One measure of one group.

    Attributes:
        primary: Whether it is the strategy's own objective, of all its customers: what it was to be judged by.
        found: The uplift with its 95 % interval, narrowed by what was before where that helps; or why there is none.
        clear: Whether the difference stands when it is counted in how many comparisons were made; None where there is
            none. The primary one stands by itself.
        said: The same for people.
    """

    measure: Measure
    title: str
    unit: Unit
    primary: StrictBool
    found: Uplift | Unknown = Field(discriminator="kind")
    clear: StrictBool | None
    said: str = ""


class OutcomeGroup(Frozen):
    """Treated customers beside the control customers who are like them.

    Attributes:
        kind: `all`; `arm`: the treated of one arm beside the whole control group; `segment`: both groups' members of a
            named segment, as it was when they were taken down.
        name: Of the arm or the segment.
        treated: Of whom something is known.
        control: Of whom something is known.
        value: What the uplift in spend is worth, less what was given; None of segments.
        value_said: The same for people.
    """

    kind: GroupKind
    name: str
    title: str
    treated: Customers
    control: Customers
    sample: SampleRatio | Unknown = Field(discriminator="kind")
    measures: tuple[MeasuredOutcome, ...]
    value: Annotated[UpliftValue | Unknown, Field(discriminator="kind")] | None
    value_said: str = ""


class NotKnownOf(Frozen):
    """Members of whom nothing is known, and why. They are left out, and count nowhere as nothing."""

    why: NotKnown
    treated: Customers
    control: Customers
    said: str = ""


class OutcomesReport(Frozen):
    """What became of the members of a strategy's rollout, `days` days after each entered.

    Attributes:
        version: Of the strategy.
        as_of: When the last of them were counted; None where nobody was.
        members: Members whose window was counted.
        waits: Members who entered and whose window is not over, or not counted yet.
        first_due: When the first windows can be counted.
        margin: Share of what customers spend that is margin, by the strategy.
        comparisons: How many differences were looked at beside the primary one.
        adjusted_bp: How sure the interval is by which a difference counts as clear, so that of all of them together at
            most one in twenty such reports has a clear one by chance.
        simulated: Members who have an event that is not real.
        batches: Digests of what was counted, as the record names them.
    """

    kind: Literal["outcomes"] = "outcomes"
    strategy: StrategyName
    version: Digest
    title: Title
    currency: Currency
    objective: Objective
    days: Days
    as_of: AwareDatetime | None
    members: Customers
    waits: Customers
    first_due: AwareDatetime | None
    margin: Share
    not_known: tuple[NotKnownOf, ...]
    groups: tuple[OutcomeGroup, ...]
    comparisons: StrictInt
    adjusted_bp: ConfidenceBp
    simulated: Customers
    batches: tuple[Digest, ...]
