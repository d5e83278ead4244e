"""Others write while customers are counted, and whoever counts is killed: nobody is missed, and nobody counts twice."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placet.service.cohorts import fold_all
from placet.service.kpis.kept import anew_report, differences, kept_report
from placet.service.kpis.refreshing import refresh, refresh_some
from placet.service.state.current import fold_pending, fold_waiting
from placet.storage.database import Database
from tests.integration.cohorts.conftest import NOW, base
from tests.integration.state.sending import recharge, take
from tests.support.databases import outsider, together

__all__ = ["base"]

WRITERS = 2
KILLED = """
import os, signal, sys
from datetime import datetime
from placet.service.kpis import refreshing
from placet.service.kpis.book import Book
from placet.storage.database import Database

closed, left = Book.close, int(sys.argv[3])

def close(book, counted_at=None):
    global left
    closed(book, counted_at)
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)  # all is written, and nothing is committed

Book.close, refreshing.AT_ONCE = close, 7
refreshing.refresh(Database(sys.argv[1]), "demo", datetime.fromisoformat(sys.argv[2]))
"""


def same(database: Database) -> None:
    fold_all(database, "demo")
    for segment in (None, "active_prepaid", "family"):
        kept = kept_report(database, "demo", segment, NOW)
        assert differences(kept, anew_report(database, "demo", segment, NOW)) == ()


def moves(number: int, customer: int, household: int) -> bytes:
    data = {"household_id": f"h{household}"}
    return recharge(
        number, id=f"w{number}", subject=f"customer:C{customer}", type="placet.household.changed.v1", data=data
    )


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sent=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.booleans()), min_size=4, max_size=30))
def test_whoever_counts_beside_writers_misses_nobody(
    database: Database, database_url: str, sent: list[tuple[int, int, bool]]
) -> None:
    with outsider(database_url) as run:
        for table in ("customer_event", "customer_state", "kpi_count", "kpi_part", "kpi_household", "kpi_sum"):
            run(f"DELETE FROM {table}")  # noqa: S608

    def act(which: int) -> None:
        if which >= WRITERS:
            for _ in range(6):
                refresh_some(database, "demo", NOW, 3)
            return
        for number, (customer, household, moved) in enumerate(sent[which::WRITERS]):
            one = number * WRITERS + which
            subject = f"customer:C{customer}"
            text = moves(one, customer, household) if moved else recharge(one, id=f"w{one}", subject=subject)
            take(database, text)
            fold_waiting(database, "demo", 3)

    together(WRITERS + 2, act)
    same(database)


def test_a_change_that_commits_after_a_later_one_was_counted_is_counted(database: Database, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    take(database, *(recharge(number, subject=f"customer:C{number % 3}") for number in range(9)))
    same(database)
    take(database, recharge(100, subject="customer:C1"))
    with database.transaction() as late:
        fold_pending(late, "demo", "C1")
        take(database, recharge(101, subject="customer:C2"))
        with database.transaction() as tx:
            fold_pending(tx, "demo", "C2")
        assert refresh(database, "demo", NOW)
    same(database)


@pytest.mark.parametrize("after", [0, 2, 5, 6])
def test_a_process_that_is_killed_while_it_counts_changes_nothing(
    base: Database, database_url: str, after: int
) -> None:
    for back in (1, 0):
        asked = [sys.executable, "-c", KILLED, database_url, (NOW - timedelta(days=back)).isoformat(), str(after)]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
    same(base)
