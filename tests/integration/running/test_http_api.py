"""The HTTP API on a real server, Temporal and database: it starts, shows and delivers, and lets nobody in."""

import asyncio
import json
import secrets
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import SecretStr
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RetryConfig

from placet.contracts.money import Money
from placet.contracts.people.decision import DecisionPredicate
from placet.contracts.proposal import AdjustBalance, Proposal
from placet.engine.client import Engine
from placet.engine.converter import data_converter
from placet.engine.payload_keys import PayloadKeys
from placet.entrypoints import api
from placet.entrypoints.patience import PatientProtocol
from placet.entrypoints.processes.process import Child, answers, await_condition, free_port
from placet.entrypoints.processes.stack import placet_command
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.governance.approvals import sign_decision
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import key_id_of, public_bytes
from placet.interfaces.http import app as http_app
from placet.interfaces.http.app import MAX_BODY_BYTES, create_app
from placet.interfaces.http.engine_link import EngineFactory
from placet.service.runs import build_request
from placet.storage.database import Database
from tests.support.databases import migrated, sqlite_url
from tests.support.guard import GUARD
from tests.support.temporal import temporal_server

pytestmark = pytest.mark.xdist_group("http_api")

TOKEN = "0123456789abcdef0123456789abcdef"
KEY = PayloadKeys((bytes(range(32)),))
OPERATOR = {"X-Placet-Operator": "olga.ops"}


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    listener = api._listen("127.0.0.1", 0)
    server = uvicorn.Server(api._config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        await_condition(lambda: server.started, seconds=GUARD, what="the API answering")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()


def engine_at(address: str) -> EngineFactory:
    async def factory() -> Engine:
        engine = await Engine.connect(address, "default", KEY)
        engine.is_ours = True  # other tests have their runs there
        return engine

    return factory


def app_for(database: Database, factory: EngineFactory, tenant: str = "demo") -> FastAPI:
    return create_app(database, factory, tenant=tenant, agents=("retention",), token=SecretStr(TOKEN))


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=GUARD)


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with temporal_server(tmp_path_factory.mktemp("temporal")) as (address, _):
        yield address


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path_factory.mktemp("records")), pool_size=20) as database:
        yield database


@pytest.fixture(scope="module")
def url(temporal: str, records: Database) -> Iterator[str]:
    with serving(app_for(records, engine_at(temporal))) as address:
        yield address


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with client_of(url) as client:
        yield client


@pytest.fixture
def dead_engine() -> EngineFactory:
    return engine_at(f"127.0.0.1:{free_port()}")


def order(**changes: Any) -> dict[str, Any]:
    return {"customer_id": "C00042", "agent": "retention", "key": secrets.token_hex(8), **changes}


def start(http: httpx.Client, **changes: Any) -> str:
    answer = http.post("/v1/runs", json=order(**changes), headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["run"]["run_id"])


def on_temporal(address: str, work: Callable[[Engine], Any]) -> Any:
    async def connected() -> Any:
        return await work(await engine_at(address)())

    return asyncio.run(connected())


def problem(answer: httpx.Response) -> tuple[int, str]:
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(document) == {"type", "title", "status", "detail", "code"}
    assert document["type"] == "about:blank"
    assert document["status"] == answer.status_code
    assert "\n" not in document["detail"]
    assert "Traceback" not in answer.text
    return answer.status_code, str(document["code"])


def envelope(run_id: str, verdict: Any = "approve") -> str:
    key = Ed25519PrivateKey.generate()
    predicate = DecisionPredicate(
        tenant="demo",
        run_id=run_id,
        verdict=verdict,
        approver="anna",
        decided_at=datetime.now(UTC),
        decision_id=secrets.token_hex(16),
    )
    return sign_decision(predicate, "0" * 64, key, key_id_of(public_bytes(key.public_key())))


