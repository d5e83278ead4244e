"""What the database stores by itself is what taking events in leaves, row for row."""

from contextlib import closing
from pathlib import Path
from typing import Any

from placet.bench.governance.databases.databases import PostgresDatabases, Server, SqliteFiles
from placet.bench.state.growth import FEWEST, stages
from placet.bench.state.sample import NOW, OLDEST, TENANT
from placet.bench.state.stored import _INDEXES, event_of, fill
from placet.service.state.taking import take_events
from placet.storage.database import Database


def test_what_is_stored_by_the_database_is_what_taking_it_in_leaves(database: Database, database_url: str) -> None:
    """All rows, not only the few that each session compares; and the indexes are there again."""
    events, customers = 300, 7
    server: Server = SqliteFiles(Path()) if database_url.startswith("sqlite") else PostgresDatabases(database_url)
    with closing(server.raw(database_url)) as connection:
        indexes = sorted(connection.execute(_INDEXES[server.name]).fetchall())
        assert len(indexes) == 2
        fill(connection, server, 0, 100, customers)
        fill(connection, server, 100, events - 100, customers)
        assert sorted(connection.execute(_INDEXES[server.name]).fetchall()) == indexes
        filled = _rows(connection)
        connection.execute("DELETE FROM customer_event")
        texts = [event_of(number, customers) for number in range(events)]
        assert take_events(database, TENANT, texts, now=NOW, oldest=OLDEST).accepted == events
        connection.execute("UPDATE customer_event SET folded = 1")
        assert filled == _rows(connection)


def test_stages_are_powers_of_ten_up_to_what_is_asked() -> None:
    assert stages(1000) == [1000]
    assert stages(FEWEST) == [FEWEST]
    assert stages(2_000_000) == [10_000, 100_000, 1_000_000, 2_000_000]
    assert stages(10_000_000)[-2:] == [1_000_000, 10_000_000]


def _rows(connection: Any) -> list[Any]:
    return sorted(map(tuple, connection.execute("SELECT * FROM customer_event").fetchall()))
