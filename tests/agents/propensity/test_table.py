"""Files that are no table: one line each, and nothing else raised."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.propensity.table import read_table
from placet.errors import UsageError
from tests.agents.propensity.support import csv, rows

GOOD = csv(rows(20))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as a table"),
        (GOOD + b"\xe2\x82", "invalid utf-8"),
        (GOOD + b"a,b,c,d,e,f,g,h\n", "more fields"),
        (GOOD + b'"abc,', "cannot be read as a table"),
        (GOOD.splitlines()[0] + b"\n", "has no rows"),
        (b"PAR1....", "is a Parquet file; write it as CSV"),
    ],
)
def test_what_is_no_table_is_one_line(content: bytes, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_table(content, "table 't'", ",")
    assert str(refused.value).startswith("table 't' ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(GOOD) - 1), new=st.binary(max_size=4))
def test_no_damage_raises_anything_else(at: int, new: bytes) -> None:
    try:
        table = read_table(GOOD[:at] + new + GOOD[at + len(new) :], "the table", ",")
    except UsageError:
        return
    assert table.frame.height <= len(GOOD)
