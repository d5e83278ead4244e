"""Expressions and rows, drawn; and SQLite as a second opinion on what an expression says of a row."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from placet.contracts.state import CustomerState
from placet.decisioning.cohorts.columns import BY_NAME, TODAY
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.state.aggregate import Aggregate
from placet.decisioning.state.reading import state_as_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY_WAS = NOW.date()

INTEGERS = ("recharges_30d", "app_visits_7d", "nps", "csat", "recharge_late_percent", "billed_minor_90d")
BOOLEANS = ("has_tv", "consent_marketing", "simulated")
TEXTS = ("place", "currency", "last_contact_channel")
DATES = ("last_contact_on", "last_event_on")
NAMES = (*INTEGERS, *BOOLEANS, *TEXTS, *DATES)
WORDS = ("EUR", "USD", "home", "sms", "a_b", "100%", "o'clock", "", "UsD")


class Pair(NamedTuple):
    """An expression of ours, and the same in SQLite's words."""

    ours: str
    theirs: str


def _both(text: str) -> Pair:
    return Pair(text, text)


def _values(name: str) -> st.SearchStrategy[Any]:
    column = BY_NAME[name]
    known: st.SearchStrategy[Any]
    if column.kind == "integer":
        near = st.integers(max(column.least, -3), min(column.most, 12))
        known = near | st.integers(column.least, column.most)
    elif column.kind == "boolean":
        known = st.booleans()
    elif column.kind == "text":
        known = st.sampled_from(column.choices or WORDS)
    else:
        known = st.dates(TODAY_WAS - timedelta(days=9), TODAY_WAS)
    return st.none() | known if column.nullable else known


def empty_state(customer_id: str = "C1") -> CustomerState:
    """Return the state of somebody of whom nothing is known."""
    return state_as_of(customer_id, Aggregate(), 0, NOW)


ROWS: st.SearchStrategy[Row] = st.fixed_dictionaries({name: _values(name) for name in NAMES}).map(
    lambda drawn: {**row_of(empty_state(), None), **drawn}
)


def _number() -> st.SearchStrategy[Pair]:
    leaf = st.sampled_from(INTEGERS).map(_both) | st.integers(-3, 12).map(lambda one: _both(f"({one})"))
    sums = st.tuples(leaf, st.sampled_from("+-*"), leaf).map(
        lambda drawn: _both(f"({drawn[0].ours} {drawn[1]} {drawn[2].ours})")
    )
    parts = st.tuples(leaf, st.sampled_from(INTEGERS)).map(
        lambda drawn: Pair(f"({drawn[0].ours} / {drawn[1]})", f"(CAST({drawn[0].ours} AS REAL) / {drawn[1]})")
    )
    other = leaf.map(lambda one: _both(f"ABS({one.ours})")) | leaf.map(lambda one: _both(f"COALESCE({one.ours}, 5)"))
    return leaf | sums | parts | other


def _day() -> st.SearchStrategy[Pair]:
    days = st.integers(-9, 9)
    today = days.map(
        lambda by: Pair(f"CURRENT_DATE + ({by})" if by < 0 else f"CURRENT_DATE + {by}", _quoted(TODAY_WAS, by))
    )
    written = days.map(lambda by: Pair(f"DATE {_quoted(TODAY_WAS, by)}", _quoted(TODAY_WAS, by)))
    return st.sampled_from(DATES).map(_both) | today | written


def _quoted(day: date, by: int) -> str:
    return f"'{(day + timedelta(days=by)).isoformat()}'"


def _compared(sides: st.SearchStrategy[Pair], operators: Sequence[str]) -> st.SearchStrategy[Pair]:
    return st.tuples(sides, st.sampled_from(operators), sides).map(
        lambda drawn: Pair(
            f"{drawn[0].ours} {drawn[1]} {drawn[2].ours}", f"{drawn[0].theirs} {drawn[1]} {drawn[2].theirs}"
        )
    )


def _text(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


ORDERED = ("=", "<>", "<", "<=", ">", ">=")
_LIST = st.lists(st.integers(0, 10), min_size=1, max_size=4).map(lambda drawn: ", ".join(map(str, drawn)))
_ATOMS = (
    _compared(_number(), ORDERED)
    | _compared(_day(), ORDERED)
    | st.sampled_from(BOOLEANS).map(_both)
    | st.tuples(st.sampled_from(["nps", "csat"]), _LIST).map(lambda drawn: _both(f"{drawn[0]} IN ({drawn[1]})"))
    | st.tuples(st.sampled_from(INTEGERS), st.integers(-3, 9), st.integers(-3, 9)).map(
        lambda drawn: _both(f"{drawn[0]} BETWEEN {drawn[1]} AND {drawn[2]}")
    )
    | st.sampled_from(BY_NAME["place"].choices).map(lambda one: _both(f"place = '{one}'"))
    | st.sampled_from(WORDS).map(lambda one: _both(f"currency <> {_text(one)}"))
    | st.tuples(st.sampled_from(["place", "currency"]), st.text("homeUS%_'", max_size=4)).map(
        lambda drawn: _both(f"{drawn[0]} LIKE {_text(drawn[1])}")
    )
    | st.sampled_from(NAMES).map(lambda one: _both(f"{one} IS NULL"))
)
EXPRESSIONS: st.SearchStrategy[Pair] = st.recursive(
    _ATOMS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
            lambda drawn: Pair(
                f"({drawn[0].ours}) {drawn[1]} ({drawn[2].ours})", f"({drawn[0].theirs}) {drawn[1]} ({drawn[2].theirs})"
            )
        )
        | inner.map(lambda one: Pair(f"NOT ({one.ours})", f"NOT ({one.theirs})"))
        | st.tuples(inner, st.sampled_from(["IS NOT NULL", "IS TRUE", "IS FALSE"])).map(
            lambda drawn: Pair(f"({drawn[0].ours}) {drawn[1]}", f"({drawn[0].theirs}) {drawn[1]}")
        )
    ),
    max_leaves=6,
)


def sqlite_says(expression: str, rows: Sequence[Row]) -> list[bool | None]:
    """Return what SQLite answers for each row."""
    names = [TODAY, *BY_NAME]
    with sqlite3.connect(":memory:") as connection:
        connection.execute("PRAGMA case_sensitive_like = ON")
        connection.execute(f"CREATE TABLE base ({', '.join(names)})")
        marks = ", ".join("?" * len(names))
        values = [[one.isoformat() if isinstance(one, date) else one for one in map(row.get, names)] for row in rows]
        connection.executemany(f"INSERT INTO base VALUES ({marks})", values)  # noqa: S608 - our own names
        answers = [answer for (answer,) in connection.execute(f"SELECT ({expression}) FROM base ORDER BY rowid")]  # noqa: S608
    return [None if one is None else bool(one) for one in answers]
