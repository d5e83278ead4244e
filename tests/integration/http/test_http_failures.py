"""The HTTP API while Temporal or its database is away, and as a process: it says so, and loses nothing."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RetryConfig

from placet.engine.client import Engine
from placet.engine.converter import data_converter
from placet.entrypoints import api
from placet.entrypoints.processes.process import Child, answers, await_condition, free_port
from placet.entrypoints.processes.stack import placet_command
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.interfaces.http.engine_link import EngineFactory
from placet.storage.database import Database
from tests.integration.http.calling import (
    KEY,
    OPERATOR,
    TOKEN,
    app_for,
    client_of,
    engine_at,
    on_temporal,
    order,
    problem,
    serving,
)
from tests.support.databases import migrated, sqlite_url
from tests.support.guard import GUARD
from tests.support.servers import asking
from tests.support.temporal import temporal_server


def test_health_is_open_and_says_ok(url: str) -> None:
    answer = asking.get(f"{url}/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "temporal": "ok"})


def test_without_temporal_nothing_is_recorded_and_reading_goes_on(tmp_path: Path, dead_engine: EngineFactory) -> None:
    with (
        migrated(sqlite_url(tmp_path)) as database,
        serving(app_for(database, dead_engine)) as url,
        client_of(url) as http,
    ):
        assert problem(http.post("/v1/runs", json=order(), headers=OPERATOR)) == (503, "configuration")
        assert http.get("/v1/runs").json() == {"runs": [], "next": None}
        health = http.get("/healthz")
        assert (health.status_code, health.json()) == (503, {"database": "ok", "temporal": "engine_unavailable"})


def test_a_run_that_temporal_did_not_take_can_be_sent_again(tmp_path: Path, temporal_address: str) -> None:
    with migrated(sqlite_url(tmp_path)) as database, temporal_server(tmp_path) as (address, server):

        async def hasty() -> Engine:
            retries = RetryConfig(max_retries=1, max_elapsed_time_millis=500)
            client = await Client.connect(address, data_converter=data_converter(KEY), retry_config=retries)
            engine = Engine(client, KEY.task_queue)
            engine.is_ours = True
            return engine

        with serving(app_for(database, hasty)) as url, client_of(url) as http:
            taken = http.post("/v1/runs", json=order(key=None), headers=OPERATOR).json()["run"]["run_id"]
            server.kill()
            answer = http.post("/v1/runs", json=order(key=None), headers=OPERATOR)
            assert problem(answer) == (503, "engine_unavailable")
            run = next(run for run in http.get("/v1/runs").json()["runs"] if run["run_id"] != taken)
            assert f"with key {run['key']!r}" in answer.json()["detail"]
        with serving(app_for(database, engine_at(temporal_address))) as url, client_of(url) as http:
            again = http.post("/v1/runs", json=order(key=run["key"]), headers=OPERATOR)
            assert (again.status_code, again.json()["run"]["run_id"]) == (201, run["run_id"])

            async def described(engine: Engine) -> WorkflowExecutionStatus | None:
                return (await engine.handle(run["run_id"]).describe()).status

            assert on_temporal(temporal_address, described) is WorkflowExecutionStatus.RUNNING


def test_a_locked_database_is_a_problem_and_stops_nobody_else(tmp_path: Path, temporal_address: str) -> None:
    url_of_file = sqlite_url(tmp_path)
    with Database(url_of_file, lock_timeout_s=2.0) as database:
        database.migrate()
        with serving(app_for(database, engine_at(temporal_address))) as url, client_of(url) as http:
            http.get("/healthz").raise_for_status()
            refused: list[httpx.Response] = []

            def write() -> None:
                with client_of(url) as other:
                    refused.append(other.post("/v1/runs", json=order(), headers=OPERATOR))

            writer = threading.Thread(target=write)
            with closing(sqlite3.connect(url_of_file.removeprefix("sqlite:///"))) as holder:
                holder.execute("BEGIN IMMEDIATE")
                writer.start()
                served = 0
                while writer.is_alive():
                    served += http.get("/v1/runs").status_code == 200
                holder.rollback()
            assert problem(refused[0]) == (503, "storage_locked")
            assert str(tmp_path) not in refused[0].text
            assert served > 10


def test_placet_api_serves_until_it_is_told_to_stop(tmp_path: Path, temporal_address: str) -> None:
    port = free_port()
    environment = {
        "PLACET_HOME": str(tmp_path),
        "PLACET_TEMPORAL_ADDRESS": temporal_address,
        "PLACET_API_PORT": str(port),
        "PLACET_API_TOKEN": TOKEN,
    }
    child = Child("api", placet_command("api"), tmp_path / "api.log", environment)
    try:
        await_condition(lambda: answers(port), seconds=GUARD, what="`placet api` answering")
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=GUARD).json() == {
            "database": "ok",
            "temporal": "ok",
        }
    finally:
        child.ask_to_stop()
    assert child._process.wait(GUARD) == 0
    assert (tmp_path / "api.log").read_text().splitlines() == [
        f"HTTP API of tenant 'demo' at http://127.0.0.1:{port}",
        f"console at http://localhost:{port}/console",
    ]


def test_an_address_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with api._listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        settings = Settings(home=tmp_path, api_port=port, api_token=SecretStr(TOKEN))
        with pytest.raises(ConfigurationError, match=rf"cannot listen on '127.0.0.1' port {port} .*in use"):
            api.serve(settings)
