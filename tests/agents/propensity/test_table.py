"""Files that are no table: one line each, and nothing else raised."""

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.propensity.table import read_table
from placet.errors import UsageError
from tests.agents.propensity.support import csv, rows

GOOD = csv(rows(20))
# The time in a gzip header would make it another file, and so another test, in each process that collects this one.
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as a table"),
        (GOOD + b"\xe2\x82", "line 22 is not UTF-8; write it as CSV in UTF-8"),
        (b"\xe9" + GOOD, "line 1 is not UTF-8; write it as CSV in UTF-8"),
        (GOOD + b"a,b,c,d,e,f,g,h\n", "line 22 has 8 cells, but the line of names has 7; put a cell that holds ','"),
        (
            b"id;price\n1;2,5\n",
            "line 2 has 2 cells, but the line of names has 1; if its cells are separated so, say separator",
        ),
        (GOOD + b'"abc,', "cannot be read as a table"),
        (GOOD.splitlines()[0] + b"\n", "has no rows"),
        (b"PAR1....", "is a Parquet file; write it as CSV"),
        (PACKED, "is compressed (gzip); write it as CSV"),
        (b"\n" + PACKED, "is compressed (gzip); write it as CSV"),
        (zlib.compress(GOOD), "is compressed (zlib); write it as CSV"),
        (zlib.compress(GOOD, 1), "is compressed (zlib); write it as CSV"),
        (zlib.compress(GOOD, 3), "is compressed (zlib); write it as CSV"),
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
def test_damage_raises_nothing_else_and_changes_no_other_cell(at: int, new: bytes) -> None:
    """What marks no cell's end changes the cells that it lies in, and none besides."""
    damaged = GOOD[:at] + new + GOOD[at + len(new) :]
    try:
        table = read_table(damaged, "the table", ",")
    except UsageError:
        return
    assert table.frame.height <= damaged.count(b"\n")
    if not set(new + GOOD[at : at + len(new)]) & set(b'",\r\n'):
        written = [line.split(",") for line in damaged.decode("utf-8-sig").split("\n") if line]
        assert [table.frame.columns, *map(list, table.frame.fill_null("").rows())] == written


@pytest.mark.parametrize(
    "content",
    [b"id,gone,months,gone\n1,n,3,y\n", b'id,"gone",gone\n1,n,y\n', b"\r\n\nid,gone,gone\n1,n,y\n"],
)
def test_a_column_that_is_there_twice_is_named(content: bytes) -> None:
    with pytest.raises(UsageError, match="the table has two columns 'gone'; rename one of them"):
        read_table(content, "the table", ",")


def test_columns_without_a_name_and_names_that_only_look_alike_are_no_fault() -> None:
    assert read_table(b"\nid,a,a_duplicated_0,,\n1,2,3,,\n", "the table", ",").column("a", "a").to_list() == ["2"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (14, "it has c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 and 2 more"),
        (2, "it has c0, c1"),
    ],
)
def test_columns_that_an_error_does_not_name_are_counted(columns: int, said: str) -> None:
    content = ",".join(f"c{number}" for number in range(columns)) + "\n" + "," * (columns - 1) + "\n"
    with pytest.raises(UsageError) as refused:
        read_table(content.encode(), "the table", ",").column("months", "a feature")
    assert str(refused.value) == f"the table has no column 'months', which is a feature; {said}"


@pytest.mark.parametrize(("between", "written"), [(";", ";"), ("\t", r"\t"), ("|", "|")])
def test_of_another_separator_the_mapping_is_named(between: str, written: str) -> None:
    table = read_table(GOOD.replace(b",", between.encode()), "the table", ",")
    with pytest.raises(UsageError) as refused:
        table.column("id", "the customer's id")
    assert str(refused.value).endswith(f'so, say separator = "{written}" in the mapping that trains, or write it anew')
    assert read_table(GOOD.replace(b",", between.encode()), "the table", between).column("id", "it").len() == 20


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"id,a\n1,2\n3,4\n", [2, 3]),
        (b"\r\n\r\nid,a\r\n1,2\r\n\r\n3,4", [4, 5, 6]),
        (b'id,a\n1,"2"\n3,4\n', [2, 3]),
        (b'\n"id","a"\n1,"2\n\n5"\n3,4\n\n5,"6\n"\n7,8', [3, 6, 7, 8, 10]),
    ],
)
def test_a_row_has_the_line_in_which_an_editor_shows_it(content: bytes, lines: list[int]) -> None:
    table = read_table(content, "the table", ",")
    assert list(table.lines) == lines
    assert table.frame.height == len(lines)
