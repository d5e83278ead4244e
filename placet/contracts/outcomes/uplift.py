"""What treating customers changed, with its interval, and what that is in money."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from placet.contracts.base import Frozen
from placet.contracts.money import Money
from placet.contracts.outcomes.figures import (
    Between,
    ConfidenceBp,
    Customers,
    GroupFigures,
    Line,
    Millionths,
    RelativeChange,
    Unit,
)


class Narrowing(Frozen):
    """Whether the interval was narrowed by the same figure before the decision (CUPED).

    Attributes:
        used: False: the interval is the plain one, and `why_not` says why.
        variance_ratio_bp: Variance with what was known before, in basis points of the plain variance; None where it
            could not be computed.
        plain_difference: The difference without it.
        plain_between: Its interval without it.
    """

    used: StrictBool
    variance_ratio_bp: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None
    plain_difference: Millionths
    plain_between: Between
    why_not: Line | None = None


class Uplift(Frozen):
    """What the treated have more (or less) than the control group, per customer.

    Attributes:
        difference: Treated less control, in millionths of the unit; adjusted where `narrowing` was used.
        between: Its interval.
        relative: None where the control group has nothing to compare with.
        method: How the interval was made; docs/outcomes.md names the source.
    """

    kind: Literal["uplift"] = "uplift"
    unit: Unit
    treated: GroupFigures
    control: GroupFigures
    difference: Millionths
    between: Between
    relative: RelativeChange | None
    confidence_bp: ConfidenceBp
    method: Literal["agresti_caffo", "skew_corrected_mean", "cuped"]
    narrowing: Narrowing | None = None

    @model_validator(mode="after")
    def _inside_its_interval(self) -> Self:
        if not self.between.low <= self.difference <= self.between.high:
            raise ValueError(f"the difference {self.difference} is outside its interval")
        return self

    @property
    def certain(self) -> bool:
        """Whether the interval is all on one side of no difference."""
        return self.between.low > 0 or self.between.high < 0


class UpliftValue(Frozen):
    """What an uplift is worth: what it gained with those who were treated, less what the treatments cost.

    Attributes:
        gained: Uplift times treated customers.
        cost: What was given to them.
        value: `gained` less `cost`.
        low: Lower end of the interval of `value`, rounded down.
        high: Its upper end, rounded up.
    """

    kind: Literal["uplift_value"] = "uplift_value"
    customers: Customers
    gained: Money
    cost: Money
    value: Money
    low: Money
    high: Money
    confidence_bp: ConfidenceBp
