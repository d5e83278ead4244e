"""Figures of outcomes, as whole numbers: what JSON carries exactly on every machine, fit for a record.

A figure is kept in *millionths of its unit*: of all customers for a share (10,000 are one point), of one minor unit for
an amount. A mean of 1,234.5 cents is 1,234,500,000. Changes in relation to the control group are in basis points.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StrictInt, StringConstraints, model_validator

from placet.contracts.base import Frozen
from placet.contracts.money import LARGEST_MINOR

MILLION: Final = 1_000_000
"""One whole unit, in millionths."""

Millionths = Annotated[StrictInt, Field(ge=-LARGEST_MINOR, le=LARGEST_MINOR)]
Customers = Annotated[StrictInt, Field(ge=0, le=LARGEST_MINOR)]
ConfidenceBp = Annotated[StrictInt, Field(gt=5_000, lt=10_000)]
"""How sure an interval is, in basis points."""

Unit = Literal["share", "amount"]
"""`share`: of customers on whom something is true; `amount`: minor units of each customer, on average."""

UnknownCode = Literal[
    "no_figure",
    "not_a_number",
    "not_whole",
    "negative",
    "more_than_all",
    "too_large",
    "nobody",
    "too_few",
    "no_spread",
    "too_skewed",
    "unlike_units",
    "unlike_length",
    "no_plan",
    "sample_ratio_mismatch",
    "no_probability",
    "no_overlap",
    "weights_off",
    "margin_unit",
    "confidence",
    "clock_went_back",
    "figures_went_back",
    "control_has_none",
    "members_altered",
]
"""Why nothing is known."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class Unknown(Frozen):
    """No figure, and why: in its place a number would be believed.

    Attributes:
        detail: What is wrong, the value, and what to do, in one line.
    """

    kind: Literal["unknown"] = "unknown"
    code: UnknownCode
    detail: Line


class Between(Frozen):
    """An interval, both ends in it, in millionths of the figure's unit."""

    low: Millionths
    high: Millionths

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"its lower end {self.low} is above its upper end {self.high}")
        return self


class GroupFigures(Frozen):
    """One group: how many they are, and their mean.

    Attributes:
        mean: In millionths of the unit, as it was observed.
    """

    customers: Customers
    mean: Millionths


class RelativeChange(Frozen):
    """How the treated differ in relation to the control group, in basis points of what the control group has.

    Attributes:
        high_bp: None where there is no upper end: the control group may have next to nothing.
    """

    change_bp: Annotated[StrictInt, Field(ge=-10_000, le=LARGEST_MINOR)]
    low_bp: Annotated[StrictInt, Field(ge=-10_000, le=LARGEST_MINOR)]
    high_bp: Annotated[StrictInt, Field(ge=-10_000, le=LARGEST_MINOR)] | None
