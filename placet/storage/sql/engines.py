"""How Placet opens a database: SQLite as an embedded, durable file; PostgreSQL through psycopg 3."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from placet.errors import ConfigurationError

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # NORMAL would save the fsync of each commit, and a power cut could then take back a recorded approval.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # 64 MB, sixteen times the default. A batch of events changes pages all over the file, and more of them than the
    # default: with millions stored, each commit then moved all of them into the file, and waited for that as well.
    "PRAGMA wal_autocheckpoint = 16384",
)


def parse_url(url: str) -> URL:
    """Parse the address of a database that Placet can keep its record in.

    Raises:
        ConfigurationError: not a database URL, another kind of database, or SQLite without a file.
    """
    form = "write it like 'sqlite:////var/lib/placet/placet.db' or 'postgresql+psycopg://user@host/placet'"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The text is not shown: what does not parse may still hold a password.
        raise ConfigurationError(f"the database URL cannot be read; {form}", code="database_url") from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ConfigurationError(f"database {shown!r} is not SQLite or PostgreSQL; {form}", code="database_url")
    if parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:"):
        raise ConfigurationError(
            f"database {shown!r} names no file, the record would be lost; {form}", code="database_url"
        )
    return parsed


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for PostgreSQL."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def open_engine(
    url: URL, *, pool_size: int, lock_timeout_s: float, statement_timeout_s: float, reading: bool = False
) -> Engine:
    """Return an engine for `url` as `parse_url` returned it. Nothing connects until the first transaction.

    With `reading`, SQLite refuses every write on its connections; PostgreSQL is told in each transaction.
    """
    path = sqlite_file(url)
    common: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": lock_timeout_s * 2}
    # Every transaction here ends by itself; the pool need not end it again.
    common["pool_reset_on_return"] = None
    if path is not None:
        return _sqlite(url, path, lock_timeout_s, common, reading=reading)
    settings = {
        "lock_timeout": f"{round(lock_timeout_s * 1000)}ms",
        "statement_timeout": f"{round(statement_timeout_s * 1000)}ms",
        # A worker that froze inside a transaction must not keep its locks for ever.
        "idle_in_transaction_session_timeout": f"{round(statement_timeout_s * 1000)}ms",
        # What waited for a lock must see what the holder wrote: halts, budgets and ledger moves rest on it.
        "default_transaction_isolation": "read\\ committed",
        # What the driver reads texts, times and bytes by, whatever somebody set for the database or our role.
        "datestyle": "ISO",
        "intervalstyle": "postgres",
        "timezone": "UTC",
        "bytea_output": "hex",
        "standard_conforming_strings": "on",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    arguments = {
        "options": options,
        "client_encoding": "utf8",
        "connect_timeout": max(2, round(lock_timeout_s)),
        "application_name": "placet",
    }
    arguments.update({key: value for key, value in url.query.items() if key in arguments and isinstance(value, str)})
    return create_engine(url, connect_args=arguments, **common)


def _sqlite(url: URL, path: Path, lock_timeout_s: float, common: dict[str, Any], *, reading: bool) -> Engine:
    # `rw` never creates the file: a mistyped path is an error, not a new empty record. `migrate` creates it.
    mode = "ro" if url.query.get("mode") == "ro" else "rw"
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(
            uri,
            uri=True,
            timeout=lock_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for pragma in (*_SQLITE_PRAGMAS, f"PRAGMA query_only = {int(reading)}"):
                _patiently(opened, pragma, lock_timeout_s)
        except BaseException:
            opened.close()
            raise
        return opened

    engine = create_engine(f"sqlite:///{path}", creator=connect, **common)
    event.listen(engine, "begin", _begin_reading if reading else _begin_sqlite)
    return engine


def _patiently(opened: sqlite3.Connection, pragma: str, seconds: float) -> None:
    """Execute a pragma. Who opens a new file first makes it a WAL file, and SQLite itself lets nobody wait for that."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        try:
            opened.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            pause.wait(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Begin SQLAlchemy's own transactions, which look at the schema or migrate it, as writers do."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    """Begin without the write lock, which SQLite refuses to a connection that may not write."""
    connection.exec_driver_sql("BEGIN")
