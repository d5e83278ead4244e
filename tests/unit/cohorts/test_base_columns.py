"""Rows of a file are checked: whatever a column may have passes, and nothing else."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.money import CURRENCIES
from placet.decisioning.cohorts.base_columns import FILE_SCHEMA, columns_digest, frame_fault
from placet.decisioning.cohorts.cohort import frame_of
from placet.decisioning.cohorts.columns import BY_NAME, Column
from placet.decisioning.cohorts.flattening import Value, row_of
from tests.unit.cohorts.drawing import empty_state

EMPTY = {**row_of(empty_state(), None), "household_members": None}
COLUMNS = st.sampled_from([BY_NAME[name] for name in FILE_SCHEMA])


_WRITTEN = {"area_code": ("SW1A 1AA", "06/75", "Z" * 32), "churn_model": ("0" * 64, "5c96026a" * 8)}


def _may_be(column: Column) -> st.SearchStrategy[Any]:
    values: st.SearchStrategy[Any]
    if column.kind == "integer":
        values = st.integers(column.least, column.most) | st.sampled_from((column.least, column.most))
    elif column.kind == "boolean":
        values = st.booleans()
    elif column.kind == "date":
        values = st.dates()
    else:
        choices = CURRENCIES if column.name == "currency" else column.choices
        values = st.sampled_from(choices or _WRITTEN.get(column.name, ("C1", "a:b", "Z" * 64)))
    return st.none() | values if column.nullable else values


def _may_not_be(column: Column) -> st.SearchStrategy[Any]:
    wrong: st.SearchStrategy[Any] = st.nothing()
    if column.kind == "integer":
        wrong = st.integers(-(2**63), column.least - 1) | st.integers(column.most + 1, 2**63 - 1)
    elif column.kind == "text":
        wrong = st.sampled_from(("", " ", "C1\n", "\u202eC1", "Z" * 65, "<b>", "-C1"))
        if column.choices or column.name == "currency":
            wrong |= st.sampled_from(("usd", "Home"))
    return wrong if column.nullable else wrong | st.none()


def _fault(column: Column, *values: Value) -> str:
    return frame_fault(frame_of([{**EMPTY, column.name: value} for value in values], FILE_SCHEMA))


@given(data=st.data(), column=COLUMNS)
def test_what_a_column_may_have_passes_and_nothing_else(data: st.DataObject, column: Column) -> None:
    good = data.draw(_may_be(column))
    assert _fault(column, good) == ""
    wrong = _may_not_be(column)
    if wrong.is_empty:
        return
    bad = data.draw(wrong)
    assert _fault(column, good, bad, good) == f"values of {column.name} are none that there can be"


def test_an_empty_row_passes_and_a_frame_of_few_columns_or_none() -> None:
    frame = frame_of([EMPTY], FILE_SCHEMA)
    assert frame_fault(frame) == "" == frame_fault(frame.clear()) == frame_fault(frame.select("nps"))
    assert frame_fault(pl.DataFrame()) == ""
    three = frame.with_columns(pl.lit(99).cast(pl.Int64).alias(name) for name in ("nps", "csat", "devices", "products"))
    assert frame_fault(three) == "values of nps, csat, devices are none that there can be"


def test_the_digest_is_that_of_these_columns() -> None:
    """Where it changes, files that were written before are refused: raise `_MEANING` where only a meaning changed."""
    assert columns_digest() == "4223545605d4594d3e356616e00d9ac90909b28bff1ec6215d6a0ecb0c849a72"
