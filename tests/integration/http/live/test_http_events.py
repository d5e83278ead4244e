"""Events over HTTP: durable once answered, counted once, and what cannot be taken is named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from placet.interfaces.http.app import create_app
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving

SINGLE = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
def api(database: Database) -> Iterator[httpx.Client]:
    app = create_app(database, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        yield http


def event(number: int, **changes: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(hours=number)
    return {
        "specversion": "1.0",
        "id": f"w{number}",
        "source": "wallet",
        "type": "placet.wallet.paid.v1",
        "subject": "customer:C00001",
        "time": at.replace(minute=0, second=0, microsecond=0).isoformat(),
        "data": {"amount": {"amount_minor": 250, "currency": "USD"}, "category": "food"},
        **changes,
    }


def sent(api: httpx.Client, body: object, headers: dict[str, str]) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.post("/v1/events", content=content, headers=headers)


def test_an_event_is_taken_in_each_of_the_three_modes_and_counts_once(api: httpx.Client) -> None:
    one = event(1)
    assert sent(api, one, SINGLE).json() == {"accepted": 1, "repeated": 0, "refused": []}
    assert sent(api, [one, event(2)], BATCH).json() == {"accepted": 1, "repeated": 1, "refused": []}
    attributes = {f"ce-{name}": value for name, value in event(3).items() if name != "data"}
    headers = {**attributes, "ce-source": "%77allet", "Content-Type": "application/json"}
    assert sent(api, event(3)["data"], headers).json()["accepted"] == 1
    state = api.get("/v1/customers/C00001/state").json()
    figures = {one["name"]: one["value"] for one in state["windows"][0]["figures"]}
    assert (state["version"], figures) == (3, {"wallet_payments": 3, "wallet_minor:USD": 750})
    assert api.get("/v1/customers/C9/state").json()["version"] == 0
    assert problem(api.get("/v1/customers/C9/state", params={"as_of": "noon"})) == (422, "malformed")


def test_a_full_batch_is_taken_and_a_longer_body_is_refused_unread(api: httpx.Client) -> None:
    batch = [event(0, id=f"b{number}") for number in range(1000)]
    assert sent(api, batch, BATCH).json()["accepted"] == 1000
    assert problem(sent(api, [*batch, event(0)], BATCH)) == (422, "malformed")
    assert problem(sent(api, b" " * (1024 * 1024 + 1), BATCH)) == (413, "too_large")
    assert problem(api.post("/v1/runs", content=b" " * 70_000, headers={"Content-Type": "application/json"})) == (
        413,
        "too_large",
    )


@pytest.mark.parametrize("depth", [900, 943, 990, 5000])
def test_what_nests_deep_is_refused_in_each_mode(api: httpx.Client, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    headers = {"ce-id": "1", "ce-source": "x", "Content-Type": "application/json"}
    for answer in (sent(api, deep, headers), sent(api, deep, SINGLE), sent(api, b"[" + deep + b"]", BATCH)):
        assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize("poison", [b"9" * 4400, b"[" * 1500 + b"]" * 1500, b"{broken}"])
def test_one_event_that_cannot_be_read_keeps_no_other_from_being_taken(api: httpx.Client, poison: bytes) -> None:
    good = [json.dumps(event(number)).encode() for number in range(700, 709)]
    answer = sent(api, b"[" + b",".join([*good[:4], poison, *good[4:]]) + b"]", BATCH)
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] + answer.json()["repeated"] == len(good)
    assert len(answer.json()["refused"]) == 1
    assert problem(sent(api, b"[" + poison, BATCH)) == (422, "malformed")


def test_a_body_where_none_is_taken_is_refused(api: httpx.Client) -> None:
    answer = api.post("/v1/events/dead-letters/retry", json={"letter_id": "0" * 32})
    assert problem(answer) == (422, "malformed")
    assert answer.json()["detail"].startswith("this operation takes no body")


def test_of_several_those_that_cannot_be_taken_are_named_and_stop_none(api: httpx.Client) -> None:
    answer = sent(api, [event(1), event(2, type="x"), 7, event(3, data={})], BATCH)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [one["code"] for one in answer.json()["refused"]] == ["unknown_type", "malformed", "malformed"]
    listed = api.get("/v1/events/dead-letters", params={"limit": 2}).json()
    rest = api.get("/v1/events/dead-letters", params={"after": listed["next"]}).json()
    assert (len(listed["letters"]), len(rest["letters"]), rest["next"]) == (2, 1, None)
    assert {one["content"] for one in [*listed["letters"], *rest["letters"]]} >= {"7"}
    headers = {"X-Placet-Operator": "olga"}
    assert api.post("/v1/events/dead-letters/retry", headers=headers).json()["still"] == 3
    missing = api.post("/v1/events/dead-letters/retry", params={"letter_id": "0" * 32}, headers=headers)
    assert problem(missing) == (404, "unknown_letter")


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (event(1, data={}), SINGLE, "malformed"),
        (event(-2), SINGLE, "from_the_future"),
        (event(24 * 500), SINGLE, "too_old"),
        (event(1, subject="msisdn:+4915112345678"), SINGLE, "unknown_subject"),
        (b"\xff", SINGLE, "malformed"),
        (b"[", BATCH, "malformed"),
        (event(1), BATCH, "malformed"),
        ([], {"Content-Type": "text/plain"}, "malformed"),
        (event(1), {"Content-Type": "application/json"}, "malformed"),
        ([0] * 1001, BATCH, "malformed"),
    ],
    ids=range(10),
)
def test_what_makes_no_sense_is_refused_by_name(
    api: httpx.Client, body: object, headers: dict[str, str], code: str
) -> None:
    assert problem(sent(api, body, headers)) == (422, code)
    assert api.get("/v1/customers/C00001/state").json()["version"] == 0


def test_the_schema_is_published(api: httpx.Client) -> None:
    schema = api.get("/v1/events/schema").json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "placet.balance.recharged.v1" in schema["discriminator"]["mapping"]
