"""What an expression means: what SQLite says it means, for one row and for many alike."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from placet.decisioning.cohorts import constancy
from placet.decisioning.cohorts.checking import Checker
from placet.decisioning.cohorts.cohort import cohort_of, frame_of
from placet.decisioning.cohorts.columns import COLUMNS
from placet.decisioning.cohorts.compiling import compiled, like_pattern
from placet.decisioning.cohorts.constancy import constant_part, possible_together
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.cohorts.parsing import parse
from placet.decisioning.cohorts.tree import Node, written
from placet.errors import UsageError
from tests.unit.cohorts.drawing import EXPRESSIONS, ROWS, TODAY_WAS, Pair, empty_state, sqlite_says


def checked(text: str) -> Node:
    """Check an expression, or leave the example out where it is none: types and ranges are other tests' matter."""
    try:
        return Checker(text).check(parse(text))
    except UsageError as refused:
        assume("at most" not in str(refused) and "64 bits" not in str(refused) and "no column:" not in str(refused))
        raise


@given(EXPRESSIONS, st.lists(ROWS, min_size=1, max_size=8))
def test_it_means_what_sqlite_says_it_means(drawn: Pair, rows: list[Row]) -> None:
    condition = compiled(checked(drawn.ours))
    assert frame_of(rows).with_columns(is_=condition)["is_"].to_list() == sqlite_says(drawn.theirs, rows)


@given(EXPRESSIONS, st.lists(ROWS, min_size=1, max_size=8))
def test_one_row_has_the_answer_that_it_has_among_others(drawn: Pair, rows: list[Row]) -> None:
    checked(drawn.ours)
    try:
        cohort = cohort_of(drawn.ours)
    except UsageError:
        assume(False)
        raise
    assert cohort.members(frame_of(rows)).to_list() == [cohort.has(row) for row in rows]
    assert cohort_of(cohort.written).digest == cohort.digest


@given(EXPRESSIONS, st.lists(ROWS, min_size=8, max_size=8))
def test_what_is_called_always_true_or_never_is_so_for_every_row(drawn: Pair, rows: list[Row]) -> None:
    found = constant_part(checked(drawn.ours))
    assume(found is not None)
    assert found is not None
    part, always = found
    answers = frame_of(rows).with_columns(is_=compiled(part))["is_"].to_list()
    assert set(answers) <= ({True} if always else {False, None}), written(part)


@given(EXPRESSIONS, EXPRESSIONS, st.lists(ROWS, min_size=8, max_size=8), st.sampled_from([1, 20_000, 10**9]))
def test_what_is_called_impossible_together_is_so_for_every_row(
    one: Pair, other: Pair, rows: list[Row], most_work: int
) -> None:
    frame = frame_of(rows)
    first, second = (
        frame.with_columns(is_=compiled(checked(each.ours)))["is_"].fill_null(value=False) for each in (one, other)
    )
    if not possible_together([checked(one.ours), checked(other.ours)], most_work=most_work):
        assert not (first & second).any()
    if not possible_together([checked(one.ours)], [checked(other.ours)], most_work=most_work):
        assert not (first & ~second).any()


@given(
    st.sampled_from([column.name for column in COLUMNS if column.kind == "integer"]),
    st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
    st.integers(-(10**15), 10**15) | st.integers(-3, 3) | st.sampled_from([100, 101]),
)
def test_a_number_compared_with_a_written_one_is_answered_as_the_engine_does(name: str, sign: str, value: int) -> None:
    node = checked(f"{name} {sign} {value}")
    assert constancy._of_one_number(node) in (constancy._answer_of(node), None)


