"""Whether treated and control customers are as many as were planned."""

from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.outcomes.figures import Customers, Line

BILLION: Final = 1_000_000_000


class SampleRatio(Frozen):
    """Counted groups against the planned shares.

    Attributes:
        planned_treated_bp: Share of the treated among both groups, as planned, rounded to basis points.
        counted_treated_bp: The same as counted.
        chance: How often so much or more is seen by chance where all is well, in billionths.
        threshold: Below it the groups are not as planned, in billionths.
        detail: The same in one sentence.
    """

    kind: Literal["sample_ratio"] = "sample_ratio"
    verdict: Literal["as_planned", "sample_ratio_mismatch"]
    treated: Customers
    control: Customers
    planned_treated_bp: Annotated[StrictInt, Field(ge=0, le=10_000)]
    counted_treated_bp: Annotated[StrictInt, Field(ge=0, le=10_000)]
    chance: Annotated[StrictInt, Field(ge=0, le=BILLION)]
    threshold: Annotated[StrictInt, Field(ge=0, le=BILLION)]
    method: Literal["exact_binomial", "chi_square"]
    detail: Line
