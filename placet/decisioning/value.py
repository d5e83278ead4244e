"""What a treatment costs and what it is expected to be worth. Integers throughout; every rounding favours caution."""

from placet.decisioning.facts import Facts
from placet.decisioning.treatments import Assumptions, Credit, Move, Order

WHOLE = 10_000
"""One, in basis points."""


def credit_minor(credit: Credit, facts: Facts) -> int:
    """The credit in minor units: its share of the monthly charge, capped, rounded down."""
    raw = min(facts.monthly_charge_minor * credit.of_monthly_bp // WHOLE, credit.max_minor)
    return raw - raw % credit.round_to_minor


def order_cost_minor(order: Order, move: Move, facts: Facts) -> int:
    """What the operator gives up with an order, in minor units, rounded up."""
    share = -(-facts.monthly_charge_minor * order.of_monthly_bp // WHOLE)
    return share + move.cost_minor


def expected_value_minor(facts: Facts, assumptions: Assumptions, *, relative_reduction_bp: int, cost_minor: int) -> int:
    """Margin expected to be kept over the horizon, less the cost, in minor units, rounded down.

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
