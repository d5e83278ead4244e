"""Databases: every test that asks for one runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from placet.storage.database import Database
from tests.support.databases import STOCKS, Postgres, postgres_server, spare_migrations, sqlite_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without a schema (on SQLite: of a file that does not exist yet)."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = postgres.new_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated database: an empty one, or a copy of what the test's fixture of a stock asks for."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path)
        spare_migrations(Path(url.removeprefix("sqlite:///")), _stock(request))
        yield url
    else:
        yield from _postgres_url(request)


def _postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    postgres: Postgres = request.getfixturevalue("postgres")
    name = postgres.new_database(postgres.template(_stock(request)))
    yield postgres.url(name)
    postgres.drop_database(name)


def _stock(request: pytest.FixtureRequest) -> str:
    return next((name for name in request.fixturenames if name in STOCKS), "")  # their names are theirs alone


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a migrated database, for what only PostgreSQL can do."""
    yield from _postgres_url(request)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, with a connection for each of 20 threads."""
    with Database(database_url, pool_size=20) as opened:
        yield opened
