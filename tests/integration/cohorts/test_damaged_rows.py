"""A customer's row that cannot be read: its own answer fails, and everybody else is counted without it."""

import pytest

from placet.errors import StorageError
from placet.interfaces.telling.kpis import left_out_in_words
from placet.service.cohorts import cohort_given, count_segments, membership, preview
from placet.service.kpis.once import kpi_report
from placet.storage.database import Database
from tests.integration.cohorts.conftest import CUSTOMERS, NOW
from tests.support.databases import outsider

COHORT = cohort_given("events > 0 OR nps > 3", None)
WHERE = "WHERE tenant = 'demo' AND customer_id = 'C00001'"


def _aggregate(**changes: str) -> str:
    parts = {"days": "{}", "events": "1", "newest": '[1772366400000000,"bss","x"]', "times": "{}", "topics": "{}"}
    return "{" + ",".join(f'"{name}":{value}' for name, value in {**parts, **changes}.items()) + "}"


DAMAGES = {
    "deep": "[" * 50_000,
    "fraction": _aggregate(days='{"20513":{"recharges":1.5}}'),
    "currency": _aggregate(days='{"20513":{"billed_minor:\\u0000<b>":5}}'),
    "newest": _aggregate(newest='["x","bss","x"]'),
    "far": _aggregate(newest='[9000000000000000000,"bss","x"]'),
    "day": _aggregate(days='{"9999999999":{"recharges":1}}'),
    "true": _aggregate(events="true"),
    "times": _aggregate(times='{"recharge":[1,2]}'),
    "said": _aggregate(topics='{"latest":{"nps":[[1,"bss","x"],{"a":{"b":1}}]}}'),
    "topic": _aggregate(topics='{"latest":{"nps":[[1,"bss","x"],"many"]}}'),
    "device": _aggregate(topics='{"devices":{"d":[[1,"bss","x"],{"kind":"tv"}]}}'),
    "ticket": _aggregate(topics='{"tickets":{"t":[[1,"bss","x"],5]}}'),
    "household": _aggregate(topics='{"latest":{"household":[[1,"bss","x"],5]}}'),
    "half a pair": _aggregate(topics='{"latest":{"place":[[1,"bss","x"],"\\ud800"]}}'),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_who_cannot_be_read_is_left_out_and_told(base: Database, database_url: str, name: str) -> None:
    with outsider(database_url) as run:
        run(f"UPDATE customer_state SET aggregate = '{DAMAGES[name]}' {WHERE}")  # noqa: S608
    _left_out(base)


@pytest.mark.parametrize("change", ["version = 'x'", "newest_us = 'x'", "aggregate = x'ff00'", "version = -1.5"])
def test_columns_of_another_type_are_told_as_well(base: Database, database_url: str, change: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL's columns have types")
    with outsider(database_url) as run:
        run(f"UPDATE customer_state SET {change} {WHERE}")  # noqa: S608
    _left_out(base)


def test_several_are_named_up_to_a_few() -> None:
    said = left_out_in_words(5, ["A", "B", "C"])
    assert said == "5 customers are left out: rows of 'A', 'B', 'C' and others cannot be read"


def _left_out(base: Database) -> None:
    found, figures = preview(base, "demo", COHORT, NOW), kpi_report(base, "demo", None, NOW)
    assert found.base == figures.customers == CUSTOMERS - 1 == count_segments(base, "demo", NOW)[0]
    assert (found.left_out, found.unreadable) == (figures.left_out, figures.unreadable) == (1, ("C00001",))
    said = left_out_in_words(found.left_out, found.unreadable)
    assert said == "1 customer is left out: row of 'C00001' cannot be read"
    with pytest.raises(StorageError, match=r"row .C00001. of table 'customer_state' cannot be read") as failed:
        membership(base, "demo", "C00001", COHORT, NOW)
    assert failed.value.code == "storage_row"
