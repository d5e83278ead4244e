"""Facts that somebody supposes of a customer, to ask what would be done then. What is supposed is never kept."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from placet.contracts.text import NAME, WORDS, shortened
from placet.decisioning.cohorts.columns import BY_NAME, Column, similar
from placet.decisioning.cohorts.flattening import Row, Value
from placet.errors import UsageError

MOST_FACTS: Final = 20
"""Facts that are supposed at once."""
FIXED: Final = frozenset({"customer_id", "events", "simulated", "household_id", "churn_model", "area_code"})
"""What nobody supposes: who the customer is, by which they were drawn, and what their state stands on."""
UNKNOWN: Final = ("null", "unknown")
"""How a fact is written that nothing is known of."""

_FACT: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,63})\s*(?:=|\bis\b)\s*(.+?)\s*", re.ASCII | re.IGNORECASE)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_SAYS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "false": False, "no": False}


def said_in(text: str) -> tuple[str, str]:
    """Return the name and the value of what somebody wrote, such as `products = 2`.

    Raises:
        UsageError: code `malformed`; it is no such thing.
    """
    found = _FACT.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{shortened(repr(text), WORDS)} supposes nothing; write it as: products = 2", code="malformed"
        )
    return found[1].lower(), found[2]


def supposed_of(texts: Sequence[str]) -> Row:
    """Return the facts of what somebody wrote, one in each text.

    Raises:
        UsageError: code `malformed`; as `fact_of`, or one is supposed twice, or there are too many.
    """
    facts: Row = {}
    for name, value in map(said_in, texts):
        if name in facts:
            raise UsageError(f"{name} is supposed twice; leave one of them out", code="malformed")
        facts[name] = fact_of(name, value)
    return within_bounds(facts)


def within_bounds(facts: Row) -> Row:
    """Return facts, if there are not too many.

    Raises:
        UsageError: code `malformed`; there are.
    """
    if len(facts) > MOST_FACTS:
        raise UsageError(f"{len(facts)} facts are supposed, and at most {MOST_FACTS} may be at once", code="malformed")
    return facts


def fact_of(name: str, value: object) -> Value:
    """Return the value of a fact, as its column has it.

    Args:
        name: The column, as in docs/cohorts.md.
        value: A text as people write it, or a value as JSON has it; None: nothing is known of it.

    Raises:
        UsageError: code `malformed`; there is no such column, it is not to be supposed, or it cannot have this value.
    """
    column = BY_NAME.get(name)
    if column is None:
        near = similar(name)
        hint = f"; did you mean {near}?" if near else "; `placet cohort columns` lists what is known of a customer"
        raise UsageError(f"{shortened(repr(name), NAME)} is no fact about a customer{hint}", code="malformed")
    if name in FIXED:
        raise UsageError(f"{name} cannot be supposed: it says who is asked about, or by what", code="malformed")
    if value is None or (isinstance(value, str) and value.lower() in UNKNOWN):
        if column.nullable:
            return None
        raise UsageError(f"{name} is always known of a customer; suppose a value", code="malformed")
    found = _READ[column.kind](column, value)
    if found is None:
        raise UsageError(
            f"{name} cannot be {shortened(repr(value), NAME)}: it is {_takes(column)}"
            f"{', or unknown' if column.nullable else ''}",
            code="malformed",
        )
    return found


def with_facts(row: Row, facts: Mapping[str, Value]) -> Row:
    """Return a customer's row as it were if the facts held; nothing else follows from them."""
    return {**row, **facts}


def _integer(column: Column, value: object) -> Value:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if column.least <= value <= column.most else None


def _boolean(_column: Column, value: object) -> Value:
    if isinstance(value, str):
        return _SAYS.get(value.lower())
    return value if isinstance(value, bool) else None


def _text(column: Column, value: object) -> Value:
    if not isinstance(value, str):
        return None
    bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value
    return bare if (bare in column.choices if column.choices else 0 < len(bare) <= NAME) else None


def _date(_column: Column, value: object) -> Value:
    if not isinstance(value, str):
        return None
    bare = re.sub(r"^date\s+", "", value, flags=re.IGNORECASE).strip("'")
    try:
        return date.fromisoformat(bare)
    except ValueError:
        return None


_READ: Final = {"integer": _integer, "boolean": _boolean, "text": _text, "date": _date}


def _takes(column: Column) -> str:
    if column.kind == "integer":
        return f"a whole number from {column.least:,} to {column.most:,}"
    if column.kind == "boolean":
        return "true or false"
    if column.kind == "date":
        return "a day such as 2026-03-01"
    return f"one of {', '.join(column.choices)}" if column.choices else "a word"
