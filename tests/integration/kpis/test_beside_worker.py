"""The loop beside a worker: it counts who changed, closes days, lets old ones go, and outlives a fault."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from placet.entrypoints.beside_worker.key_figures import KeyFigures
from placet.errors import StorageError
from placet.service.kpis import kept
from placet.service.state.current import fold_waiting
from placet.storage.database import Database
from tests.integration.state.sending import NOW, recharge, take


def days_of(database: Database, now: datetime) -> Sequence[tuple[str, int]]:
    first, last = (now - timedelta(days=9)).date(), now.date()
    found = kept.kept_days(database, "demo", None, first=first, last=last, now=now)
    return [(one.day, one.customers) for one in found.days]


def test_days_are_counted_closed_and_let_go(database: Database) -> None:
    clock = [NOW]
    loop = KeyFigures(database, ("demo", "other"), lambda: clock[0], days=2)
    take(database, recharge(1))
    fold_waiting(database, "demo")
    loop.round()
    today = NOW.date()
    assert days_of(database, NOW) == [(today.isoformat(), 1)]
    take(database, recharge(2, subject="customer:C2"))
    fold_waiting(database, "demo")
    loop.round()
    assert days_of(database, NOW) == [(today.isoformat(), 2)]
    for _ in range(4):
        clock[0] += timedelta(days=1)
        loop.round()
    days = [(today + timedelta(days=ahead)).isoformat() for ahead in (2, 3, 4)]
    assert days_of(database, clock[0]) == [(day, 2) for day in days], "today, and two that are closed"


def test_a_fault_of_one_tenant_is_told_once_and_stops_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = "placet.entrypoints.beside_worker.key_figures.refresh_some"
    counted = list[str]()
    monkeypatch.setattr(place, lambda database, tenant, now: failing(tenant, counted))
    loop = KeyFigures(database, ("bad", "good"), lambda: NOW, days=None)
    for _ in range(3):
        loop.round()
    assert counted == ["good"] * 3
    assert [one.getMessage() for one in caplog.records if "key figures of bad" in one.getMessage()] == [
        "counting the key figures of bad: gone"
    ]


class _Done:
    done = True


def failing(tenant: str, counted: list[str]) -> _Done:
    if tenant == "bad":
        raise StorageError("gone", code="storage_gone")
    counted.append(tenant)
    return _Done()
