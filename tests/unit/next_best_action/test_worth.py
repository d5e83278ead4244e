"""The arithmetic of values: exact, the same for one customer and for a column, and never out of 64 bits."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.strategies.treatment import CreditBalance
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.next_best_action.worth import MANY, MOST_MONTHLY, ONE, cost, monthly, value
from placet.decisioning.strategies.bounds import MOST_MINOR
from tests.unit.next_best_action.drawing import strategy

LARGEST = 2**63 - 1
STRATEGY = strategy()
CREDIT, PLAN = STRATEGY.treatments
USD = {"currency": "USD"}


@pytest.mark.parametrize(
    ("spent", "given"), [(0, 0), (749, 0), (750, 50), (3_000, 200), (30_000, 2_000), (3_000_000, 2_000)]
)
def test_a_credit_is_its_share_of_a_month_capped_and_rounded_down_to_its_steps(spent: int, given: int) -> None:
    """20 % of a third of what was spent in 90 days, at most 20.00, in steps of 0.50."""
    assert cost(CREDIT.action, monthly(spent, 0, ONE), ONE) == given


def test_what_staying_is_worth_is_the_margin_that_is_kept_less_the_cost() -> None:
    """80.00 a month, 45 % of it for 12 months, 70 of 100 leave, 15 % of that removed; less 16.00."""
    assert value(STRATEGY, CREDIT, 8_000, 70, 1_600) == 432_00 * 70 * 15 // (100 * 100) - 1_600 == 2_936


def test_what_a_run_read_is_divided_once_so_that_nothing_is_overstated_and_nothing_lost() -> None:
    """105.00 a month, 45 % of it for 12 months, 72.82 of 100 leave, 15 % of that removed; less 10.50."""
    exact = 105_00 * 4_500 * 12 * 7_282 * 1_500
    assert value(STRATEGY, CREDIT, 105_00, 7_282, 10_50, WHOLE) == exact // 10**12 - 10_50 == 51_43
    assert value(STRATEGY, PLAN, 105_00, 7_282, 0, WHOLE) == value(STRATEGY, PLAN, 105_00, 72, 0)


def test_what_taking_up_is_worth_is_the_margin_of_what_is_spent_more_less_the_cost() -> None:
    """4.5 % take it up and spend 3.00 more for 12 months, 45 % of it; less 12.00."""
    assert value(STRATEGY, PLAN, 8_000, 70, 1_200) == 3_600 * 45 * 45 // (100 * 1000) - 1_200 == -1_128


@given(
    billed=st.integers(-MOST_MINOR, MOST_MINOR),
    recharged=st.integers(-MOST_MINOR, MOST_MINOR),
    churn=st.integers(0, 100),
    number=st.integers(0, 1),
)
def test_a_column_gets_what_one_customer_gets(billed: int, recharged: int, churn: int, number: int) -> None:
    treatment = STRATEGY.treatments[number]
    frame = pl.DataFrame({"billed": [billed], "recharged": [recharged], "churn": [churn]}, schema=dict.fromkeys(
        ("billed", "recharged", "churn"), pl.Int64))  # fmt: skip
    spends = monthly(pl.col("billed"), pl.col("recharged"), MANY)
    costs = cost(treatment.action, spends, MANY)
    told = frame.select(spends.alias("spends"), costs.alias("costs"))
    worth = frame.select(value(STRATEGY, treatment, spends, pl.col("churn"), costs).alias("value")).item()
    one = monthly(billed, recharged, ONE)
    assert told.row(0) == (one, cost(treatment.action, one, ONE))
    assert worth == value(STRATEGY, treatment, one, churn, cost(treatment.action, one, ONE))


@pytest.mark.parametrize("number", [0, 1])
def test_the_largest_case_stays_within_64_bits(number: int) -> None:
    """All that a sound strategy can ask for at once: every intermediate of polars is at most what Python has here."""
    most = f"{MOST_MINOR // 100}.00 USD"
    large = strategy(
        ("at_most: 20.00 USD, in_steps_of: 0.50 USD", f"at_most: {most}"),
        ("of_monthly: 20 %", "of_monthly: 100 %"),
        ("removes: 15 %", "removes: 100 %"),
        ("chance: 4.5 %, worth: 3.00 USD, months: 12", f"chance: 100 %, worth: {most}, months: 60"),
        ("{margin: 45 %, horizon_months: 12}", "{margin: 100 %, horizon_months: 120, weight: 1000 %}"),
        ("{total: 5000.00 USD, per_customer: 40.00 USD,", f"{{total: {most}, per_customer: {most},"),
    )
    treatment = large.treatments[number]
    frame = pl.DataFrame({"billed": [2 * 10**12], "churn": [100]})
    spends = monthly(pl.col("billed"), 0, MANY)
    costs = cost(treatment.action, spends, MANY)
    told = frame.select(value(large, treatment, spends, pl.col("churn"), costs).alias("value")).item()
    one = cost(treatment.action, MOST_MONTHLY, ONE)
    assert told == value(large, treatment, MOST_MONTHLY, 100, one)
    assert abs(told) * 10_000 < LARGEST


def test_the_credit_of_the_tests_is_one() -> None:
    assert isinstance(CREDIT.action, CreditBalance)
