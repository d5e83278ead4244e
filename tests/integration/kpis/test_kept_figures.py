"""Kept key figures are those of one pass, whatever happened, and in whatever order."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from placet.storage.database import Database
from tests.integration.kpis.happening import HAPPENS, Happening
from tests.integration.state.test_merging import People
from tests.support.databases import outsider

TABLES = (
    "customer_state",
    "customer_event",
    "customer_key",
    "customer_merge",
    "kpi_count",
    "kpi_part",
    "kpi_household",
)
_NUMBERS = itertools.count()


@pytest.fixture
def people(database: Database, tmp_path: Path) -> People:
    return People(database, tmp_path)


def happening(people: People, url: str) -> Happening:
    with outsider(url) as run:
        for table in (*TABLES, "kpi_sum"):
            run(f"DELETE FROM {table}")  # noqa: S608
    return Happening(people.database, people, f"X{next(_NUMBERS)}C")


GROWS: list[tuple[Any, ...]] = [("moves", 0, 1), ("folds",), ("refreshes",), ("moves", 1, 1)]
"""Who was counted as alone in a household gets company: drawn too rarely."""


SPLIT: list[tuple[Any, ...]] = [("recharge", 0, 0, "USD"), ("moves", 1, 0), ("merges", 1, 0), ("compares",)]


@example(what=[*SPLIT, ("splits",), ("erases", 1)])
@example(what=[*SPLIT, ("splits",), ("erases", 0)])
@example(what=GROWS)
@example(what=[*GROWS, ("compares",), ("moves", 1, 0)])
@example(what=[*GROWS, ("compares",), ("erases", 1)])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(what=st.lists(HAPPENS, min_size=5, max_size=40))
def test_after_anything_the_kept_figures_are_those_of_one_pass(
    people: People, database_url: str, what: list[tuple[Any, ...]]
) -> None:
    world = happening(people, database_url)
    for one in what:
        world.do(one)
    world.compares()
    world.sleeps(24)
    world.compares()
