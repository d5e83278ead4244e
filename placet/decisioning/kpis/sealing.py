"""Values in rows, each with a checksum of what it is: a row that was altered or cut is told from one written here.

It is no signature. Whoever may write to the database can make the checksum too.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

_LENGTH: Final = 16


class NotSealedError(ValueError):
    """A kept text is not what was written."""


def seal(value: object, *names: object) -> str:
    """Write a value as a text that says of what it is."""
    text = json.dumps(value, separators=(",", ":"))
    return f"{_checksum(text, names)}{text}"


def unseal(text: object, *names: object) -> object:
    """Return a value that `seal` wrote under these names.

    Raises:
        NotSealedError: it wrote none like it.
    """
    if not isinstance(text, str) or text[:_LENGTH] != _checksum(text[_LENGTH:], names):
        raise NotSealedError("it is not what was written")
    try:
        value: object = json.loads(text[_LENGTH:])
    except (ValueError, RecursionError) as error:
        raise NotSealedError("it is not what was written") from error
    return value


def _checksum(text: str, names: Iterable[object]) -> str:
    said = f"{[*map(str, names)]}\n{text}"
    return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()[:_LENGTH]
