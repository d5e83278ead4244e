"""A catalogue of treatments as plain data: what may be offered, to whom, at what cost, on which assumptions.

All rates are basis points (1/10,000), all amounts minor units of the catalogue's currency.
"""

from typing import Annotated, Literal

from pydantic import Field, StrictInt, model_validator

from placet.contracts.base import Frozen, ReasonCode
from placet.contracts.money import Currency
from placet.decisioning.actions import Action, Minor
from placet.decisioning.facts import Facts

NOTHING = "nothing"
"""The treatment that is always there: leave the customer alone."""

Text = Annotated[str, Field(max_length=80)]


class Condition(Frozen):
    """One test on one fact. `code` is the reason: against when an eligibility fails, for when a suitability holds."""

    fact: str
    op: Literal["eq", "ne", "ge", "le", "in"]
    value: StrictInt | str | tuple[str, ...]
    code: ReasonCode

    @model_validator(mode="after")
    def _fact_exists_and_compares(self) -> "Condition":
        if self.fact not in Facts.model_fields:
            raise ValueError(f"unknown fact {self.fact!r}; known: {', '.join(sorted(Facts.model_fields))}")
        kind = Facts.model_fields[self.fact].annotation
        wanted = {"ge": int, "le": int, "in": tuple}.get(self.op, int if kind is int else str)
        if not isinstance(self.value, wanted) or (self.op in {"ge", "le"} and kind is not int):
            raise ValueError(f"fact {self.fact!r} cannot be compared {self.op!r} with {self.value!r}")
        return self


class Treatment(Frozen):
    """One thing that may be proposed.

    Attributes:
        relative_reduction_bp: Assumption: the share of the churn probability that this treatment removes.
        eligibility: All must hold.
        suitability: Each that holds is a reason for; none is required.
    """

    code: ReasonCode
    name: Text
    action: Action
    relative_reduction_bp: Annotated[StrictInt, Field(ge=0, le=10_000)]
    eligibility: tuple[Condition, ...] = ()
    suitability: tuple[Condition, ...] = ()


class Assumptions(Frozen):
    """What the value arithmetic takes for granted. Assumptions, not measurements: replace them with uplift results.

    Attributes:
        margin_bp: Contribution margin on the monthly charge.
        horizon_months: How long a kept customer is counted.
    """

    margin_bp: Annotated[StrictInt, Field(ge=0, le=10_000)]
    horizon_months: Annotated[StrictInt, Field(ge=1, le=120)]


class Catalogue(Frozen):
    """The treatments one application may propose; `nothing` is implied and need not be listed.

    Attributes:
        max_cost_minor: Cap of the application on the cost of any single proposal.
    """

    currency: Currency
    assumptions: Assumptions
    max_cost_minor: Minor
    treatments: tuple[Treatment, ...]

    @model_validator(mode="after")
    def _codes_are_unique(self) -> "Catalogue":
        codes = [NOTHING, *(treatment.code for treatment in self.treatments)]
        for code in codes:
            if codes.count(code) > 1:
                raise ValueError(f"treatment {code!r} is listed twice, or is the implied {NOTHING!r}")
        return self
