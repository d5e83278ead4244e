"""On every customer of a simulated base, one row by itself has the answer that it has in the whole base."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby

import polars as pl
import pytest

from placet.contracts.events.kinds import EVENT
from placet.decisioning.cohorts.cohort import Cohort, cohort_of, frame_of
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.cohorts.segments import asked
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate

CUSTOMERS, DAYS = 2500, 45
LAST = datetime(2026, 3, 1, 23, tzinfo=UTC)
OWN = (
    "recharges_30d = 0 OR nps IS NULL AND NOT (place = 'airport')",
    "billed_minor_30d / bills_issued_30d > 5000 AND last_event_on >= CURRENT_DATE - 1",
    "(app_visits_7d - app_visits_30d + app_visits_7d) * 2 > -3 AND household_id LIKE 'H0%1'",
    "NOT (data_mb_7d BETWEEN 100 AND 2000) AND competitor_sign IN ('app_opened', 'price_asked')",
)


def drawn() -> Iterator[Row]:
    events = simulate(sample_rows(CUSTOMERS), last=LAST.date(), days=DAYS, seed=7)
    for subject, theirs in groupby(events, key=lambda one: str(one["subject"])):
        known = [EVENT.validate_python(one) for one in theirs]
        state = state_as_of(subject.removeprefix("customer:"), fold(known), len(known), LAST + timedelta(hours=1))
        yield row_of(state, 2 if state.household_id else None)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(drawn())


@pytest.fixture(scope="module")
def frame(rows: list[Row]) -> pl.DataFrame:
    return frame_of(rows)


COHORTS = [*map(cohort_of, OWN), *(cohort for _, cohort in asked())]


@pytest.mark.parametrize("cohort", COHORTS, ids=lambda cohort: cohort.digest[:8])
def test_a_customer_is_in_a_cohort_alone_or_among_all(cohort: Cohort, rows: list[Row], frame: pl.DataFrame) -> None:
    of_all = cohort.members(frame).to_list()
    assert len(of_all) == CUSTOMERS
    assert [cohort.has(row) for row in rows] == of_all


def test_the_base_is_no_trivial_one(frame: pl.DataFrame) -> None:
    sizes = [cohort.members(frame).sum() for cohort in COHORTS]
    assert sum(0 < size < CUSTOMERS for size in sizes) >= 12, sizes
