"""Reading a foreign notification: each attribute is asked for by name, and what has another shape is named."""

import json
from decimal import Decimal
from typing import Any, Final, NoReturn

from placet.contracts.money import LARGEST_MINOR, minor_digits
from placet.contracts.text import NAME, one_line

Record = dict[str, Any]
_MOST_DIGITS: Final = 20


class UnmappableError(Exception):
    """Says why a notification cannot be brought into our words."""


def object_of(text: bytes) -> Record:
    """Return a JSON object; numbers with a fraction are `Decimal`, so that no cent is lost.

    Raises:
        UnmappableError: it is something else.
    """
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError) as error:  # the last: an exponent beyond any decimal
        raise UnmappableError("the notification is not JSON") from error
    if not isinstance(found, dict):
        raise UnmappableError("the notification is not a JSON object")
    return found


def part(record: Record, name: str) -> Record:
    """Return an attribute that is an object.

    Raises:
        UnmappableError: it is missing, or something else.
    """
    found = record.get(name)
    if not isinstance(found, dict):
        raise UnmappableError(f"{name} is missing, or no object")
    return found


def parts(record: Record, name: str) -> list[Record]:
    """Return an attribute that is a list of objects.

    Raises:
        UnmappableError: it is missing, or something else.
    """
    found = record.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnmappableError(f"{name} is missing, or no list of objects")
    return found


def word(record: Record, name: str) -> str:
    """Return an attribute that is a text.

    Raises:
        UnmappableError: it is missing, empty, or something else.
    """
    found = record.get(name)
    if not isinstance(found, str) or not found:
        raise UnmappableError(f"{name} is missing, or no text")
    return found


def money(amount: object, currency: object) -> Record:
    """Return an amount of major units as `Money`'s data, exactly.

    Raises:
        UnmappableError: it is no number, too large, finer than the currency's minor unit, or in no known currency.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise UnmappableError("an amount is missing, or no number")
    if not isinstance(currency, str):
        raise UnmappableError("a currency is missing, or no text")
    try:
        digits = minor_digits(currency)
    except ValueError as error:
        raise UnmappableError(f"currency {shown(currency)} is not an active ISO 4217 code") from error
    exact = Decimal(amount)
    # Before it is multiplied: a number of a thousand digits would be rounded by the decimal context.
    if exact.adjusted() > _MOST_DIGITS or len(exact.as_tuple().digits) > _MOST_DIGITS:
        raise UnmappableError("an amount has more digits than money has")
    minor = exact.scaleb(digits)
    if minor != minor.to_integral_value() or abs(minor) > LARGEST_MINOR:
        raise UnmappableError(f"an amount is too large, or finer than the minor unit of {currency}")
    return {"amount_minor": int(minor), "currency": currency}


def shown(text: str) -> str:
    """Return foreign text in one line, shortened, in quotation marks."""
    return one_line(repr(text), NAME)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
