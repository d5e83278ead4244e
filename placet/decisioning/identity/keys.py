"""Keys in their standard form, masked for whoever may not see them, and as a customer's aggregate has them."""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from placet.contracts.identity.keys import KEY, KeyKind, KeyWord
from placet.contracts.text import NAME, shortened
from placet.decisioning.state.aggregate import Aggregate, time_of
from placet.decisioning.state.fold import KEYS

_KEY: Final = re.compile(KEY, re.ASCII)
_BETWEEN: Final = re.compile(r"[\s()./-]", re.ASCII)
_FORMS: Final = {
    "msisdn": "write the number with its country code, such as msisdn:+4915112345678 (E.164)",
    "email": "write email: and the 64 hexadecimal digits of the SHA-256 of the address, trimmed and in lower case",
    "device": "write device: and an id of letters, digits and '_.:-'",
}
_SHOWN: Final = 4


def normalised(text: str) -> str:
    """Return a key that a person wrote in its standard form.

    A number may have spaces and dashes in it and 00 for +. A number without its country code is refused, since the
    country would be a guess; so is an address that is not hashed, since addresses are kept nowhere.

    Raises:
        ValueError: it is no key; the line says what to write, and does not repeat an address.
    """
    kind, _, value = text.strip().partition(":")
    kind, value = kind.strip().lower(), value.strip()
    if "@" in text:
        raise ValueError(f"an e-mail address is kept nowhere; {_FORMS['email']}")
    if kind not in _FORMS:
        kinds = ", ".join(f"{one}:" for one in get_args(KeyKind))
        raise ValueError(f"{shortened(repr(text), NAME)} is no key: it begins with one of {kinds}")
    if kind == "msisdn":
        value = _BETWEEN.sub("", value)
        value = f"+{value[2:]}" if value.startswith("00") else value
    elif kind == "email":
        value = value.lower()
    key = f"{kind}:{value}"
    if not _KEY.fullmatch(key):
        raise ValueError(f"{shortened(repr(text), NAME)} is no key: {_FORMS[kind]}")
    return key


def masked(key: str) -> str:
    """Return a key so that whoever knows it recognises it, and nobody can use it: `msisdn:+49…78`."""
    kind, _, value = key.partition(":")
    if kind == "msisdn":
        return f"{kind}:{value[:3]}…{value[-2:]}"
    return f"{kind}:…{value[-_SHOWN:]}" if len(value) > 2 * _SHOWN else f"{kind}:…"


def keys_of(customer_id: str, aggregate: Aggregate) -> tuple[KeyWord, ...]:
    """Return the newest word on each key of a customer, by key."""
    return tuple(sorted(_words(customer_id, aggregate), key=lambda word: word.key))


def _words(customer_id: str, aggregate: Aggregate) -> Iterator[KeyWord]:
    for kind in get_args(KeyKind):
        said: dict[str, Any]
        for key, (at, said) in aggregate.topics.get(f"{KEYS}{kind}", {}).items():
            yield KeyWord(
                key=key,
                customer_id=customer_id,
                held=said["held"],
                at=time_of(at[0]),
                since=None if said["since"] is None else time_of(said["since"]),
                source=at[1],
                said_by=said["by"],
            )
