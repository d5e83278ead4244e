"""What the HTTP API lets in: whole requests, of known size, with the token; everything else is a problem document."""

import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from placet.entrypoints.patience import PatientProtocol
from placet.errors import ConfigurationError
from placet.interfaces.http import app as http_app
from placet.interfaces.http.app import MAX_BODY_BYTES, create_app
from placet.interfaces.http.engine_link import EngineFactory
from placet.storage.database import Database
from tests.integration.http.calling import OPERATOR, TOKEN, app_for, engine_at, order, problem, serving
from tests.support.guard import GUARD
from tests.support.servers import asking

pytestmark = pytest.mark.xdist_group("http_guard")


@pytest.mark.parametrize(
    ("name", "shown"), [("../x", "'../x'"), ("a\u202eb", "'a«U+202E»b'"), ("k" * 200, f"'{'k' * 79}…'"), ("run", "run")]
)
def test_a_parameter_that_there_is_not_is_named_visibly(http: httpx.Client, name: str, shown: str) -> None:
    answer = http.get("/v1/runs", params={name: "1"})
    assert problem(answer) == (422, "malformed")
    assert answer.json()["detail"].startswith(f"query.{shown} is no parameter of this operation; it has: ")


@pytest.mark.parametrize(
    ("changes", "headers", "code", "said"),
    [
        ({"agent": "unheard_of"}, OPERATOR, "unknown_agent", "unknown agent 'unheard_of'; known: retention"),
        (
            {"customer_id": "no/slash"},
            OPERATOR,
            "malformed",
            "malformed: body.customer_id 'no/slash': not a customer",
        ),
        ({"key": "a\x00b"}, OPERATOR, "malformed", "malformed: body.key 'a\\x00b': "),
        ({"amount": 5}, OPERATOR, "malformed", "malformed: body.amount: there is no field of this name"),
        ({}, {}, "malformed", "the header X-Placet-Operator must name who asks"),
        (
            {},
            {"X-Placet-Operator": "Olga Ops"},
            "malformed",
            "malformed: header.X-Placet-Operator 'Olga Ops': not a ",
        ),
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
    cut = http.post("/v1/runs", content=b"{", headers=typed)
    assert problem(cut) == (422, "malformed")
    assert cut.json()["detail"].startswith("malformed: it is not JSON: ")
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


def test_a_connection_on_which_nobody_reads_the_answers_is_closed(
    records: Database, dead_engine: EngineFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "read_seconds", 0.2)
    with serving(app_for(records, dead_engine)) as url:
        address = urlsplit(url)
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect((address.hostname, address.port))
            connection.settimeout(GUARD)
            asked = f"GET /openapi.json HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()

            def ask_on() -> None:
                while True:
                    connection.sendall(asked * 50)
                    time.sleep(0.05)

            with pytest.raises(OSError, match=r"reset|[Bb]roken"):
                ask_on()


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
    answer = asking.get(f"{url}{path}", headers=headers)
    assert problem(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_two_authorization_headers_are_one_too_many(url: str) -> None:
    both = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    assert problem(asking.get(f"{url}/v1/runs", headers=both)) == (401, "unauthorized")


def test_answers_may_not_be_cached(http: httpx.Client) -> None:
    assert http.get("/v1/runs").headers["cache-control"] == "no-store"


def test_a_query_that_an_operation_does_not_have_is_refused_and_not_passed_over(http: httpx.Client) -> None:
    for query in ("stat=failed", "before=run-1", "limit=1&limit=2", "State=failed", "%00=1", "=1", "state=failed&x"):
        answer = http.get(f"/v1/runs?{query}")
        assert problem(answer) == (422, "malformed"), query
    assert "it has: state, customer_id" in http.get("/v1/runs?stat=failed").json()["detail"]
    assert problem(http.get("/v1/oversight?x=1"))[0] == 422
    assert http.get("/v1/inbox?kind=adjust_balance&kind=order_product").status_code == 200
    assert problem(http.post("/v1/halts?dry_run=true", json={}, headers=OPERATOR)) == (422, "malformed")


def test_paths_and_methods_that_do_not_exist_are_problems_too(http: httpx.Client) -> None:
    assert problem(http.get("/no-such-path")) == (404, "not_found")
    assert problem(http.delete("/v1/runs")) == (405, "method_not_allowed")
    assert problem(http.get("/docs/vendored.toml")) == (404, "not_found")
    assert problem(http.get("/redoc")) == (404, "not_found")


@pytest.mark.parametrize("token", [None, "", "short", "0123456789abcdef 0123456789", "0123456789abcdef\n"])
def test_the_api_refuses_to_start_without_a_real_token(records: Database, token: str | None) -> None:
    given = None if token is None else SecretStr(token)
    with pytest.raises(ConfigurationError, match="refuses to start"):
        create_app(records, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=given)
