"""A record and its log as long as one likes, made in bulk: what a proof or an append finds after years.

Entries are rows of the usual size in streams of ten, with made-up hashes that no chain would verify; the log above
them is real: every leaf and every subtree hash is what RFC 9162 asks for, and its proofs verify.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql

from placet.bench.governance.append import BODY
from placet.bench.governance.databases.databases import Server, sqlite_path
from placet.governance.log.bundle import leaf_of
from placet.governance.log.merkle import Frontier
from placet.governance.signing.canonical import canonical_bytes

TENANT = "demo"
_A_STREAM = 10
_BATCH = 20_000
_AT = "2026-01-01 00:00:00"
_WRITTEN = canonical_bytes(BODY).decode()

_ENTRY = "id stream seq tenant run_id kind actor at step_key body prev_hash hash".split()  # noqa: SIM905 - reads best
_LEAF = ["tenant", "leaf_index", "position", "leaf_hash"]
_NODE = ["tenant", "number", "hash"]
_COLUMNS = {"audit_event": _ENTRY, "log_entry": _LEAF, "log_node": _NODE}

Batch = dict[str, list[tuple[Any, ...]]]
"""Rows by table."""


def grow(server: Server, url: str, start: int, end: int, *, frontier: Frontier | None = None) -> None:
    """Add entries `start` to `end` (exclusive), and with a `frontier` (of `start` entries) their log as well.

    Nothing else may write meanwhile. Guards against rewriting cost most of the time of a bulk insert and are put
    back afterwards.
    """
    batches = _batches(start, end, frontier)
    if server.name == "SQLite":
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as file:
            _into_sqlite(file, batches)
    else:
        with server.raw(url) as connection:
            _into_postgres(connection, batches, end)


def settle(server: Server, url: str) -> None:
    """Have what was built written to disk: how long that goes on afterwards is no part of what is measured."""
    if server.name == "PostgreSQL":
        # A role on somebody's own server need not be allowed to ask for it.
        with server.raw(url) as connection, suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute("CHECKPOINT")
    os.sync()


def stream_of(number: int) -> str:
    """Return the stream of entry `number`: spread like the ids of runs."""
    return "run-" + sha256(b"%d" % (number // _A_STREAM)).hexdigest()[:20]


def _batches(start: int, end: int, frontier: Frontier | None) -> Iterator[Batch]:
    previous = _hash(start - 1)
    for first in range(start, end, _BATCH):
        rows: Batch = {table: [] for table in _COLUMNS}
        for number in range(first, min(first + _BATCH, end)):
            digest, position = _hash(number), number + 1
            stream, place = stream_of(number), number % _A_STREAM + 1
            said = ("execute.intended", "bench-approver", _AT, f"bench.{place}", _WRITTEN)
            rows["audit_event"].append((position, stream, place, TENANT, stream, *said, previous, digest))
            if frontier is not None:
                leaf = leaf_of(digest)
                rows["log_entry"].append((TENANT, number, position, leaf))
                completed = [(TENANT, node.number, above) for node, above in frontier.append(leaf)]
                rows["log_node"] += completed[1:]
            previous = digest
        yield rows


def _hash(number: int) -> str:
    return sha256(b"entry %d" % number).hexdigest()


def _into_sqlite(file: sqlite3.Connection, batches: Iterator[Batch]) -> None:
    guards = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_no_replace'")
    triggers = guards.fetchall()
    # An interrupted bench throws the file away: until it is built nothing need survive.
    for pragma in ("synchronous = OFF", "cache_size = -2000000", "wal_autocheckpoint = 100000"):
        file.execute(f"PRAGMA {pragma}")
    for name, _ in triggers:
        file.execute(f"DROP TRIGGER {name}")
    for batch in batches:
        file.execute("BEGIN IMMEDIATE")
        for table, rows in batch.items():
            columns = _COLUMNS[table]
            places = ", ".join("?" * len(columns))
            file.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608
        file.execute("COMMIT")
    for _, definition in triggers:
        file.execute(definition)
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _into_postgres(connection: psycopg.Connection, batches: Iterator[Batch], end: int) -> None:
    connection.execute("SET synchronous_commit = off")
    for batch in batches:
        for table, rows in batch.items():
            _copy(connection, table, rows)
    connection.execute("SELECT setval(pg_get_serial_sequence('audit_event', 'id'), %s)", (end,))
    for table in _COLUMNS:
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))


def _copy(connection: psycopg.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS[table]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
