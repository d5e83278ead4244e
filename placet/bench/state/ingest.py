"""Taking events in, in batches that are durable one by one, beside raw rows of as many bytes in transactions as large.

What an event costs the more there are stored: `growth.py`.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from placet.bench.governance.databases.databases import Server
from placet.bench.governance.figures import Figure
from placet.bench.governance.sampling import in_turn
from placet.bench.state.sample import BATCH, NOW, OLDEST, TENANT, event_texts
from placet.errors import PlacetError
from placet.service.state.taking import take_events
from placet.storage.database import Database

_IN_A_ROUND: Final = 5 * BATCH
_AIMS: Final = {"SQLite": 10_000.0, "PostgreSQL": 15_000.0}


class Filled:
    """A database that events are added to; `stored` is how many it has."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.stored = 0

    def take(self, count: int) -> float:
        """Take so many new events in; return the seconds it took.

        Raises:
            PlacetError: one was not taken.
        """
        seconds = 0.0
        for first in range(self.stored, self.stored + count, _IN_A_ROUND):
            part = min(_IN_A_ROUND, self.stored + count - first)
            texts = event_texts(first, part)
            began = time.perf_counter()
            taken = take_events(self._database, TENANT, texts, now=NOW, oldest=OLDEST)
            seconds += time.perf_counter() - began
            if taken.accepted != part:
                reason = taken.refused[0].reason if taken.refused else "it was there already"
                raise PlacetError(f"of {part} events {taken.accepted} were taken: {reason}")
        self.stored += count
        return seconds


def measure(server: Server, url: str, filled: Filled, rounds: int) -> Iterator[Figure]:
    """Measure events per second.

    Args:
        server: The kind of database.
        url: Of the one with many events stored.
        filled: That one.
        rounds: How often.

    Raises:
        PlacetError: an event was not taken.
    """
    with closing(server.raw(url)) as connection:
        raw = _RawRows(connection, server)
        seconds = _medians({"ours": filled.take, "raw": raw.take}, rounds)
    yield Figure(
        part="ingest",
        name=f"durable ingest, {server.name}, batches of {BATCH}",
        unit="events/s",
        ours=_IN_A_ROUND / seconds["ours"],
        reference=_IN_A_ROUND / seconds["raw"],
        against=f"rows of as many bytes by the driver, {BATCH} in a transaction ({server.durability()})",
        limit=_AIMS[server.name],
        at_least=True,
        absolute=True,
    )


def _medians(acts: Mapping[str, Callable[[int], float]], rounds: int) -> dict[str, float]:
    seen: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 1):
        for name in in_turn(list(acts), number):
            seconds = acts[name](_IN_A_ROUND)
            if number:  # the first round warms up
                seen[name].append(seconds)
    return {name: statistics.median(values) for name, values in seen.items()}


class _RawRows:
    """A table with a key and a text, written by the driver."""

    def __init__(self, connection: Any, server: Server) -> None:
        self._cursor = connection.cursor()
        self._insert = f"INSERT INTO bench_event (id, content) VALUES ({server.mark}, {server.mark})"  # noqa: S608
        self._stored = 0
        self._cursor.execute("CREATE TABLE bench_event (id TEXT PRIMARY KEY, content TEXT NOT NULL)")

    def take(self, count: int) -> float:
        """Insert so many rows; return the seconds it took."""
        texts = event_texts(self._stored, count)
        rows = [(f"raw-{self._stored + place:012d}", text.decode()) for place, text in enumerate(texts)]
        began = time.perf_counter()
        for first in range(0, count, BATCH):
            self._cursor.execute("BEGIN")
            self._cursor.executemany(self._insert, rows[first : first + BATCH])
            self._cursor.execute("COMMIT")
        self._stored += count
        return time.perf_counter() - began
