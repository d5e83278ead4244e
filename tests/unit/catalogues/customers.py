"""Customers as runs read them: drawn near the borders of what retention's catalogue asks."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from placet.contracts.billing import Balance, Bill, Evidence, HeldProduct, Usage
from placet.contracts.contact import Contact, ContactHistory
from placet.contracts.money import Money, parse_money
from placet.decisioning.contact import ContactPolicy, TreatmentLimits
from tests.agents.support import NOW, customer

POLICY = ContactPolicy(
    cool_down_days=90,
    period_days=365,
    max_per_period=3,
    max_cost_per_period=parse_money("200.00 USD"),
    treatments={"goodwill_credit": TreatmentLimits(max_per_period=1)},
)
_FIBER = (("PO-internet-fiber", "active"), ("PO-phone", "active"))
_HOLDINGS = (
    _FIBER,
    (*_FIBER, ("PO-tv", "active"), ("PO-net", "Active")),
    (("PO-internet-fiber", "suspended"), ("PO-internet-dsl", "active")),
    (("PO-internet-dsl", "Active"), ("PO-contract-12m", "active")),
    (("PO-internet-fiber", "active"), ("PO-internet-fiber-saver", "active")),
    (),
)
_BALANCES = (
    (("active", "USD"),),
    (("suspended", "USD"), ("Active", "USD")),
    (("active", "EUR"),),
    (("suspended", "USD"),),
    (),
)
_GIVEN = (
    None,
    (),
    (("goodwill_credit", 500, 364, "given"),),
    (("loyalty_bonus", 5_000, 89, "given"),),
    (("loyalty_bonus", 19_600, 200, "unknown"),),
    (("goodwill_credit", 500, 10, "pending"),),
    ((None, 0, 300, "given"),),
)


@dataclass(frozen=True)
class Read:
    """What a run read of one customer, how likely they leave in basis points, and the contact policy."""

    evidence: Evidence
    churn_bp: int
    contact: ContactPolicy | None


def near(*borders: int, low: int, high: int) -> st.SearchStrategy[int]:
    """Draw a figure, as a rule at one of the borders or just beside it."""
    beside = [one + by for one in borders for by in (-1, 0, 1) if low <= one + by <= high]
    return st.sampled_from(beside) | st.integers(low, high)


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Draw what is usual in seven of ten."""
    return st.integers(0, 9).flatmap(
        lambda drawn: st.just(usual) if drawn < 7 or not others else st.sampled_from(others)
    )


_CHARGE = st.integers(4_000, 20_000) | near(0, 200, 499, 6_000, 9_000, low=-50, high=10**9)
_CHURN = st.integers(2_500, 10_000) | near(0, 1_500, 2_000, 2_500, 10_000, low=0, high=10_000)


@st.composite
def reads(draw: st.DrawFn) -> Read:
    currency = str(draw(mostly("USD", "USD", "EUR")))
    charge, owed, months = draw(_CHARGE), draw(st.sampled_from([0, 1])), draw(near(12, 13, 24, low=0, high=80))
    profile = customer(
        status=draw(mostly("Active", "active", "Suspended")),
        tenure_months=months,
        contract=draw(mostly("month_to_month", "one_year", "two_year")),
        internet_service=draw(st.sampled_from(["dsl", "fiber_optic", "none"])),
    )
    bill = Bill(
        bill_id="B1",
        issued_on=date(2026, 2, 1),
        amount=Money(amount_minor=charge, currency=currency),
        amount_due=Money(amount_minor=owed, currency=currency),
        state="new",
    )
    older = bill.model_copy(update={"bill_id": "B0", "issued_on": date(2026, 1, 1)})
    used = draw(near(95, 100, low=0, high=200))
    read = Evidence(
        customer=profile,
        products=_products(draw(mostly(*_HOLDINGS)), draw(st.sampled_from([None, charge])), currency),
        bills=draw(mostly((bill,), (older, bill), ())),
        balances=_balances(draw(mostly(*_BALANCES))),
        usage=tuple(
            Usage(usage_id=f"U{month}", kind="data", month=f"2026-{month:02}", quantity=many, unit="MB")
            for month, many in enumerate((100, 100, used)[: draw(mostly(3, 0, 2))], 1)
        ),
        history=_history(draw(mostly((), *_GIVEN))),
        read_at=NOW,
    )
    return Read(read, draw(_CHURN), draw(st.sampled_from([None, POLICY])))


def _products(holding: tuple[tuple[str, str], ...], price: int | None, currency: str) -> tuple[HeldProduct, ...]:
    monthly = None if price is None or price < 0 else Money(amount_minor=price, currency=currency)
    return tuple(
        HeldProduct(
            product_id=f"P{number}",
            offering_id=offering,
            name="A “product”_1",
            status=status,
            monthly_price=monthly,
        )
        for number, (offering, status) in enumerate(holding)
    )


def _balances(held: tuple[tuple[str, str], ...]) -> tuple[Balance, ...]:
    return tuple(
        Balance(
            bucket_id=f"U{number}",
            name="Main_balance",
            status=status,
            remaining=Money(amount_minor=500, currency=currency),
        )
        for number, (status, currency) in enumerate(held)
    )


def _history(given: tuple[tuple[str | None, int, int, str], ...] | None) -> ContactHistory | None:
    if given is None:
        return None
    contacts = tuple(
        Contact.model_validate(
            {
                "run_id": "run-0123456789abcdef0123",
                "treatment": treatment,
                "cost": None if treatment is None else Money(amount_minor=cost, currency="USD"),
                "at": NOW - timedelta(days=days),
                "standing": standing,
            }
        )
        for treatment, cost, days, standing in given
    )
    return ContactHistory(days=400, contacts=contacts)