def row(**values: object) -> Row:
    return {**row_of(empty_state(), None), **values}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("expression", "values", "answer"),
    [
        ("nps > 5", {}, None),
        ("NOT (nps > 5)", {}, None),
        ("nps > 5 OR recharges_30d = 0", {}, True),
        ("nps > 5 AND recharges_30d > 0", {}, False),
        ("nps IN (1, 2)", {}, None),
        ("nps NOT IN (1, 2)", {"nps": 3}, True),
        ("nps NOT BETWEEN 3 AND 5", {"nps": 5}, False),
        ("billed_minor_30d / bills_issued_30d > 0", {"billed_minor_30d": 5}, None),
        ("NOT (billed_minor_30d / bills_issued_30d > 0)", {"billed_minor_30d": 5}, None),
        ("billed_minor_30d / bills_issued_30d = 2.5", {"billed_minor_30d": 5, "bills_issued_30d": 2}, True),
        ("last_contact_on < CURRENT_DATE - INTERVAL '7' DAY", {"last_contact_on": TODAY_WAS - timedelta(8)}, True),
        ("last_contact_on < CURRENT_DATE - 7", {"last_contact_on": TODAY_WAS - timedelta(7)}, False),
        ("last_contact_on >= CURRENT_DATE - INTERVAL '2 weeks'", {"last_contact_on": TODAY_WAS - timedelta(14)}, True),
        ("CURRENT_DATE - last_contact_on = 3", {"last_contact_on": TODAY_WAS - timedelta(3)}, True),
        ("last_contact_on = '2026-03-01'", {"last_contact_on": TODAY_WAS}, True),
        ("household_id LIKE 'H_0%'", {"household_id": "H10\n5"}, True),
        ("household_id LIKE 'h%'", {"household_id": "H1"}, False),
        ("household_id ILIKE 'h%'", {"household_id": "H1"}, True),
        ("household_id LIKE '%.%'", {"household_id": "H1"}, False),
        ("household_id LIKE 'ä_'", {"household_id": "äß"}, True),
        ("customer_id = 'C1'", {}, True),
        ("HAS_TV = FALSE", {}, True),
        ("-nps < -3", {"nps": 4}, True),
        ("(nps > 5) IS NULL", {}, True),
        ("consent_marketing IS NOT TRUE", {}, True),
    ],
)
def test_null_division_dates_and_patterns(expression: str, values: dict[str, object], answer: bool | None) -> None:
    assert cohort_of(expression).has(row(**values)) is answer


@pytest.mark.parametrize("expression", ["0 = recharges_30d / recharges_30d", "recharges_30d / recharges_30d = 0"])
def test_a_quotient_that_is_unknown_in_all_rows_is_answered_once_for_each(expression: str) -> None:
    cohort, rows = cohort_of(expression), [row(), row()]
    assert cohort.members(frame_of(rows)).to_list() == [None, None] == [cohort.has(one) for one in rows]
    assert frame_of(rows).select(compiled(checked(expression))).height == len(rows)
    assert cohort.members(frame_of(rows[:0])).to_list() == []


def test_moved_dates_may_be_further_apart_than_any_dates_that_can_be_written() -> None:
    moved = "(" * 20 + "CURRENT_DATE" + " + 100000)" * 20
    cohort = cohort_of(f"({moved} - last_event_on) - 2000000 + 1000 > 0")
    assert cohort.has(row(last_event_on=TODAY_WAS)) is True
    moved = "CURRENT_DATE" + " + 100000" * 41
    assert cohort_of(f"({moved}) - last_event_on > 4000000").has(row(last_event_on=TODAY_WAS)) is True


@pytest.mark.parametrize("expression", ["COALESCE(nps, 5) > 0", "0 < COALESCE(nps, csat, 5)", "0 = COALESCE(nps, 5)"])
def test_each_row_has_an_answer_also_where_a_column_is_unknown_in_all(expression: str) -> None:
    cohort, one = cohort_of(expression), row()
    answers = cohort.members(frame_of([one, one, one])).to_list()
    assert answers == [cohort.has(one)] * 3 == [">" in expression or "<" in expression] * 3


def test_every_pattern_character_stands_for_itself() -> None:
    every = "".join(map(chr, [*range(1, 128), 0xE4, 0x1F600])).replace("%", "").replace("_", "")
    found = pl.Series([every, every + "x", "x" + every]).str.contains(like_pattern(every, folded=False))
    assert found.to_list() == [True, False, False]


def test_the_largest_amounts_do_not_overflow() -> None:
    most = {"billed_minor_30d": 10**12, "data_mb_30d": 10**9, "voice_seconds_30d": 10**9}
    assert cohort_of("data_mb_30d * voice_seconds_30d = 1000000000 * 1000000000").has(row(**most)) is True
    assert cohort_of("billed_minor_30d * 1000000 > billed_minor_30d").has(row(**most)) is True
    assert cohort_of("ABS(0 - billed_minor_30d) * 9223372 > 1").has(row(**most)) is True
    with pytest.raises(UsageError, match="64 bits"):
        cohort_of("billed_minor_30d * 9223373 > 1")
