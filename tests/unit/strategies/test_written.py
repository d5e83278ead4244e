"""Values as people write them: kept exactly, written back as they were meant, refused where they mean nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from placet.contracts.strategies.written import (
    BY_HAND,
    Margin,
    QuietHours,
    Share,
    WrittenHours,
    WrittenMargin,
    share_in_words,
)

SHARE, MARGIN, HOURS = TypeAdapter(Share), TypeAdapter(WrittenMargin), TypeAdapter(WrittenHours)


@given(st.integers(0, 10_000))
def test_a_share_is_read_back_as_it_is_written(share: int) -> None:
    assert SHARE.validate_python(share_in_words(share), context=BY_HAND) == share


@given(st.integers(1, 10_000), st.sampled_from(["points", "percent"]))
def test_a_margin_is_read_back_as_it_is_written(hundredths: int, unit: str) -> None:
    margin = Margin.model_validate({"hundredths": hundredths, "unit": unit})
    assert MARGIN.validate_python(str(margin), context=BY_HAND) == margin


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_hours_are_read_back_as_they_are_written(begin: int, end: int) -> None:
    if begin == end:
        with pytest.raises(ValidationError):
            QuietHours(from_minute=begin, to_minute=end)
        return
    hours = QuietHours(from_minute=begin, to_minute=end)
    assert HOURS.validate_python(str(hours), context=BY_HAND) == hours


@pytest.mark.parametrize(
    "bad", ["10", "10 percent", "-1 %", "1e1 %", "\u0661\u0660 %", "10,5 %", "100.01 %", " %", 10, 0.1, None]
)
def test_what_is_no_share_is_refused(bad: object) -> None:
    with pytest.raises(ValidationError):
        SHARE.validate_python(bad, context=BY_HAND)


@pytest.mark.parametrize("bad", ["0 %", "0 points", "101 points", "5", "5 point s", 5])
def test_what_is_no_margin_is_refused(bad: object) -> None:
    with pytest.raises(ValidationError):
        MARGIN.validate_python(bad, context=BY_HAND)


def test_the_kept_form_has_whole_numbers() -> None:
    assert SHARE.validate_python(1000) == 1000
    with pytest.raises(ValidationError):
        SHARE.validate_python(10_001)
