"""The one monetary bucket every customer has, and what it held before the sandbox changed anything."""

from dataclasses import dataclass

from placet.sandbox.derived.draw import draw
from placet.sandbox.seed import Customer

_PREFIX = "B-"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket's state; `remaining` in cents."""

    id: str
    customer_id: str
    name: str
    status: str
    remaining: int


def bucket_id(customer_id: str) -> str:
    """Return the id of a customer's bucket."""
    return _PREFIX + customer_id


def owner_of(identifier: str) -> str | None:
    """Return the customer id within a bucket id; None when it is no bucket id."""
    return identifier.removeprefix(_PREFIX) if identifier.startswith(_PREFIX) else None


def opening_bucket(customer: Customer) -> Bucket:
    """Make a prepaid main balance for those who pay month by month and by hand, else an account credit.

    Independent of the reference day: a balance that was changed must not shift because a day went by.
    """
    prepaid = customer.contract == "Month-to-month" and not customer.automatic_payment
    dimes = draw(customer.id, "balance", 400) if prepaid else 0
    return Bucket(
        id=bucket_id(customer.id),
        customer_id=customer.id,
        name="Prepaid main balance" if prepaid else "Account credit",
        status="active",
        remaining=dimes * 10,
    )
