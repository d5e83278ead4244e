"""Bins hold everybody of whom a value is known, once, and are never more than a chart can show."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from placet.decisioning.cohorts.cohort import frame_of
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.cohorts.profile import Tally
from tests.unit.cohorts.drawing import empty_state


@given(st.lists(st.none() | st.integers(-100, 10**6) | st.integers(-5, 5), min_size=1, max_size=20), st.data())
def test_everybody_is_in_one_bin(values: list[int | None], data: st.DataObject) -> None:
    empty = row_of(empty_state(), None)
    frame = frame_of([{**empty, "recharge_late_percent": value} for value in values])
    chosen = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    done = Tally(("recharge_late_percent",))
    done.add(frame, pl.Series(chosen))
    known = [value for value in values if value is not None]
    for distribution in done.distributions():
        bins = distribution.bins
        assert len(bins) <= 8
        assert sum(one.base for one in bins) == len(known)
        for one in bins:
            low = one.first if one.first is not None else -(10**9)
            high = one.last if one.last is not None else 10**9
            assert one.base == sum(low <= value <= high for value in known)
            assert one.cohort == sum(
                within and value is not None and low <= value <= high
                for within, value in zip(chosen, values, strict=True)
            )
