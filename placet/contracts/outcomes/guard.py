"""What a guard rail says at one look."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StrictInt, model_validator

from placet.contracts.base import Frozen
from placet.contracts.money import LARGEST_MINOR
from placet.contracts.outcomes.figures import ConfidenceBp, Customers, GroupFigures, Millionths, Unknown
from placet.contracts.strategies.rollout import GuardRail

Counting = Literal["once", "anew"]
"""`once`: each customer is counted when their watch is over, and what was counted then stays. `anew`: the state of
everybody is asked again at each look."""


class Seen(Frozen):
    """What was counted of a group at a look: what must not shrink from look to look.

    Attributes:
        total: Customers on whom the measure is true, or the sum of amounts in minor units.
    """

    customers: Customers
    total: Annotated[StrictInt, Field(ge=0, le=LARGEST_MINOR)]


class Look(Frozen):
    """One look at a guard rail."""

    at: AwareDatetime
    treated: Seen
    control: Seen


class Bounds(Frozen):
    """The figures of a chart: treated in relation to control, in millionths.

    Of a margin in points they are differences of shares; of a margin in per cent, changes in relation to the control
    group's mean.

    Attributes:
        estimate: As observed.
        lower: The true value is above it, at every look at once, with the rail's confidence.
        upper: The true value is below it; None where there is no upper end.
        boundary: The rail's margin, with its sign: what the value may not pass.
    """

    estimate: Millionths
    lower: Millionths
    upper: Millionths | None
    boundary: Millionths

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.upper is not None and self.lower > self.upper:
            raise ValueError(f"the lower bound {self.lower} is above the upper bound {self.upper}")
        return self

    def verdict(self, must_not: Literal["rise", "fall"]) -> Literal["pass", "fail", "inconclusive"]:
        """Return what follows from the bounds: an auditor can derive it again from the record."""
        upper = LARGEST_MINOR if self.upper is None else self.upper
        inside, beyond = upper < self.boundary, self.lower > self.boundary
        if must_not == "fall":
            inside, beyond = beyond, inside
        return "pass" if inside else "fail" if beyond else "inconclusive"


class GuardVerdict(Frozen):
    """What one guard rail says at one look.

    Attributes:
        verdict: `pass`: all values that the bounds leave are inside the margin. `fail`: all are beyond it.
            `inconclusive`: some are on either side. `no_data`: nothing is known, and `unknown` says why.
        number: Which look this is, counted from 1.
        look: What was counted, for the looks that follow; None where it cannot be told, or a clock went back.
        critical: Standard errors from the estimate to each bound, in thousandths, before corrections; 1,960 would be
            a single look at 95 %.
        more_to_pass: Customers, of both groups together in the same proportion, that it roughly takes until it passes
            if what is seen now is the truth; None where it would not.
        more_to_fail: The same until it fails.
    """

    kind: Literal["guard_verdict"] = "guard_verdict"
    verdict: Literal["pass", "fail", "inconclusive", "no_data"]
    rail: GuardRail
    number: Annotated[StrictInt, Field(ge=1)]
    look: Look | None
    counting: Counting
    confidence_bp: ConfidenceBp | None
    treated: GroupFigures | None = None
    control: GroupFigures | None = None
    bounds: Bounds | None = None
    critical: Annotated[StrictInt, Field(ge=0)] | None = None
    more_to_pass: Customers | None = None
    more_to_fail: Customers | None = None
    unknown: Unknown | None = None

    @model_validator(mode="after")
    def _follows_from_its_figures(self) -> Self:
        if (self.verdict == "no_data") != (self.unknown is not None) or (self.bounds is None) != (
            self.verdict == "no_data"
        ):
            raise ValueError("no_data has a reason and no bounds; every other verdict has bounds and no such reason")
        if self.bounds is not None and self.bounds.verdict(self.rail.must_not) != self.verdict:
            raise ValueError(f"{self.verdict!r} does not follow from its bounds")
        return self
