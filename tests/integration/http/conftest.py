"""The HTTP API over a database of its own and the Temporal server that all tests share."""

from collections.abc import Iterator

import httpx
import pytest

from placet.entrypoints.processes.process import free_port
from placet.interfaces.http.engine_link import EngineFactory
from placet.storage.database import Database
from tests.integration.http.calling import app_for, client_of, engine_at, serving
from tests.support.databases import migrated, sqlite_url


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path_factory.mktemp("records")), pool_size=20) as database:
        yield database


@pytest.fixture(scope="module")
def url(temporal_address: str, records: Database) -> Iterator[str]:
    with serving(app_for(records, engine_at(temporal_address))) as address:
        yield address


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with client_of(url) as client:
        yield client


@pytest.fixture
def dead_engine() -> EngineFactory:
    return engine_at(f"127.0.0.1:{free_port()}")
