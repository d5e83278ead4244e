"""The arithmetic is integer, cautious, and does what its formula says."""

from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.customer import CustomerProfile, named
from placet.decisioning.actions import Credit
from placet.decisioning.churn import ChurnCell, ChurnTable, risk_level
from placet.decisioning.ranking import expected_value_minor
from placet.decisioning.treatments import Assumptions
from tests.unit.decisioning.decisioning_support import facts

RATE = st.integers(0, 10_000)


def test_the_expected_value_is_the_documented_product_less_the_cost() -> None:
    value = expected_value_minor(
        facts(churn_bp=7_282, monthly_charge_minor=10_500),
        Assumptions(margin_bp=4_500, horizon_months=12),
        relative_reduction_bp=800,
        cost_minor=1_050,
    )
    assert value == 2_253  # 0.7282 x 0.08 x 0.45 x 105.00 x 12 = 33.03, less 10.50, rounded down


@given(RATE, RATE, RATE, st.integers(0, 10**6), st.integers(1, 120), st.integers(0, 10**6))
def test_what_is_kept_is_never_overstated(
    churn: int, reduction: int, margin: int, charge: int, months: int, cost: int
) -> None:
    value = expected_value_minor(
        facts(churn_bp=churn, monthly_charge_minor=charge),
        Assumptions(margin_bp=margin, horizon_months=months),
        relative_reduction_bp=reduction,
        cost_minor=cost,
    )
    exact = churn * reduction * margin * charge * months
    assert 0 <= exact - (value + cost) * 10**12 < 10**12
    assert -cost <= value <= charge * months


@given(RATE, st.integers(0, 10**6), st.integers(1, 500), st.integers(0, 10**7))
def test_a_credit_stays_under_its_cap_and_its_share_and_is_a_whole_multiple(
    share: int, cap: int, multiple: int, charge: int
) -> None:
    credit = Credit(of_monthly_bp=share, max_minor=cap, round_to_minor=multiple)
    amount = credit.cost_minor(facts(monthly_charge_minor=charge))
    assert 0 <= amount <= min(cap, charge * share // 10_000)
    assert amount % multiple == 0


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_churn_probability_is_never_certain_either_way(churned: int, observed: int) -> None:
    cell = ChurnCell(
        contract="month_to_month",
        tenure_from=0,
        internet_service="dsl",
        churned=min(churned, observed),
        observed=observed,
    )
    table = ChurnTable(source="test", tenure_bands=(0,), cells=(cell,))
    probability = table.probability_bp(_customer())
    assert 0 <= probability <= 10_000
    assert abs(probability - cell.churned * 10_000 / observed) <= 10_000 / (observed + 2) + 1


def test_a_kind_never_observed_takes_the_rate_of_all() -> None:
    cells = (
        ChurnCell(contract="one_year", tenure_from=0, internet_service="dsl", churned=0, observed=9),
        ChurnCell(contract="two_year", tenure_from=0, internet_service="dsl", churned=9, observed=9),
    )
    table = ChurnTable(source="test", tenure_bands=(0,), cells=cells)
    assert table.probability_bp(_customer()) == 5_000


def test_risk_is_named_from_the_probability() -> None:
    assert [risk_level(bp) for bp in (0, 1_499, 1_500, 3_999, 4_000, 10_000)] == [
        *("low", "low", "medium", "medium", "high", "high")
    ]


def _customer() -> CustomerProfile:
    return CustomerProfile(
        customer_id="C1",
        status="Active",
        tenure_months=1,
        facts=named({"contract": "month_to_month", "internet_service": "dsl", "payment_method": "Mailed check"}),
    )
