"""The columns of a base in a file, and the check of rows that come from one.

What is computed relies on the bounds of columns: whole numbers of a file that are out of them could overflow. So a
frame of a file is checked before anything is asked of it. The day that the rows are as of is not in the file: it
follows from its header.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from datetime import date
from typing import Final

import polars as pl

from placet.contracts.base import CUSTOMER_FORM, DIGEST_FORM
from placet.contracts.events.about import AREA_CODE_FORM
from placet.contracts.money import CURRENCIES
from placet.decisioning.cohorts.cohort import SCHEMA
from placet.decisioning.cohorts.columns import BY_NAME, COLUMNS, TODAY, Column

_MEANING: Final = 1
"""Raise it where a column means something else than it did: files that were written before are refused then."""

_FORMS: Final = {"area_code": AREA_CODE_FORM, "churn_model": DIGEST_FORM}
"""Texts of any value that are no ids of a customer or a household, and how they are written."""

FILE_SCHEMA: Final[dict[str, type[pl.DataType]]] = {name: kind for name, kind in SCHEMA.items() if name != TODAY}
"""The columns of a file, in its order, and their types."""


def columns_digest() -> str:
    """Return the digest of all columns: a file with another one was written by another version."""
    told = [[one.name, one.kind, one.nullable, one.least, one.most, one.choices] for one in COLUMNS]
    return hashlib.sha256(json.dumps(["placet base", _MEANING, told]).encode()).hexdigest()


def frame_fault(frame: pl.DataFrame) -> str:
    """Return what is wrong with the rows of a file; empty where every value is one that its column may have."""
    parts = dict(_conditions(frame.columns))
    wrong = frame.select(part.sum().alias(name) for name, part in parts.items()).row(0) if parts else ()
    faults = [name for name, many in zip(parts, wrong, strict=True) if many]
    return f"values of {', '.join(faults[:3])} are none that there can be" if faults else ""


def _conditions(names: Collection[str]) -> Iterator[tuple[str, pl.Expr]]:
    """Yield for each column a condition that is true of a value that it may not have."""
    for name in names:
        bad = _bad(BY_NAME[name])
        if bad is not None:
            yield name, bad


def _bad(column: Column) -> pl.Expr | None:
    value = pl.col(column.name)
    bad: pl.Expr | None = None
    if column.kind == "integer":
        bad = ~value.is_between(column.least, column.most)
    elif column.kind == "date":
        bad = ~value.is_between(date.min, date.max)  # a file's may lie outside every calendar
    elif column.kind == "text":
        choices = CURRENCIES if column.name == "currency" else column.choices
        form = _FORMS.get(column.name, CUSTOMER_FORM)
        bad = ~(value.is_in(list(choices)) if choices else value.str.contains(form))
    if column.nullable:
        return bad
    return value.is_null() if bad is None else bad.fill_null(value=True)
