"""What a refresh of the kept key figures takes after a few customers changed, beside one pass over all of them."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from placet.errors import UsageError
from placet.service.cohorts import fold_all
from placet.service.kpis.book import day_of, end_of
from placet.service.kpis.kept import anew_report, differences, kept_report
from placet.service.kpis.once import kpi_report
from placet.service.kpis.refreshing import refresh
from placet.service.state.taking import take_events
from placet.storage.database import Database

CHANGED: Final = 20
_TENANT: Final = "bench"
_NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_OLDEST: Final = _NOW - timedelta(days=400)
_DAYS: Final = 60
_EACH: Final = 12
"""Events of a customer, over 60 days."""


def measure(customers: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a refresh after `CHANGED` of so many customers changed, and of one pass.

    Both are measured in turn on SQLite.

    Raises:
        UsageError: the two gave other figures.
    """
    refreshed, passed = list[float](), list[float]()
    with _filled(customers) as database:
        refresh(database, _TENANT, _NOW)
        for number in range(rounds):
            _take(database, [_event(one, 1000 + number, hours=1) for one in range(CHANGED)])
            fold_all(database, _TENANT)
            began = time.perf_counter()
            refresh(database, _TENANT, _NOW)
            refreshed.append(time.perf_counter() - began)
            began = time.perf_counter()
            kpi_report(database, _TENANT, None, end_of(day_of(_NOW)))
            passed.append(time.perf_counter() - began)
        if differences(kept_report(database, _TENANT, None, _NOW), anew_report(database, _TENANT, None, _NOW)):
            raise UsageError("what is kept is other than what one pass gives", code="bench")
    return median(refreshed), median(passed)


@contextmanager
def _filled(customers: int) -> Iterator[Database]:
    with (
        TemporaryDirectory(prefix="placet-bench-") as folder,
        Database(f"sqlite:///{folder}/kpis.db") as database,
    ):
        database.migrate()
        hours = _DAYS * 24 // _EACH
        _take(database, [_event(one, at, at * hours) for one in range(customers) for at in range(_EACH)])
        fold_all(database, _TENANT)
        yield database


def _take(database: Database, events: list[dict[str, Any]]) -> None:
    take_events(database, _TENANT, [json.dumps(one).encode() for one in events], now=_NOW, oldest=_OLDEST)


def _event(customer: int, number: int, hours: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{customer}-{number}",
        "source": "bench",
        "type": "placet.balance.recharged.v1",
        "subject": f"customer:C{customer:05d}",
        "time": (_NOW - timedelta(hours=hours)).isoformat(),
        "data": {"amount": {"amount_minor": 500 + customer % 7, "currency": "USD"}},
    }
