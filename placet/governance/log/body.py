"""What an entry says, as it is written on the record and read from it again: its RFC 8785 form."""

import json
from typing import Any, Final

from pydantic_core import to_jsonable_python

from placet.governance.signing.canonical import canonical_bytes
from placet.governance.signing.plain_json import read_json

_LARGEST_EXACT: Final = 2**53 - 1


class _NotPlainError(Exception):
    """A number that the standard library's encoder may not write as RFC 8785 does."""


def write_body(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the RFC 8785 form of `body`, and `body` as that form reads.

    Most bodies are ASCII texts, digests and counts. These the C encoder of the standard library writes as RFC 8785
    does, with keys in order; all others take the way of `canonical_bytes`.

    Raises:
        ValueError: `body` holds what JSON cannot carry exactly.
    """
    plain = to_jsonable_python(body)
    quick = _ENCODE(plain)
    # Beyond ASCII the order of keys differs: RFC 8785 sorts UTF-16 code units, Python sorts code points.
    if quick.isascii():
        try:
            return quick, _DECODE_PLAIN(quick)
        except _NotPlainError:
            pass
    written = canonical_bytes(plain).decode()
    return written, read_body(written)


def read_body(written: str) -> dict[str, Any]:
    """Read the body that `write_body` wrote.

    Raises:
        ValueError: it is no document that `write_body` wrote.
    """
    body: dict[str, Any] = read_json(written, number=_number)
    return body


def _number(digits: str) -> int | float:
    # RFC 8785 writes the float 1e20 as digits; read as an integer it could not be written again.
    number = int(digits)
    return number if abs(number) <= _LARGEST_EXACT else float(number)


def _exact(digits: str) -> int:
    number = int(digits)
    if abs(number) > _LARGEST_EXACT:
        raise _NotPlainError
    return number


def _not_plain(_: str) -> Any:
    raise _NotPlainError


_ENCODE: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
_DECODE_PLAIN: Final = json.JSONDecoder(parse_int=_exact, parse_float=_not_plain, parse_constant=_not_plain).decode
