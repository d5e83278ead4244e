"""Facts in the words of a business person: sentences with amounts, per cent and months, never a bare code. Pure."""

from collections.abc import Callable

from placet.contracts.billing import HeldProduct
from placet.contracts.money import Money
from placet.contracts.proposal import Reason
from placet.contracts.text import counted, shortened
from placet.decisioning.facts import NO_BUCKET, Facts

_DETAIL = 160
_NAME = 40
_CONTRACTS = {
    "month_to_month": "a contract that ends any month",
    "one_year": "a one-year contract",
    "two_year": "a two-year contract",
}
_INTERNET = {"dsl": "DSL internet", "fiber_optic": "fiber optic internet", "none": "no internet"}


def amount(minor: int, currency: str) -> str:
    """Write minor units as people read them: `26.00 USD`."""
    return str(Money(amount_minor=minor, currency=currency))


def per_cent(basis_points: int) -> str:
    """Write basis points in whole per cent: `44 %`; below one, `less than 1 %`."""
    if 0 < basis_points < 100:  # noqa: PLR2004 - one per cent
        return "less than 1 %"
    return f"{(basis_points + 50) // 100} %"


def months(count: int) -> str:
    """Write a number of months: `1 month`, `28 months`."""
    return counted(count, "month")


def contract(name: str) -> str:
    """Return the contract's name for people."""
    return _CONTRACTS.get(name, _plain(name))


def internet(name: str) -> str:
    """Return the internet service for people."""
    return _INTERNET.get(name, _plain(name))


def leaving(basis_points: int) -> str:
    """Say how many of the customers like one leave."""
    return f"{per_cent(basis_points)} of customers like this one leave"


def statement(fact: str, facts: Facts) -> str:
    """Return what holds of the customer in one fact: `has been with us 28 months`."""
    return _STATEMENTS[fact](facts)


def situation(facts: Facts) -> tuple[Reason, ...]:
    """Return the customer's situation as an approver needs it: standing, contract, bill, balance, use, risk."""
    told = (
        "tenure_months",
        "contract",
        "internet_service",
        "products_held",
        "monthly_charge_minor",
        "open_amount_minor",
        "balance_minor",
        "usage_trend_bp",
        "churn_bp",
    )
    return tuple(Reason(code=name, detail=shortened(statement(name, facts), _DETAIL)) for name in told)


def _held(products: tuple[HeldProduct, ...]) -> str:
    names = ", ".join(f"“{_plain(product.name)}”" for product in products[:4])
    return f"{names}{' and more' if len(products) > 4 else ''}"  # noqa: PLR2004 - as many as a line holds


def _charge(facts: Facts) -> str:
    if facts.monthly_charge_minor <= 0:
        return "has no bill and no priced product"
    return f"pays {amount(facts.monthly_charge_minor, facts.currency)} a month"


def _owed(facts: Facts) -> str:
    if facts.open_amount_minor <= 0:
        return "owes nothing on the bills that were read"
    bills = counted(facts.open_bills, "open bill")
    return f"owes {amount(facts.open_amount_minor, facts.currency)} on {bills}"


def _balance(facts: Facts) -> str:
    if facts.bucket_id == NO_BUCKET:
        return "has no balance to credit"
    return f"has {amount(facts.balance_minor, facts.bucket_currency)} on balance “{_plain(facts.bucket_name)}”"


def _usage(facts: Facts) -> str:
    if facts.usage_trend_bp == 0:
        return "uses as much as in the months before"
    way = "more" if facts.usage_trend_bp > 0 else "less"
    return f"uses {per_cent(abs(facts.usage_trend_bp))} {way} than in the months before"


def _products(facts: Facts) -> str:
    count = f"holds {counted(facts.products_held, 'active product')}"
    return f"{count}: {_held(facts.held)}" if facts.held else count


def _plain(text: str) -> str:
    """Shorten a text of another system, and drop the characters that could carry a meaning of their own."""
    kept = "".join(character if character.isalnum() or character in " -./()&+" else " " for character in text)
    return shortened(" ".join(kept.replace("_", " ").split()), _NAME) or "unnamed"


_STATEMENTS: dict[str, Callable[[Facts], str]] = {
    "customer_id": lambda facts: f"is customer {facts.customer_id}",
    "customer_status": lambda facts: f"is {_plain(facts.customer_status)}",
    "tenure_months": lambda facts: f"has been with us {months(facts.tenure_months)}",
    "contract": lambda facts: f"has {contract(facts.contract)}",
    "internet_service": lambda facts: f"has {internet(facts.internet_service)}",
    "payment_method": lambda facts: f"pays by {_plain(facts.payment_method)}",
    "currency": lambda facts: f"is billed in {facts.currency}",
    "monthly_charge_minor": _charge,
    "open_amount_minor": _owed,
    "open_bills": _owed,
    "bucket_id": _balance,
    "bucket_name": _balance,
    "bucket_status": lambda facts: f"has a balance that is {_plain(facts.bucket_status)}",
    "bucket_currency": lambda facts: f"has a balance in {_plain(facts.bucket_currency)}",
    "balance_minor": _balance,
    "usage_trend_bp": _usage,
    "products_held": _products,
    "held": _products,
    "churn_bp": lambda facts: leaving(facts.churn_bp),
    "assessed_risk": lambda facts: f"the model rates the risk to leave as {facts.assessed_risk}",
}
"""One statement for each fact; a test holds that none is missing."""
