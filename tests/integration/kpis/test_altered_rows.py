"""What is kept and was altered is not used: everything is counted anew, and one line says so."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from placet.decisioning.kpis.sealing import seal, unseal
from placet.errors import UsageError
from placet.service.kpis.book import end_of
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
    "tomorrow": "UPDATE kpi_count SET day = '2026-03-02'",
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


OTHER: dict[str, dict[int, Any]] = {
    "no epoch": {0: None},
    "a true epoch": {0: True},
    "how far": {1: 7},
    "a time": {2: "not a time"},
    "a number for a time": {2: 7},
    "no sums": {3: None},
    "fewer than nobody": {3: [-1, 0, 0, [], [], []]},
    "half a customer": {3: [1.5, "x", 0, [], [], []]},
    "an unknown currency": {3: [1, 0, 0, [["\x1b[2J", 1]], [["arpu", "\x1b[2J", 5]], [["arpu", "\x1b[2J", 1]]]},
}
"""What whoever writes to the database can seal as well: the checksum has no key."""


def resealed(base: Database, url: str, changes: dict[int, Any]) -> None:
    """Write other values into the sums of all customers, with a checksum that fits."""
    with base.reading() as tx:
        row = tx.kpis.sums("demo", NOW.date().isoformat())[""]
    value = unseal(row.sums, "sum", row.tenant, row.day, row.segment, row.digest)
    assert isinstance(value, list)
    for place, other in changes.items():
        value[place] = other
    text = seal(value, "sum", row.tenant, row.day, row.segment, row.digest)
    with outsider(url) as run:
        run(f"UPDATE kpi_sum SET sums = '{text}' WHERE segment = ''")  # noqa: S608 - our own


@pytest.mark.parametrize("name", OTHER)
def test_sums_of_another_form_with_a_checksum_that_fits_are_counted_anew(
    base: Database, database_url: str, name: str
) -> None:
    same(base)
    resealed(base, database_url, OTHER[name])
    kept_days(base, "demo", None, first=NOW.date(), last=NOW.date(), now=NOW)
    same(base)
    resealed(base, database_url, OTHER[name])
    assert erase_customer(base, "demo", "C00001", by="olga", reason="asked", now=NOW).state
    assert refresh(base, "demo", NOW)


def test_a_day_that_only_another_clock_has_begun_is_not_counted_for_somebody_who_waits(
    base: Database, database_url: str
) -> None:
    same(base)
    midnight = end_of(NOW.date())
    with outsider(database_url) as run:
        run("UPDATE kpi_count SET day = '2026-03-02'")
    with pytest.raises(UsageError) as refused:
        kept_report(base, "demo", None, midnight - timedelta(minutes=2), most=1)
    assert refused.value.code == "base_too_large"
    assert kept_report(base, "demo", None, midnight - timedelta(minutes=2)).counted_at is None
    # Far from midnight it is no other clock: today is counted anew.
    assert kept_report(base, "demo", None, NOW).counted_at is not None


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
