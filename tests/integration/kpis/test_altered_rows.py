"""What is kept and was altered is not used: everything is counted anew, and one line says so."""

import logging

import pytest

from placet.service.kpis.kept import anew_report, differences, kept_days, kept_report
from placet.service.kpis.refreshing import refresh
from placet.service.state.erasing import erase_customer
from placet.storage.database import Database
from tests.integration.cohorts.conftest import NOW, base
from tests.support.databases import outsider

__all__ = ["base"]

ALTERED = {
    "sums": "UPDATE kpi_sum SET sums = replace(sums, '40', '41')",
    "cut": "UPDATE kpi_sum SET sums = substr(sums, 1, 30) WHERE segment = ''",
    "gone": "DELETE FROM kpi_sum WHERE segment = 'postpaid'",
    "swapped": "UPDATE kpi_sum SET sums = (SELECT sums FROM kpi_sum WHERE segment = 'dormant') WHERE segment = ''",
    "epoch": "UPDATE kpi_count SET epoch = 0",
    "day": "UPDATE kpi_count SET day = '2026-02-29x'",
    "half": "UPDATE kpi_count SET after = 'C00003'",
    "no count": "DELETE FROM kpi_count",
    "digest": "UPDATE kpi_count SET digest = 'x'",
    "later": "UPDATE kpi_count SET day = '2031-01-01'",
}
PARTS = {
    "part": "UPDATE kpi_part SET part = 'x'",
    "members": "UPDATE kpi_part SET members = members + 1",
    "whose": "UPDATE kpi_part SET part = (SELECT part FROM kpi_part ORDER BY customer_id LIMIT 1)",
    "ids": "UPDATE kpi_part SET ids = '[5'",
    "unreadable": "UPDATE kpi_part SET unreadable = 1",
}


def same(base: Database) -> None:
    for segment in (None, "postpaid", "family"):
        kept = kept_report(base, "demo", segment, NOW)
        assert differences(kept, anew_report(base, "demo", segment, NOW)) == ()
        assert kept.counted_at is not None


@pytest.mark.parametrize("name", ALTERED)
def test_altered_sums_are_counted_anew(base: Database, database_url: str, name: str) -> None:
    same(base)
    with outsider(database_url) as run:
        run(ALTERED[name])
    same(base)


@pytest.mark.parametrize("name", PARTS)
def test_an_altered_part_is_found_when_its_customer_is_counted_again(
    base: Database, database_url: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    same(base)
    with outsider(database_url) as run:
        run(PARTS[name])
        run("UPDATE customer_state SET counted = 0")
    with caplog.at_level(logging.WARNING):
        same(base)
    lines = [one.getMessage() for one in caplog.records if "are counted anew" in one.getMessage()]
    assert len(lines) == 1
    assert "\n" not in lines[0]


@pytest.mark.parametrize("name", ["part", "whose"])
def test_an_altered_part_keeps_nobody_from_being_erased(base: Database, database_url: str, name: str) -> None:
    same(base)
    with outsider(database_url) as run:
        run(PARTS[name])
    assert erase_customer(base, "demo", "C00001", by="olga", reason="asked", now=NOW).state
    same(base)
    with base.reading() as tx:
        assert tx.kpis.parts("demo", ["C00001"]) == {}


def test_a_closed_day_that_was_altered_is_left_out_and_named(base: Database, database_url: str) -> None:
    assert refresh(base, "demo", NOW)
    with outsider(database_url) as run:
        run("UPDATE kpi_sum SET sums = 'x'")
    found = kept_days(base, "demo", None, first=NOW.date(), last=NOW.date(), now=NOW)
    assert (found.days, found.unreadable) == ((), ("2026-03-01",))
