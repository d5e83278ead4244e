"""Appending to the record from eight writers, beside raw one-row commits of as many bytes by as many writers.

Threads of one process share Python's global lock. On PostgreSQL, where writers do not wait for one another, eight
processes are measured as well: that is how an installation grows.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Self

from placet.bench.governance.append_processes import WriterProcesses
from placet.bench.governance.databases.databases import Server, open_new
from placet.bench.governance.figures import Figure
from placet.bench.governance.sampling import in_turn
from placet.storage.database import Database

WRITERS = 8
_EACH = 50
_SQLITE_AIM = 0.25
_POSTGRES_AIM = 0.6
_TENANT = "demo"
_AT = datetime(2026, 1, 1, tzinfo=UTC)
BODY = {"effect_key": "e" * 64, "proposal": "b" * 64, "envelope": "a" * 64}
"""Of the size that an `execute.intended` entry has."""

Write = Callable[[int, int], None]


def measure(server: Server, rounds: int) -> Iterator[Figure]:
    """Measure entries per second from eight writers, each with a stream of its own; medians over rounds in turn."""
    url, database = open_new(server, pool_size=WRITERS)
    try:
        size = _entry_bytes(database)
        with _RawWriters(server, url, "x" * size) as raw:
            ours, written = _Appender(database), raw
            acts = {
                "ours": lambda number: _per_second(ours, number),
                "raw": lambda number: _per_second(written, number),
            }
            rates = _rates(acts, rounds)
            yield _figure(server, "threads", rates, size, _SQLITE_AIM if server.name == "SQLite" else None)
            if server.name != "SQLite":
                rates = _rates_of_processes(server, url, raw.insert, "x" * size, rounds)
                yield _figure(server, "processes", rates, size, _POSTGRES_AIM)
    finally:
        database.close()


def _figure(server: Server, writers: str, rates: Mapping[str, float], size: int, aim: float | None) -> Figure:
    return Figure(
        part="append",
        name=f"audit append, {server.name}, {WRITERS} {writers}",
        unit="entries/s",
        ours=rates["ours"],
        reference=rates["raw"],
        against=f"one INSERT and COMMIT of {size} bytes by the driver ({server.durability()})",
        limit=aim,
        at_least=True,
    )


def _rates_of_processes(server: Server, url: str, insert: str, text: str, rounds: int) -> dict[str, float]:
    with WriterProcesses(server, url, WRITERS, append_one, (insert, text)) as writers:
        acts = {
            "ours": lambda number: writers.per_second("append", number * _EACH, _EACH),
            "raw": lambda number: writers.per_second("insert", number * _EACH, _EACH),
        }
        return _rates(acts, rounds)


def append_one(database: Database, stream: str, step: str) -> None:
    """Append one entry in a transaction of its own."""
    with database.transaction() as tx:
        tx.audit.append(
            stream=stream,
            tenant=_TENANT,
            run_id=None,
            kind="execute.intended",
            actor="bench-approver",
            step_key=step,
            at=_AT,
            body=BODY,
        )


def _rates(acts: Mapping[str, Callable[[int], float]], rounds: int) -> dict[str, float]:
    seen: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 1):
        for name in in_turn(list(acts), number):
            rate = acts[name](number)
            if number:  # the first round warms up
                seen[name].append(rate)
    return {name: statistics.median(values) for name, values in seen.items()}


class _Appender:
    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, writer: int, number: int) -> None:
        append_one(self._database, f"tenant/bench-{writer}", f"bench-{number}")


class _RawWriters:
    """A connection for each thread, and one table with one text column; `insert` is the statement.

    SQLite has one writer: the threads take turns at a lock, as ours do. Polling the file's lock would slow them down.
    """

    def __init__(self, server: Server, url: str, text: str) -> None:
        self._connections: list[Any] = [server.raw(url) for _ in range(WRITERS)]
        self._text = text
        self.insert = f"INSERT INTO bench_raw (entry) VALUES ({server.mark})"  # noqa: S608 - a constant
        self._turn = threading.Lock() if server.name == "SQLite" else None
        key = "INTEGER PRIMARY KEY" if server.name == "SQLite" else "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        self._connections[0].execute(f"CREATE TABLE bench_raw (id {key}, entry TEXT NOT NULL)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    def __call__(self, writer: int, _number: int) -> None:
        # In autocommit a single statement is a transaction.
        connection = self._connections[writer]
        if self._turn is None:
            connection.execute(self.insert, (self._text,))
            return
        with self._turn:
            connection.execute(self.insert, (self._text,))


def _per_second(write: Write, number: int) -> float:
    ready = threading.Barrier(WRITERS + 1)

    def work(writer: int) -> None:
        ready.wait()
        for place in range(_EACH):
            write(writer, number * _EACH + place)

    with ThreadPoolExecutor(WRITERS) as pool:
        working = [pool.submit(work, writer) for writer in range(WRITERS)]
        ready.wait()
        began = time.perf_counter()
        for worker in working:
            worker.result()
        return WRITERS * _EACH / (time.perf_counter() - began)


def _entry_bytes(database: Database) -> int:
    """Return how many bytes one entry's values take, as text."""
    append_one(database, "tenant/bench-size", "size")
    with database.reading() as tx:
        [entry] = tx.audit.read("tenant/bench-size")
    return sum(len(str(value)) for value in entry.model_dump(mode="json").values())
