"""JSON that anybody may have written: files that an auditor is handed, and columns of our own tables."""

import json
from collections.abc import Callable
from typing import Any, Final

MOST_DEPTH: Final = 100
"""How deep a document may nest: far deeper than ours, far less than what ends a reader that follows it."""


def read_json(text: str | bytes, *, once_each: bool = False, number: Callable[[str], int | float] = int) -> Any:
    """Read a JSON document.

    Args:
        text: The document.
        once_each: Refuse a name that stands twice in one object: another reader would take the other one of the two.
        number: What becomes of a whole number's digits.

    Raises:
        ValueError: it is no JSON, nests deeper than `MOST_DEPTH`, or holds a number beyond all measure.
    """
    try:
        value = json.loads(text, parse_int=number, object_pairs_hook=_once_each if once_each else None)
        opened = text.count("{") + text.count("[") if isinstance(text, str) else text.count(b"{") + text.count(b"[")
        if opened > MOST_DEPTH and isinstance(value, dict | list) and _is_deeper(value):
            raise ValueError(f"it nests deeper than {MOST_DEPTH} levels")
    except RecursionError as error:
        raise ValueError(f"it nests deeper than {MOST_DEPTH} levels") from error
    except OverflowError as error:
        raise ValueError("it holds a number that is too large") from error
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _is_deeper(value: dict[str, Any] | list[Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in level if isinstance(inner, dict | list)]
        if not level:
            return False
    return True
