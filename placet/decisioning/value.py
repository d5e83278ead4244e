"""What a treatment is expected to be worth. Integers throughout; every rounding favours caution."""

from placet.decisioning.actions import WHOLE
from placet.decisioning.facts import Facts
from placet.decisioning.treatments import Assumptions


def expected_value_minor(facts: Facts, assumptions: Assumptions, *, relative_reduction_bp: int, cost_minor: int) -> int:
    """Return the margin expected to be kept over the horizon, less the cost, in minor units, rounded down.

    churn probability x relative reduction x margin x monthly charge x horizon - cost
    """
    kept = (
        facts.churn_bp
        * relative_reduction_bp
        * assumptions.margin_bp
        * facts.monthly_charge_minor
        * assumptions.horizon_months
    )
    return kept // WHOLE**3 - cost_minor
