"""Facts come from the evidence alone; what was not read is not guessed."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.billing import Balance, Bill, Evidence, HeldProduct, Usage
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.decisioning.churn import ChurnCell, ChurnTable
from placet.decisioning.facts import Facts, derive

CHURN = ChurnTable(
    source="test",
    tenure_bands=(0,),
    cells=(ChurnCell(contract="one_year", tenure_from=0, internet_service="dsl", churned=0, observed=98),),
)
CUSTOMER = CustomerProfile(
    customer_id="C1",
    status="Active",
    tenure_months=20,
    facts=named({"contract": "one_year", "internet_service": "dsl", "payment_method": "Mailed check"}),
)


def usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="USD")


def bill(number: int, amount: int, due: int) -> Bill:
    return Bill(
        bill_id=f"b{number}", issued_on=date(2026, number, 1), amount=usd(amount), amount_due=usd(due), state="new"
    )


def held(number: int, price: Money | None, status: str = "active") -> HeldProduct:
    return HeldProduct(product_id=f"p{number}", offering_id=f"o{number}", name="x", status=status, monthly_price=price)


def use(month: int, quantity: int, kind: str = "data") -> Usage:
    return Usage(usage_id=f"{kind}{month}", kind=kind, month=f"2026-{month:02d}", quantity=quantity, unit="MB")


def known(**parts: Any) -> Facts:
    evidence = Evidence(customer=CUSTOMER, read_at=datetime(2026, 6, 1, tzinfo=UTC), **parts)
    assessment = Assessment(
        run_id="run-0123456789abcdef0123",
        customer=CUSTOMER,
        risk="high",
        drivers=(),
        summary="",
        queries=(),
        model_use=(),
    )
    return derive(evidence, assessment, CHURN.probability_bp(evidence.customer), currency="USD")


def test_nothing_read_is_nothing_known() -> None:
    facts = known()
    assert (facts.monthly_charge_minor, facts.open_amount_minor, facts.products_held) == (0, 0, 0)
    assert (facts.bucket_id, facts.bucket_status, facts.balance_minor) == ("none", "none", 0)
    assert (facts.usage_trend_bp, facts.churn_bp, facts.assessed_risk) == (0, 100, "high")


def test_the_charge_is_the_newest_bill_and_open_amounts_add_up() -> None:
    facts = known(bills=(bill(3, 5_000, 0), bill(5, 6_000, 6_000), bill(4, 5_500, 500)))
    assert (facts.monthly_charge_minor, facts.open_amount_minor) == (6_000, 6_500)


def test_without_bills_the_charge_is_the_sum_of_all_priced_active_products() -> None:
    assert known(products=(held(1, usd(2_000)), held(2, usd(500)))).monthly_charge_minor == 2_500
    assert known(products=(held(1, usd(2_000)), held(2, None))).monthly_charge_minor == 0
    assert known(products=(held(1, usd(2_000)), held(2, None, "terminated"))).monthly_charge_minor == 2_000


def test_an_active_bucket_is_preferred() -> None:
    def bucket(name: str, status: str, amount: int) -> Balance:
        return Balance(bucket_id=name, name=name, status=status, remaining=usd(amount))

    facts = known(balances=(bucket("a", "suspended", 5), bucket("b", "Active", 7)))
    assert (facts.bucket_id, facts.bucket_status, facts.balance_minor) == ("b", "active", 7)
    assert known(balances=(bucket("a", "suspended", 5),)).bucket_status == "suspended"


@pytest.mark.parametrize(
    ("usage", "trend"),
    [
        ((use(1, 100), use(2, 100), use(3, 50)), -5_000),
        ((use(3, 150), use(1, 100), use(2, 100)), 5_000),
        ((use(1, 100), use(2, 50)), 0),
        ((use(1, 0), use(2, 0), use(3, 50)), 0),
        (tuple(use(month, 10 * month, "voice") for month in (1, 2, 3)), 10_000),
    ],
)
def test_the_trend_is_the_newest_month_against_those_before(usage: tuple[Usage, ...], trend: int) -> None:
    assert known(usage=usage).usage_trend_bp == trend
