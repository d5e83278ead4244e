"""The sandbox's SQLite database: one connection, one writer, every change in one transaction."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable

from placet.sandbox.errors import SandboxError
from placet.sandbox.tables import metadata


class Database:
    """Transactions on one SQLite database, in a file or in memory.

    The HTTP handlers call it from the event loop: a transaction takes a fraction of a millisecond, no more
    than the hop to a thread would. The lock keeps it correct for callers from other threads as well.
    """

    def __init__(self, path: Path | None, busy_timeout_s: float = 5.0) -> None:
        """Open the database and create what is missing; `path` None means in memory.

        A transaction waits `busy_timeout_s` seconds for another process that writes to the same file.

        Raises:
            SandboxError: The file cannot be opened or written.
        """
        self._lock = threading.Lock()
        self._engine = _engine(path, busy_timeout_s)
        self._writer = self._engine.execution_options(writes=True)
        try:
            with self._engine.begin() as connection:
                for statement in _schema():
                    connection.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise SandboxError(f"sandbox database {str(path)!r} cannot be opened: {error.__cause__ or error}") from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a consistent view."""
        with self._lock, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the write lock from its start; an exception undoes it."""
        with self._lock, self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()


@cache
def _schema() -> tuple[str, ...]:
    """Return what creates missing tables. SQLAlchemy would ask for each of them and compile it for every database."""
    made: list[str] = []
    for table in metadata.sorted_tables:
        made.append(str(CreateTable(table, if_not_exists=True).compile(dialect=sqlite.dialect())))
        made += [
            str(CreateIndex(index, if_not_exists=True).compile(dialect=sqlite.dialect())) for index in table.indexes
        ]
    return tuple(made)


def _engine(path: Path | None, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}" if path else "sqlite://",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": busy_timeout_s},
    )

    def connected(connection: Any, _record: object) -> None:
        # Without this the driver opens transactions by itself, and only before the first change: too late to
        # keep what was read before it from being overtaken by another writer.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine
