"""Rates of leaving from counts are cautious, and risk is named from them."""

from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.customer import CustomerProfile, named
from placet.decisioning.churn import ChurnCell, ChurnTable, risk_level


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
