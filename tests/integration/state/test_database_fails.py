"""A database that is gone, or full, while events arrive: nothing is lost, and nothing counts twice."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from placet.entrypoints.beside_worker.state_folding import StateFolding
from placet.errors import StorageError
from placet.service.state.current import state_of
from placet.service.state.files import LinesTaken, take_lines
from placet.storage.database import Database
from tests.integration.state.sending import NOW, OLDEST, recharge, take
from tests.support.databases import Postgres, migrated, postgres_server, sqlite_url
from tests.support.guard import GUARD

_CUSTOMERS = 20


def _events(count: int) -> list[bytes]:
    return [recharge(1, id=f"e{n}", subject=f"customer:C{n % _CUSTOMERS:05}") for n in range(count)]


def _counted(database: Database) -> int:
    return sum(state_of(database, "demo", f"C{n:05}", NOW).version for n in range(_CUSTOMERS))


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that a test may stop: no other test is at it."""
    with postgres_server() as server:
        yield server


class _Source:
    """A source of events: it sends each batch again until it is told that the batch is durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.half, self.gone, self.back = threading.Event(), threading.Event(), threading.Event()
        self.refused = set[str]()

    def send(self, events: list[bytes]) -> None:
        for first in range(0, len(events), 20):
            if first >= len(events) // 2:
                self.half.set()
                assert self.gone.wait(GUARD)
            while not self._durable(events[first : first + 20]):
                assert self.back.wait(GUARD)

    def _durable(self, batch: list[bytes]) -> bool:
        try:
            take(self._database, *batch)
        except StorageError as error:
            self.refused.add(error.code)
            return False
        return True


def test_a_server_that_is_gone_for_a_while_loses_nothing(
    own_postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with migrated(own_postgres.url(own_postgres.new_database())) as database:
        source = _Source(database)
        folding = StateFolding(database, ["demo"], lambda: NOW, 400)
        sender = threading.Thread(target=source.send, args=[_events(600)], daemon=True)
        sender.start()
        while not source.half.wait(0.01):
            folding.round()
        with own_postgres.away():
            source.gone.set()
            for _ in range(3):
                folding.round()
        source.back.set()
        sender.join(GUARD)
        folding.round()
        assert source.refused == {"storage_unreachable"}
        with database.reading() as tx:
            assert tx.events.waiting("demo", 9) == []
        assert _counted(database) == 600
    told = [one.getMessage() for one in caplog.records if "folding the events of demo" in one.getMessage()]
    assert len(told) == 1, told  # once, not once a round
    assert "check its address, that it exists and that it is running" in told[0]


@contextmanager
def _room_for(pages: int) -> Iterator[None]:
    """Let every connection opened in the block find the disk full once an SQLite file has so many pages."""

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def _ingest(database: Database, text: bytes) -> LinesTaken:
    return take_lines(database, "demo", io.BytesIO(text), now=NOW, oldest=OLDEST)


def test_a_full_disk_is_one_line_and_what_was_taken_stays(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    migrated(url).close()
    text = b"\n".join(_events(3000))
    with _room_for(pages=300), Database(url) as database, pytest.raises(StorageError) as caught:
        _ingest(database, text)
    assert "has no space left; free some, then try again" in str(caught.value)
    with Database(url) as database:  # somebody made room
        kept = _counted(database)
        assert 0 < kept < 3000
        assert kept % 1000 == 0  # whole batches
        again = _ingest(database, text)
        assert (again.accepted, again.repeated, len(again.refused)) == (3000 - kept, kept, 0)
        assert _counted(database) == 3000
