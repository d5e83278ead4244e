"""What a changed strategy would have brought, estimated from choices that another one made."""

from typing import Literal, Self

from pydantic import model_validator

from placet.contracts.base import Frozen
from placet.contracts.outcomes.figures import Between, ConfidenceBp, Customers, Millionths, Unit

Estimator = Literal["ips", "snips", "dr"]
"""`ips`: inverse propensity; `snips`: the same, weights divided by their sum; `dr`: doubly robust."""


class OffPolicyEstimate(Frozen):
    """The mean outcome of a decision if the changed strategy had made it.

    Attributes:
        decisions: Choices in the log.
        matched: Those on which both strategies agree: only they tell anything by themselves.
        effective: How many decisions of the changed strategy itself would tell as much.
        logged: Mean outcome of the choices as they were made.
        rule: The same of what the logged strategy's rule alone would have chosen, without chance; None where the log
            does not say it.
        value: Of the changed strategy, in millionths of the unit.
        between: Its interval.
        difference: `value` less `rule`; less `logged` where there is none.
        difference_between: Its interval.
    """

    kind: Literal["off_policy"] = "off_policy"
    estimator: Estimator
    unit: Unit
    decisions: Customers
    matched: Customers
    effective: Customers
    logged: Millionths
    rule: Millionths | None = None
    value: Millionths
    between: Between
    difference: Millionths
    difference_between: Between
    confidence_bp: ConfidenceBp

    @property
    def certain(self) -> bool:
        """Whether the interval of the difference is all on one side of no difference."""
        return self.difference_between.low > 0 or self.difference_between.high < 0

    @model_validator(mode="after")
    def _inside_their_intervals(self) -> Self:
        for figure, ends in ((self.value, self.between), (self.difference, self.difference_between)):
            if not ends.low <= figure <= ends.high:
                raise ValueError(f"{figure} is outside its interval, {ends.low} to {ends.high}")
        return self
