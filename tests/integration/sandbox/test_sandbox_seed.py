import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.sandbox.derived.balances import opening_bucket
from placet.sandbox.derived.bills import amounts, bills
from placet.sandbox.derived.calendar import add_months
from placet.sandbox.derived.products import held_products, joined_on
from placet.sandbox.derived.usage import usage
from placet.sandbox.errors import SandboxError
from placet.sandbox.money import allocate
from placet.sandbox.seed import Customer, load_customers

CUSTOMERS = load_customers()
AS_OF = date(2026, 3, 15)
customers = st.sampled_from(list(CUSTOMERS.values()))
days = st.dates(min_value=date(2001, 1, 1), max_value=date(2099, 12, 31))


def test_the_whole_sample_is_there() -> None:
    assert len(CUSTOMERS) == 5263
    assert CUSTOMERS["C00002"].monthly_charges == 5695
    assert CUSTOMERS["C00002"].total_charges == 188950


def test_bills_add_up_to_total_charges_and_end_at_monthly_charges() -> None:
    for customer in CUSTOMERS.values():
        series = amounts(customer)
        assert len(series) == customer.tenure
        assert sum(series) == customer.total_charges
        assert all(amount > 0 for amount in series)
        assert series[-1:] == ([customer.monthly_charges] if customer.tenure else [])


def test_product_prices_add_up_to_monthly_charges() -> None:
    for customer in CUSTOMERS.values():
        held = held_products(customer, AS_OF)
        assert sum(product.monthly or 0 for product in held) == customer.monthly_charges
        assert len({product.id for product in held}) == len(held)


def test_usage_is_caused_only_by_services_held() -> None:
    for customer in list(CUSTOMERS.values())[::20]:
        records = usage(customer, AS_OF)
        expected = {"data"} if customer.internet_service != "No" else set()
        expected |= {"voice", "sms"} if customer.phone_service else set()
        assert {record.kind for record in records} == (expected if customer.tenure else set())
        assert len(records) == min(customer.tenure, 12) * len(expected)


def test_a_product_lists_exactly_the_services_of_its_row() -> None:
    assert [product.offering_id for product in held_products(CUSTOMERS["C00002"], AS_OF)] == [
        "PO-voice",
        "PO-internet-dsl",
        "PO-online-security",
        "PO-device-protection",
    ]


@given(customer=customers, as_of=days)
def test_the_series_end_at_the_reference_day(customer: Customer, as_of: date) -> None:
    series = bills(customer, as_of)
    assert len(series) == customer.tenure
    assert all(bill.issued_on <= as_of for bill in series)
    assert [bill.issued_on for bill in series] == sorted((b.issued_on for b in series), reverse=True)
    assert all(bill.open_amount == 0 for bill in series[1:])
    if series:
        assert add_months(series[0].issued_on, 1) > as_of
        assert series[-1].period_from == joined_on(customer, as_of)
    assert all(record.month < as_of.replace(day=1) for record in usage(customer, as_of))


@given(customer=customers, as_of=days)
def test_the_same_row_and_day_give_the_same_figures(customer: Customer, as_of: date) -> None:
    again = load_customers_once_more()[customer.id]
    assert bills(again, as_of) == bills(customer, as_of)
    assert usage(again, as_of) == usage(customer, as_of)
    assert held_products(again, as_of) == held_products(customer, as_of)


def load_customers_once_more() -> dict[str, Customer]:
    if not _AGAIN:
        _AGAIN.update(load_customers())
    return _AGAIN


_AGAIN: dict[str, Customer] = {}


def test_derived_figures_are_the_same_on_every_machine_and_in_every_release() -> None:
    customer = CUSTOMERS["C00002"]
    assert opening_bucket(CUSTOMERS["C00001"]).remaining == 2770
    assert [record.quantity for record in usage(customer, AS_OF)[:3]] == [62312, 329, 70]
    assert [bill.amount for bill in bills(customer, AS_OF)[:3]] == [5695, 5701, 5528]


def test_phone_numbers_are_unique_e164_numbers_reserved_for_fiction() -> None:
    numbers = [customer.phone for customer in CUSTOMERS.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"\+1[2-9]\d\d55501\d\d", number) for number in numbers)
    assert not any(number[3:5] == "11" for number in numbers)


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(1, 10**4), min_size=1, max_size=80))
def test_a_split_loses_no_cent(total: int, weights: list[int]) -> None:
    shares = allocate(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    assert all(abs(share * whole - total * w) < whole for share, w in zip(shares, weights, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows"),
        ("customer_id\nC1\n", "row 2: KeyError('tenure')"),
        ("customer_id,tenure,monthly_charges,total_charges\nC1,2,20,19\n", "total_charges '19' below"),
        ("customer_id,tenure,monthly_charges,total_charges\nC1,2,a,19\n", "row 2"),
    ],
)
def test_a_broken_customer_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(text)
    with pytest.raises(SandboxError) as refusal:
        load_customers(path)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_customer_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"cannot be read: .*No such file"):
        load_customers(tmp_path / "nowhere.csv")