def test_a_new_run_is_created_and_really_started_in_temporal(http: httpx.Client, temporal: str) -> None:
    answer = http.post("/v1/runs", json=order(key="crm-1"), headers=OPERATOR)
    assert answer.status_code == 201
    run = answer.json()["run"]
    assert answer.json()["new"] is True
    assert answer.headers["location"] == f"/v1/runs/{run['run_id']}"
    assert (run["tenant"], run["customer_id"], run["agent"], run["key"]) == ("demo", "C00042", "retention", "crm-1")
    assert (run["requested_by"], run["state"]) == ("olga.ops", "analysing")

    async def described(engine: Engine) -> WorkflowExecutionStatus | None:
        return (await engine.handle(run["run_id"]).describe()).status

    assert on_temporal(temporal, described) is WorkflowExecutionStatus.RUNNING


def test_the_same_key_is_the_same_run(http: httpx.Client) -> None:
    wanted = order()
    first = http.post("/v1/runs", json=wanted, headers=OPERATOR)
    again = http.post("/v1/runs", json=wanted, headers=OPERATOR)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {"new": False, "run": first.json()["run"]}


def test_a_key_used_for_another_customer_is_a_conflict(http: httpx.Client) -> None:
    wanted = order()
    assert http.post("/v1/runs", json=wanted, headers=OPERATOR).status_code == 201
    other = http.post("/v1/runs", json={**wanted, "customer_id": "C00043"}, headers=OPERATOR)
    assert problem(other) == (409, "run_key_conflict")


def test_without_a_key_every_request_is_a_new_run(http: httpx.Client) -> None:
    assert start(http, key=None) != start(http, key=None)


@pytest.mark.parametrize(
    ("changes", "headers", "code", "said"),
    [
        ({"agent": "unheard_of"}, OPERATOR, "unknown_agent", "unknown agent 'unheard_of'; known: retention"),
        ({"customer_id": "no/slash"}, OPERATOR, "malformed", "body.customer_id 'no/slash' is malformed"),
        ({"key": "a\x00b"}, OPERATOR, "malformed", "body.key 'a\\x00b' is malformed"),
        ({"amount": 5}, OPERATOR, "malformed", "body.amount 5 is malformed"),
        ({}, {}, "malformed", "header.X-Placet-Operator is malformed: Field required"),
        ({}, {"X-Placet-Operator": "Olga Ops"}, "malformed", "header.X-Placet-Operator 'Olga Ops' is malformed"),
    ],
)
def test_a_request_that_makes_no_sense_starts_nothing(
    http: httpx.Client, changes: dict[str, Any], headers: dict[str, str], code: str, said: str
) -> None:
    before = http.get("/v1/runs", params={"limit": 1000}).json()
    answer = http.post("/v1/runs", json=order(**changes), headers=headers)
    assert problem(answer) == (422, code)
    assert answer.json()["detail"].startswith(said)
    assert http.get("/v1/runs", params={"limit": 1000}).json() == before


def test_what_is_not_json_or_too_large_is_refused(http: httpx.Client) -> None:
    typed = {**OPERATOR, "Content-Type": "application/json"}
    assert problem(http.post("/v1/runs", content=b"{", headers=typed)) == (422, "malformed")
    halves = (
        b'{"customer_id": "C00001", "agent": "retention", "key": "\\ud800"}',
        b'{"customer_id": "\\udfff", "agent": "retention"}',
        b'{"customer_id": "C00001", "agent": "retention", "\\ud800": 1}',
    )
    for half in halves:  # of a character: valid JSON, and no text
        assert problem(http.post("/v1/runs", content=half, headers=typed)) == (422, "malformed")
    not_utf8 = b'{"customer_id": "\xed\xa0\x80", "agent": "retention"}'
    assert problem(http.post("/v1/runs", content=not_utf8, headers=typed)) == (422, "malformed")
    large = b'{"customer_id": "' + b"C" * MAX_BODY_BYTES + b'"}'
    assert problem(http.post("/v1/runs", content=large, headers=typed)) == (413, "too_large")
    chunks = (large[i : i + 8192] for i in range(0, len(large), 8192))  # without a Content-Length
    assert problem(http.post("/v1/runs", content=chunks, headers=typed)) == (413, "too_large")


