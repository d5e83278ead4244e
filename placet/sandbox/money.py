"""US dollars between the wire (major units, JSON numbers) and the books (integer cents)."""

from decimal import Decimal
from typing import Any

from placet.sandbox.errors import bad_body

CURRENCY = "USD"
"""The sample's own currency."""

_MAX_MINOR = 10**12
"""Ten billion dollars: above it a figure is a mistake, and below it cents are exact in a JSON number."""

JsonObject = dict[str, Any]


def major(minor: int) -> float:
    """Return `minor` cents as a JSON number; exact to the cent for every amount the books accept."""
    return minor / 100


def quantity(minor: int) -> JsonObject:
    """Make a TMF654 Quantity of a monetary amount."""
    return {"amount": major(minor), "units": CURRENCY}


def money(minor: int) -> JsonObject:
    """Make a TMF Money."""
    return {"unit": CURRENCY, "value": major(minor)}


def positive_minor(value: object) -> int:
    """Return the cents in a positive JSON number.

    Raises:
        TmfError: 400 when `value` is no number, not positive, finer than a cent or absurdly large.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise bad_body(f"amount.amount {value!r} is not a number")
    if not 0 < value <= _MAX_MINOR // 100:
        raise bad_body(f"amount.amount {value} is not positive (adjustType says credit or debit) or is too large")
    cents = Decimal(value) * 100
    if cents != cents.to_integral_value():
        raise bad_body(f"amount.amount {value} is finer than a cent")
    return int(cents)


def allocate(total: int, weights: list[int]) -> list[int]:
    """Split `total` cents in proportion to `weights`, to the cent (largest remainder method)."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares
