"""How fast a strategy reaches its customers, and what stops it."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.strategies.written import Share, WrittenMargin

Measure = Literal["churn", "conversion", "spend", "complaints", "refusals", "products", "wallet_use"]
"""What outcomes are measured by; `placet.decisioning.strategies.measures` says what each of them is."""

Then = Literal["step_back", "stop", "stop_and_reverse"]
"""What is done where a guard rail fails: to the stage before, to nothing, or to nothing and what was given is proposed
to be taken back."""


class GuardRail(Frozen):
    """A figure of the treated customers that may not be worse than that of the control group.

    Attributes:
        must_not: The direction that is bad.
        by_more_than: The margin that is tolerated.
        sample: Fewest customers of each group; with fewer nothing is known, and the rollout holds.
        confidence: That a failure is one, over all looks together.
    """

    measure: Measure
    must_not: Literal["rise", "fall"]
    by_more_than: WrittenMargin
    sample: Annotated[StrictInt, Field(ge=10, le=10_000_000)]
    confidence: Share
    then: Then


Enters = Literal["in_stages", "as_they_come"]
"""How customers come into a strategy.

`in_stages`: who is in the cohort when a stage begins. `as_they_come`: who is in the cohort when something has happened
to them, from then on at once.
"""


def _in_stages(enters: Enters) -> bool:
    return enters == "in_stages"


class Rollout(Frozen):
    """The plan of a rollout.

    Attributes:
        enters: How customers come in. What was written before there was a choice keeps its digest.
        stages: Shares of the cohort, each larger than the one before, the last all of it.
        hold_days: Days that a stage is watched before the next is asked for.
        per_hour: Most runs that are started in an hour.
    """

    enters: Annotated[Enters, Field(exclude_if=_in_stages)] = "in_stages"
    stages: Annotated[tuple[Share, ...], Field(min_length=1, max_length=12)]
    hold_days: Annotated[StrictInt, Field(ge=1, le=180)]
    per_hour: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    guard_rails: Annotated[tuple[GuardRail, ...], Field(max_length=12)] = ()

    @property
    def coming(self) -> bool:
        """Whether customers come in as something happens to them."""
        return self.enters == "as_they_come"