def raw(url: str, sent: bytes) -> bytes:
    """Everything that is answered to these bytes until the server closes the connection."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=GUARD) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_request_with_two_lengths_or_for_another_host_leads_nowhere(url: str, http: httpx.Client) -> None:
    head = f"Host: evil.example\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    hidden = b"GET /v1/runs HTTP/1.1\r\n" + head + b"\r\n"
    answer = raw(url, b"POST /v1/runs HTTP/1.1\r\n" + head + both + hidden)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert (answer.count(b"HTTP/1.1"), b"connection: close" in answer) == (1, True)
    answer = raw(url, b"GET /v1/runs/ HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"evil.example" not in answer
    assert http.get("/v1/runs").status_code == 200


def test_a_connection_that_says_nothing_whole_is_closed(
    records: Database, dead_engine: EngineFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.2)
    monkeypatch.setattr(http_app, "BODY_SECONDS", 0.2)
    head = f"Host: a\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    with serving(app_for(records, dead_engine)) as url:
        whole = b"GET /v1/runs HTTP/1.1\r\n" + head + b"\r\n"
        for started in (b"", b"GET /v1/ru", b"GET /v1/runs HTTP/1.1\r\nX-"):
            assert raw(url, started) == b""
            answer = raw(url, whole + started)  # also after an answer
            assert (answer[:15], answer.count(b"HTTP/1.1")) == (b"HTTP/1.1 200 OK", 1)
        for half in (b"Content-Length: 9\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
            assert raw(url, b"POST /v1/runs HTTP/1.1\r\n" + head + half).startswith(b"HTTP/1.1 408 Request Timeout")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
    ],
)
@pytest.mark.parametrize("path", ["/v1/runs", "/openapi.json", "/no-such-path", "/healthz/"])
def test_nothing_is_answered_without_the_token(url: str, path: str, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{url}{path}", headers=headers)
    assert problem(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_two_authorization_headers_are_one_too_many(url: str) -> None:
    both = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    assert problem(httpx.get(f"{url}/v1/runs", headers=both)) == (401, "unauthorized")


def test_answers_may_not_be_cached(http: httpx.Client) -> None:
    assert http.get("/v1/runs").headers["cache-control"] == "no-store"


def test_paths_and_methods_that_do_not_exist_are_problems_too(http: httpx.Client) -> None:
    assert problem(http.get("/no-such-path")) == (404, "not_found")
    assert problem(http.delete("/v1/runs")) == (405, "method_not_allowed")
    assert http.get("/docs").status_code == 404


@pytest.mark.parametrize("token", [None, "", "short", "0123456789abcdef 0123456789", "0123456789abcdef\n"])
def test_the_api_refuses_to_start_without_a_real_token(records: Database, token: str | None) -> None:
    given = None if token is None else SecretStr(token)
    with pytest.raises(ConfigurationError, match="refuses to start"):
        create_app(records, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=given)


def test_runs_are_listed_newest_first_page_by_page(http: httpx.Client) -> None:
    customer = f"C-{secrets.token_hex(4)}"
    started = [start(http, customer_id=customer) for _ in range(3)]
    first = http.get("/v1/runs", params={"customer_id": customer, "limit": 2}).json()
    assert [run["run_id"] for run in first["runs"]] == started[:0:-1]
    assert first["next"] == started[1]
    rest = http.get("/v1/runs", params={"customer_id": customer, "limit": 2, "before": first["next"]}).json()
    assert [run["run_id"] for run in rest["runs"]] == started[:1]
    assert rest["next"] is None
    assert http.get("/v1/runs", params={"customer_id": customer, "state": "executed"}).json()["runs"] == []
    assert problem(http.get("/v1/runs", params={"state": "asleep"})) == (422, "malformed")


def test_a_run_shows_its_state_and_its_record(http: httpx.Client) -> None:
    run_id = start(http, customer_id="C00007")
    assert http.get(f"/v1/runs/{run_id}").json()["customer_id"] == "C00007"
    audit = http.get(f"/v1/runs/{run_id}/audit").json()
    assert [(entry["kind"], entry["actor"]) for entry in audit["events"]] == [("run.requested", "olga.ops")]
    assert problem(http.get(f"/v1/runs/{run_id}/proposal")) == (404, "no_proposal")


def test_an_unknown_run_and_a_malformed_run_id_are_told_apart(http: httpx.Client) -> None:
    unknown = f"/v1/runs/run-{'0' * 20}"
    for path in (unknown, f"{unknown}/audit", f"{unknown}/proposal"):
        assert problem(http.get(path)) == (404, "unknown_run")
    assert problem(http.post(f"{unknown}/cancel", headers=OPERATOR)) == (404, "unknown_run")
    assert problem(http.get("/v1/runs/42")) == (422, "malformed")


def test_the_proposal_comes_with_the_digest_an_approver_signs(http: httpx.Client, records: Database) -> None:
    run_id = start(http)
    proposal = Proposal(
        run_id=run_id,
        tenant="demo",
        customer_id="C00042",
        agent="retention",
        triggered_by="olga.ops",
        treatment="goodwill_credit",
        mutation=AdjustBalance(
            customer_id="C00042", bucket_id="B1", amount=Money(amount_minor=500, currency="USD"), reason="goodwill"
        ),
        cost=Money(amount_minor=500, currency="USD"),
        expected_value_minor=900,
        rationale="",
        candidates=(),
        preconditions=(),
        evidence="0" * 64,
        assessment="0" * 64,
    )
    with records.transaction() as tx:
        digest = tx.artifacts.put_model("demo", proposal)
        tx.runs.set_state(run_id, "awaiting_decision", at=datetime.now(UTC), proposal=digest)
    answer = http.get(f"/v1/runs/{run_id}/proposal").json()
    assert (answer["run_id"], answer["digest"]) == (run_id, digest)
    assert Proposal.model_validate(answer["proposal"]) == proposal


def test_a_decision_is_delivered_to_the_workflow_unchanged(http: httpx.Client, temporal: str) -> None:
    run_id = start(http)
    signed = envelope(run_id)
    typed = {"Content-Type": "application/json"}
    answer = http.post(f"/v1/runs/{run_id}/decisions", content=signed, headers=typed)
    assert answer.status_code == 202
    assert answer.json() == {"run_id": run_id, "envelope": sha256_hex(signed.encode())}

    async def signals(engine: Engine) -> int:
        history = await engine.history(run_id)
        return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)

    assert on_temporal(temporal, signals) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []},
        {"payload": "e30=", "payloadType": "text/plain", "signatures": [{"keyid": "0" * 64, "sig": "AA=="}]},
        {"payload": "\ud800", "payloadType": "text/plain", "signatures": [{"keyid": "0" * 64, "sig": "AA=="}]},
        {"\ud800": "e30="},
    ],
)
def test_what_is_no_signed_decision_is_not_delivered(http: httpx.Client, body: dict[str, Any]) -> None:
    typed = {"Content-Type": "application/json"}  # as bytes: httpx encodes no half a character
    sent = http.post(f"/v1/runs/{start(http)}/decisions", content=json.dumps(body).encode(), headers=typed)
    assert problem(sent)[0] == 422


def test_a_decision_after_the_end_is_late_and_recorded(http: httpx.Client, temporal: str) -> None:
    run_id = start(http)

    async def end(engine: Engine) -> None:
        await engine.handle(run_id).terminate("the test ends it")

    on_temporal(temporal, end)
    signed = envelope(run_id)
    typed = {"Content-Type": "application/json"}
    assert problem(http.post(f"/v1/runs/{run_id}/decisions", content=signed, headers=typed)) == (409, "late")
    entry = http.get(f"/v1/runs/{run_id}/audit").json()["events"][-1]
    assert (entry["kind"], entry["body"]["code"]) == ("approve.refused", "late")
    assert entry["body"]["envelope"] == sha256_hex(signed.encode())


def test_a_cancellation_reaches_temporal_and_names_who_asked(http: httpx.Client, temporal: str) -> None:
    run_id = start(http)
    assert problem(http.post(f"/v1/runs/{run_id}/cancel")) == (422, "malformed")
    assert problem(http.post(f"/v1/runs/{run_id}/cancel", headers={"X-Placet-Operator": ""})) == (422, "malformed")
    why = {"reason": "asked for twice"}
    answer = http.post(f"/v1/runs/{run_id}/cancel", headers={"X-Placet-Operator": "maria"}, json=why)
    assert (answer.status_code, answer.json()) == (202, {"run_id": run_id})
    entry = http.get(f"/v1/runs/{run_id}/audit").json()["events"][-1]
    assert (entry["kind"], entry["actor"]) == ("run.cancel_requested", "maria")
    assert entry["body"]["reason"] == "asked for twice"

    async def asked(engine: Engine) -> bool:
        events = (await engine.history(run_id)).events
        return any(e.HasField("workflow_execution_cancel_requested_event_attributes") for e in events)

    assert on_temporal(temporal, asked)


def test_what_has_ended_or_never_started_cannot_be_cancelled(http: httpx.Client, records: Database) -> None:
    ended = start(http)
    waiting = build_request(
        tenant="demo", customer_id="C1", agent="retention", requested_by="olga", key=None, agents=("retention",)
    )
    with records.transaction() as tx:
        tx.runs.set_state(ended, "rejected", at=datetime.now(UTC))
        tx.runs.request(waiting)
    for run_id in (ended, waiting.run_id):
        assert problem(http.post(f"/v1/runs/{run_id}/cancel", headers=OPERATOR)) == (409, "not_running")


def test_another_tenants_runs_do_not_exist(http: httpx.Client, records: Database, temporal: str) -> None:
    run_id = start(http)
    with serving(app_for(records, engine_at(temporal), tenant="rival")) as other, client_of(other) as rival:
        assert rival.get("/v1/runs").json() == {"runs": [], "next": None}
        for path in (f"/v1/runs/{run_id}", f"/v1/runs/{run_id}/audit", f"/v1/runs/{run_id}/proposal"):
            assert problem(rival.get(path)) == (404, "unknown_run")
        assert problem(rival.post(f"/v1/runs/{run_id}/decisions", content=envelope(run_id)))[0] == 422
        typed = {"Content-Type": "application/json"}
        sent = rival.post(f"/v1/runs/{run_id}/decisions", content=envelope(run_id), headers=typed)
        assert problem(sent) == (404, "unknown_run")


def test_health_is_open_and_says_ok(url: str) -> None:
    answer = httpx.get(f"{url}/healthz")
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


def test_a_run_that_temporal_did_not_take_can_be_sent_again(tmp_path: Path, temporal: str) -> None:
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
        with serving(app_for(database, engine_at(temporal))) as url, client_of(url) as http:
            again = http.post("/v1/runs", json=order(key=run["key"]), headers=OPERATOR)
            assert (again.status_code, again.json()["run"]["run_id"]) == (201, run["run_id"])

            async def described(engine: Engine) -> WorkflowExecutionStatus | None:
                return (await engine.handle(run["run_id"]).describe()).status

            assert on_temporal(temporal, described) is WorkflowExecutionStatus.RUNNING


def test_a_locked_database_is_a_problem_and_stops_nobody_else(tmp_path: Path, temporal: str) -> None:
    url_of_file = sqlite_url(tmp_path)
    with Database(url_of_file, lock_timeout_s=2.0) as database:
        database.migrate()
        with serving(app_for(database, engine_at(temporal))) as url, client_of(url) as http:
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


def test_placet_api_serves_until_it_is_told_to_stop(tmp_path: Path, temporal: str) -> None:
    port = free_port()
    environment = {
        "PLACET_HOME": str(tmp_path),
        "PLACET_TEMPORAL_ADDRESS": temporal,
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
    assert (tmp_path / "api.log").read_text() == f"HTTP API of tenant 'demo' at http://127.0.0.1:{port}\n"


def test_an_address_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with api._listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        settings = Settings(home=tmp_path, api_port=port, api_token=SecretStr(TOKEN))
        with pytest.raises(ConfigurationError, match=rf"cannot listen on '127.0.0.1' port {port} .*in use"):
            api.serve(settings)
