"""The figures a decision rests on, derived from the evidence alone. No protected attribute is among them."""

from typing import Annotated

from pydantic import Field, StrictInt

from placet.contracts.analysis.assessment import Assessment, Risk
from placet.contracts.base import CustomerId, Frozen
from placet.contracts.billing import Balance, Bill, Evidence, HeldProduct, Usage
from placet.contracts.customer import CustomerProfile
from placet.contracts.money import Currency
from placet.errors import UsageError

NO_BUCKET = "none"
ACTIVE = "active"

_MIN_MONTHS_FOR_TREND = 3


class Facts(Frozen):
    """One customer at the time of the evidence. Amounts are minor units of `currency`, rates basis points.

    Attributes:
        monthly_charge_minor: The newest bill; without one, the sum of the held products' prices.
        open_amount_minor: What is still to be paid over all bills read, of which `open_bills` are not paid.
        bucket_status: Status of the first active money bucket, of the first one where none is active, or `none`.
        usage_trend_bp: Newest month against the mean of those before it; 0 where there are fewer than three.
        churn_bp: Probability to leave, of the tenant's model or of the counts.
        assessed_risk: The model's opinion. It may be a reason for a treatment, never a condition of the arithmetic.
    """

    customer_id: CustomerId
    customer_status: str
    tenure_months: StrictInt
    contract: str
    internet_service: str
    payment_method: str
    currency: Currency
    monthly_charge_minor: StrictInt
    open_amount_minor: StrictInt
    open_bills: StrictInt
    bucket_id: str
    bucket_name: str
    bucket_status: str
    bucket_currency: str
    balance_minor: StrictInt
    usage_trend_bp: StrictInt
    products_held: StrictInt
    held: tuple[HeldProduct, ...]
    churn_bp: Annotated[StrictInt, Field(ge=0, le=10_000)]
    assessed_risk: Risk


def derive(evidence: Evidence, assessment: Assessment, churn_bp: int, *, currency: str) -> Facts:
    """Derive the facts from what was read; `currency` is taken where the evidence names none."""
    customer = evidence.customer
    held = held_in(evidence.products)
    bucket = bucket_of(evidence.balances)
    charge = monthly_charge(evidence.bills, held)
    return Facts(
        customer_id=customer.customer_id,
        customer_status=customer.status.lower(),
        tenure_months=customer.tenure_months,
        contract=_word(customer, "contract"),
        internet_service=_word(customer, "internet_service"),
        payment_method=_word(customer, "payment_method"),
        currency=charge[1] or currency,
        monthly_charge_minor=charge[0],
        open_amount_minor=sum(bill.amount_due.amount_minor for bill in evidence.bills),
        open_bills=sum(bill.amount_due.amount_minor > 0 for bill in evidence.bills),
        bucket_id=bucket.bucket_id if bucket else NO_BUCKET,
        bucket_name=bucket.name if bucket else NO_BUCKET,
        bucket_status=bucket.status.lower() if bucket else NO_BUCKET,
        bucket_currency=bucket.remaining.currency if bucket else NO_BUCKET,
        balance_minor=bucket.remaining.amount_minor if bucket else 0,
        usage_trend_bp=usage_trend(evidence.usage) or 0,
        products_held=len(held),
        held=held,
        churn_bp=churn_bp,
        assessed_risk=assessment.risk,
    )


def _word(customer: CustomerProfile, name: str) -> str:
    value = customer.fact(name)
    if not isinstance(value, str):
        raise UsageError(f"{name} of customer {customer.customer_id!r} is {value!r}, not a word", code="unknown_fact")
    return value


def bucket_of(balances: tuple[Balance, ...]) -> Balance | None:
    """Return the money bucket that is credited: the first active one, else the first; None where there is none."""
    ordered = sorted(balances, key=lambda balance: (balance.status.lower() != ACTIVE, balance.bucket_id))
    return ordered[0] if ordered else None


def held_in(products: tuple[HeldProduct, ...]) -> tuple[HeldProduct, ...]:
    """Return the products that are active."""
    return tuple(product for product in products if product.status.lower() == ACTIVE)


def monthly_charge(bills: tuple[Bill, ...], held: tuple[HeldProduct, ...]) -> tuple[int, str | None]:
    """Return the newest bill, without one the prices of all products held, in minor units with the currency.

    0 without a currency where neither was read.
    """
    if bills:
        newest = max(bills, key=lambda bill: (bill.issued_on, bill.bill_id))
        return newest.amount.amount_minor, newest.amount.currency
    prices = [product.monthly_price for product in held if product.monthly_price is not None]
    if len({price.currency for price in prices}) == 1 and len(prices) == len(held):
        return sum(price.amount_minor for price in prices), prices[0].currency
    return 0, None


def usage_trend(usage: tuple[Usage, ...]) -> int | None:
    """Return the trend of the kind with the most data, data before voice before messages; None of too few months."""
    for kind in ("data", "voice", "sms"):
        series = [entry.quantity for entry in sorted(usage, key=lambda entry: entry.month) if entry.kind == kind]
        if len(series) >= _MIN_MONTHS_FOR_TREND and sum(series[:-1]) > 0:
            return series[-1] * (len(series) - 1) * 10_000 // sum(series[:-1]) - 10_000
    return None
