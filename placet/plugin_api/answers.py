"""Reading an answer: bounded bytes, strict JSON, exact money."""

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from placet.contracts.money import Money, minor_digits
from placet.contracts.text import is_text, shortened

MAX_NUMBER_CHARS = 40
"""Longer JSON numbers are refused: no amount, count or identifier needs them."""

MAX_EXACT_MINOR = 10**15
"""Amounts below this survive a JSON number that the other side reads as an IEEE 754 double (15 digits)."""


class UnreadableError(ValueError):
    """The answer is not what the interface promises. `Connector.call` turns it into an error of the tree."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete 2xx answer.

    Attributes:
        data: The JSON body with numbers as int or Decimal; None for an empty body.
        sha256: Digest of the body as received.
        total: `X-Total-Count` of a collection (TMF630), where the server sent it.
    """

    status: int
    data: Any
    sha256: str
    total: int | None

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            UnreadableError: It is something else.
        """
        if not isinstance(self.data, dict):
            raise UnreadableError(f"expected a JSON object, got {type(self.data).__name__}")
        return self.data

    def records(self) -> list[dict[str, Any]]:
        """Return the body as a list of JSON objects.

        Raises:
            UnreadableError: It is something else.
        """
        if not isinstance(self.data, list) or not all(isinstance(item, dict) for item in self.data):
            raise UnreadableError(f"expected a JSON list of objects, got {type(self.data).__name__}")
        return self.data


def read_answer(status: int, body: bytes, total_header: str | None) -> Answer:
    """Decode a body.

    Raises:
        UnreadableError: Not JSON, or JSON that readers disagree about (repeated names, NaN, excessive depth
            or digits, half a character).
    """
    if total_header is not None and not re.fullmatch(r"[0-9]{1,12}", total_header):
        raise UnreadableError(f"X-Total-Count {shortened(total_header, 40)!r} is not a count")
    total = int(total_header) if total_header is not None else None
    return Answer(status=status, data=decode_json(body), sha256=sha256_hex(body), total=total)


def sha256_hex(body: bytes) -> str:
    """Return the SHA-256 of a body in lower-case hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def decode_json(body: bytes) -> Any:
    """Parse JSON (RFC 8259) with exact decimals; an empty body is None.

    Raises:
        UnreadableError: As for `read_answer`.
    """
    if not body:
        return None
    try:
        data = json.loads(
            body.decode("utf-8"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as exc:
        raise UnreadableError(f"the body is not JSON: {type(exc).__name__}") from exc
    if b"\\u" in body and not _all_text(data):  # half a character, which only an escape can write
        raise UnreadableError("a text holds a lone surrogate, which no UTF-8 can carry")
    return data


def _all_text(data: Any) -> bool:
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend((*one, *one.values()))
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str) and not is_text(one):
            return False
    return True


_EXACT = Context(prec=40, Emax=40, Emin=-400, traps=[Inexact, Overflow, InvalidOperation])
"""More digits than any amount has: the usual 28 would round a longer one to what it is not."""


def money(amount: Any, currency: Any) -> Money:
    """Convert major units as TM Forum writes them (`12.5`, `"USD"`) to exact minor units.

    Raises:
        UnreadableError: Not a number, not an ISO 4217 currency, or finer than the currency's minor unit.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or not isinstance(currency, str):
        raise UnreadableError(f"{amount!r} {currency!r} is not an amount with a currency")
    try:
        minor = _EXACT.scaleb(Decimal(amount), Decimal(minor_digits(currency)))
        whole = int(minor)
    except (ArithmeticError, ValueError) as exc:
        raise UnreadableError(f"{amount!r} {currency!r} is not an amount with an ISO 4217 currency") from exc
    if whole != minor:
        raise UnreadableError(f"{amount} {currency} is finer than the currency's minor unit")
    return Money(amount_minor=whole, currency=currency)


def major_units(value: Money) -> int | float:
    """Convert minor units to the JSON number TM Forum asks for; its decimal text is exactly the amount.

    Raises:
        ValueError: The amount has more than 15 significant digits, which a JSON number may not carry exactly.
    """
    if abs(value.amount_minor) >= MAX_EXACT_MINOR:
        raise ValueError(f"{value} is too large to send exactly; split it")
    exact = Decimal(value.amount_minor).scaleb(-minor_digits(value.currency))
    return int(exact) if exact == int(exact) else float(exact)


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_NUMBER_CHARS:
        raise UnreadableError("a number has too many digits")
    value = Decimal(text)
    if not -MAX_NUMBER_CHARS <= value.adjusted() <= MAX_NUMBER_CHARS:
        raise UnreadableError("a number is out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARS:
        raise UnreadableError("a number has too many digits")
    return int(text)


def _refuse_constant(text: str) -> Any:
    raise UnreadableError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise UnreadableError("an object repeats a name")
    return result
