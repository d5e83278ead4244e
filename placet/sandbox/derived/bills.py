"""Monthly bills: one per month of tenure, adding up to `total_charges`, the last one at `monthly_charges`."""

from dataclasses import dataclass
from datetime import date, timedelta

from placet.sandbox.derived.calendar import add_months
from placet.sandbox.derived.draw import draw
from placet.sandbox.derived.products import joined_on
from placet.sandbox.money import allocate
from placet.sandbox.seed import Customer

_TERMS = timedelta(days=14)
_LATE_PAYERS_ONE_IN = 8


@dataclass(frozen=True, slots=True)
class Bill:
    """The `number`-th bill since the customer joined, from 1; cents; `open_amount` is not yet paid."""

    customer: Customer
    number: int
    period_from: date
    issued_on: date
    due_on: date
    amount: int
    open_amount: int


def amounts(customer: Customer) -> list[int]:
    """Return every bill's amount in cents, oldest first."""
    earlier = customer.tenure - 1
    if earlier < 1:
        return [customer.total_charges] * customer.tenure
    weights = [970 + draw(customer.id, f"bill-{number}", 61) for number in range(1, customer.tenure)]
    return [*allocate(customer.total_charges - customer.monthly_charges, weights), customer.monthly_charges]


def bills(customer: Customer, as_of: date) -> list[Bill]:
    """Return all bills issued up to `as_of`, newest first."""
    joined = joined_on(customer, as_of)
    series = [
        _bill(customer, number, amount, joined, as_of) for number, amount in enumerate(amounts(customer), start=1)
    ]
    return series[::-1]


def _bill(customer: Customer, number: int, amount: int, joined: date, as_of: date) -> Bill:
    issued_on = add_months(joined, number)
    due_on = issued_on + _TERMS
    return Bill(
        customer=customer,
        number=number,
        period_from=add_months(joined, number - 1),
        issued_on=issued_on,
        due_on=due_on,
        amount=amount,
        open_amount=amount if number == customer.tenure and _unpaid(customer, due_on, as_of) else 0,
    )


def _unpaid(customer: Customer, due_on: date, as_of: date) -> bool:
    """Return whether the last bill is open: until it is due, and longer for a few of those who pay by hand."""
    if customer.automatic_payment:
        return False
    return as_of <= due_on or draw(customer.id, "late-payer", _LATE_PAYERS_ONE_IN) == 0
