"""Conditions out of lists: a named segment, or a column with a value, put to what a condition says already."""

import re
from collections.abc import Iterator
from typing import Final

from placet.contracts.strategies.findings import Finding
from placet.contracts.text import NAME, WORDS, one_line, quoted
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.columns import COLUMNS, Column
from placet.decisioning.cohorts.segments import library
from placet.errors import ExpressionFault, UsageError
from placet.interfaces.console.views.strategy_form.shown import AROUND, name_of
from placet.interfaces.console.views.strategy_form.tree import Tree, put, value_at

COMPARED: Final = (
    ("=", "is"),
    ("<>", "is not"),
    (">=", "is at least"),
    ("<=", "is at most"),
    (">", "is more than"),
    ("<", "is less than"),
    ("yes", "is so (yes)"),
    ("no", "is not so (no)"),
    ("known", "is known"),
    ("unknown", "is not known"),
)
"""How a column is compared, by what a condition says."""
_WITHOUT_VALUE: Final = {"yes": "{0}", "no": "NOT {0}", "known": "{0} IS NOT NULL", "unknown": "{0} IS NULL"}
_FIGURE: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EITHER: Final = re.compile(r"\bor\b", re.IGNORECASE)


def targets(tree: Tree) -> tuple[tuple[str, str], ...]:
    """Return each condition of a form: its path, and what the page calls it."""
    return ("cohort", "For whom"), *_rules(tree)


def _rules(tree: Tree) -> Iterator[tuple[str, str]]:
    for number, treatment in enumerate(tree["treatments"]):
        for stage in ("eligible", "applicable", "suitable", "because"):
            for place in range(len(treatment[stage])):
                path = f"treatments.{number}.{stage}.{place}.when"
                yield path, name_of(path)


def faults_of(tree: Tree) -> Iterator[Finding]:
    """Yield what is wrong with each condition by itself: the check asks it only where all values can be read."""
    for path, _ in targets(tree):
        condition = value_at(tree, path)
        try:
            if condition.strip():
                cohort_of(condition)
        except ExpressionFault as fault:
            at = fault.at + len(condition) - len(condition.lstrip())
            near = f" (at {quoted(condition[at:], AROUND)})" if at else ""
            yield Finding(severity="error", line=0, column=0, where=path, said=one_line(f"{fault.said}{near}", WORDS))


def with_segment(tree: Tree, target: str, segment: str) -> None:
    """Put a named segment to a condition of the form.

    Raises:
        UsageError: there is no such segment, or no such condition.
    """
    found = next((one for one in library() if one.segment.name == segment and one.cohort is not None), None)
    if found is None:
        raise UsageError("Segment: choose one from the list", code="malformed")
    _add(tree, target, found.segment.expression)


def with_column(tree: Tree, target: str, name: str, compared: str, value: str) -> None:
    """Put a comparison of a column to a condition of the form.

    Raises:
        UsageError: there is no such column, or no such condition, or the column cannot be compared so.
    """
    column = next((one for one in COLUMNS if one.name == name), None)
    if column is None:
        raise UsageError("What is known of a customer: choose it from the list", code="malformed")
    if compared not in dict(COMPARED):
        raise UsageError("Compared: choose it from the list", code="malformed")
    condition = _compared(column, compared, value)
    cohort_of(condition)  # what means nothing is not put in
    _add(tree, target, condition)


def _compared(column: Column, compared: str, value: str) -> str:
    flag = column.kind == "boolean"
    if compared in ("yes", "no") and not flag:
        raise UsageError(f"{column.about.capitalize()}: compare it with a value; it is no yes or no", code="malformed")
    if compared in _WITHOUT_VALUE:
        return _WITHOUT_VALUE[compared].format(column.name)
    if flag:
        raise UsageError(f"{column.about.capitalize()}: choose 'is so' or 'is not so' for it", code="malformed")
    return f"{column.name} {compared} {_literal(column, value)}"


def _literal(column: Column, value: str) -> str:
    shown = repr(one_line(value, NAME))
    if column.kind == "text":
        if column.choices and value not in column.choices:
            raise UsageError(f"Value: {shown}: write one of {', '.join(map(str, column.choices))}", code="malformed")
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    if column.kind == "date":
        if not _DAY.fullmatch(value):
            raise UsageError(f"Value: {shown}: write a day, such as 2026-12-01", code="malformed")
        return f"DATE '{value}'"
    if not _FIGURE.fullmatch(value):
        raise UsageError(f"Value: {shown}: write a number, such as 30", code="malformed")
    return value


def _add(tree: Tree, target: str, condition: str) -> None:
    before = value_at(tree, target)
    if target not in dict(targets(tree)) or not isinstance(before, str):
        raise UsageError("Put it into: choose a condition of this form", code="malformed")
    both = [one for one in (before.strip(), condition) if one]
    if len(both) > 1:
        both = [f"({one})" if _EITHER.search(one) else one for one in both]
    put(tree, target, " AND ".join(both))
