"""The effect's key as the other system shows it: whole, shortened, dropped, or another effect's."""

import re
from datetime import datetime, timedelta
from typing import Any, Literal

from placet.contracts.text import quoted

Mark = Literal["ours", "anothers", "none"]
"""`none`: no key that could be told apart from another is shown; too short a beginning of ours is none as well."""

_DIGITS = 64
_LEAST_DIGITS = 16
"""A shortened key must keep 64 bits: two of our effects never share that many."""

_SKEW = timedelta(minutes=5)
"""How far the other system's clock may be from ours before a record's time says nothing."""

_HEX = r"[0-9a-f]"


def find_mark(text: object, effect_key: str, prefix: str) -> Mark:
    """Find whose key `text` shows, when keys are written as `prefix` and the key.

    Letters may be of any case, with words around them.
    """
    if not isinstance(text, str):
        return "none"
    shown: set[str] = set(
        re.findall(rf"{re.escape(prefix)}({_HEX}{{{_LEAST_DIGITS},{_DIGITS}}})(?!{_HEX})", text.lower())
    )
    if any(effect_key.startswith(key) for key in shown):
        return "ours"
    # Without a prefix, only what is as long as a key is taken for one of ours: others number their orders in hex, too.
    whole = shown if prefix else {key for key in shown if len(key) == _DIGITS}
    return "anothers" if whole else "none"


def is_older(moment: object, sent_after: datetime | None) -> bool:
    """Return whether a record's RFC 3339 time is clearly before the first send; False where either is not known."""
    if sent_after is None or not isinstance(moment, str):
        return False
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return False
    return at.tzinfo is not None and at < sent_after - _SKEW


def shortened(text: Any) -> str:
    """Quote the other system's words for a line of ours: at most 40 characters, everything visible."""
    return "missing" if text is None else quoted(str(text), 40)
