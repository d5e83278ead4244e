"""The TMF688 listener over HTTP: who may post, and what becomes of it."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from placet.errors import ConfigurationError
from placet.interfaces.http.app import create_app
from placet.storage.database import Database
from placet.tmf688.mapping import LISTENER
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving
from tests.support.guard import GUARD

SECRET = "s3cret-of-the-listener/+="


def app_of(database: Database, listener_token: str | None = SECRET) -> Any:
    return create_app(
        database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        listener_token=None if listener_token is None else SecretStr(listener_token),
    )


@pytest.fixture
def bss(database: Database) -> Iterator[httpx.Client]:
    with serving(app_of(database)) as url, httpx.Client(base_url=url, auth=("placet", SECRET), timeout=GUARD) as client:
        yield client


def notification(event_id: str = "E1", amount: float = 10, kind: str = "TopupBalanceCreateEvent") -> dict[str, Any]:
    party = {"id": "C00001", "role": "customer", "@referredType": "Customer"}
    resource = {"status": "completed", "amount": {"amount": amount, "units": "USD"}, "relatedParty": [party]}
    at = datetime.now(UTC).replace(microsecond=0).isoformat()
    inner = {"eventId": event_id, "eventType": kind, "eventTime": at, "event": {"topupBalance": resource}}
    return {"eventId": event_id, "eventType": "EventCreateEvent", "event": {"event": inner}}


def seen(database: Database, url: httpx.URL) -> dict[str, Any]:
    with client_of(str(url)) as own:
        state: dict[str, Any] = own.get("/v1/customers/C00001/state").json()
    return state


def letters(bss: httpx.Client) -> list[dict[str, Any]]:
    with client_of(str(bss.base_url)) as own:
        found: list[dict[str, Any]] = own.get("/v1/events/dead-letters").json()["letters"]
    return found


def test_a_notification_is_an_event_and_counts_once(bss: httpx.Client, database: Database) -> None:
    posted = notification()
    answer = bss.post(LISTENER, json=posted)
    assert (answer.status_code, answer.json()) == (201, {"id": "E1", "callback": LISTENER})
    assert bss.post(LISTENER, json=posted).status_code == 201
    state = seen(database, bss.base_url)
    assert state["version"] == 1
    assert [one["name"] for one in state["sources"]] == ["tmf688:bss"]
    assert {one["name"]: one["value"] for one in state["windows"][0]["figures"]} == {
        "recharges": 1,
        "recharged_minor:USD": 1000,
    }


def test_what_cannot_be_taken_is_a_dead_letter_and_stops_nothing(
    bss: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bss.post(LISTENER, json=notification(kind="VoucherCreateEvent")).status_code == 201
    assert bss.post(LISTENER, json={**notification("E2"), "event": None}).status_code == 201
    changed = notification("E3")
    bss.post(LISTENER, json=changed)
    assert bss.post(LISTENER, json=notification("E3", amount=11)).status_code == 201
    reasons = {one["reason"].partition(";")[0]: one["code"] for one in letters(bss)}
    assert reasons == {
        "a notification of the BSS: 'VoucherCreateEvent' is no kind that is understood": "unmapped",
        "a notification of the BSS: event is missing, or no object": "unmapped",
        "event 'E3' of 'tmf688:bss' is known with other content": "other_content",
    }
    # A later version that understands the kind takes the letter as it arrived.
    from placet.tmf688 import mapping

    understood = {**mapping._KINDS, "VoucherCreateEvent": mapping._KINDS["TopupBalanceCreateEvent"]}
    monkeypatch.setattr(mapping, "_KINDS", understood)
    with client_of(str(bss.base_url)) as own:
        done = own.post("/v1/events/dead-letters/retry", params={"code": "unmapped"}).json()
    assert (done["taken"], done["still"]) == (1, 1)
    assert seen(database, bss.base_url)["version"] == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}'])
def test_what_is_no_notification_is_refused_in_one_line(bss: httpx.Client, body: bytes) -> None:
    answer = bss.post(LISTENER, content=body)
    assert problem(answer) == (422, "malformed")
    assert letters(bss) == []


def test_a_notification_that_is_too_long_is_refused_unread(bss: httpx.Client) -> None:
    assert bss.post(LISTENER, content=json.dumps({"x": "y" * 70_000})).status_code == 413


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        (basic(f"placet:{SECRET}"), 201),
        (basic(f"anybody:{SECRET}"), 201),
        (f"Bearer {SECRET}", 201),
        (f"Bearer {TOKEN}", 201),
        (basic(f"placet:{SECRET[:-1]}"), 401),
        (basic(SECRET), 401),
        (basic(f"placet:{TOKEN}"), 401),
        ("Basic ===", 401),
        ("Basic", 401),
        (f"Digest {SECRET}", 401),
        (basic("placet:"), 401),
    ],
)
def test_who_does_not_prove_who_they_are_posts_nothing(database: Database, given: str | None, status: int) -> None:
    with serving(app_of(database)) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        headers = {} if given is None else {"Authorization": given}
        assert client.post(LISTENER, json=notification(), headers=headers).status_code == status


def test_without_a_token_of_its_own_nobody_who_is_no_operator_posts(database: Database) -> None:
    with serving(app_of(database, None)) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        for given in (basic("placet:"), basic("placet:None"), "Bearer None", f"Bearer {SECRET}"):
            assert client.post(LISTENER, json=notification(), headers={"Authorization": given}).status_code == 401


def test_a_token_that_protects_nothing_is_refused_at_start(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="PLACET_LISTENER_TOKEN must be 16 or more characters"):
        app_of(database, "short")
    with pytest.raises(ConfigurationError, match="PLACET_LISTENER_TOKEN is the same as PLACET_API_TOKEN"):
        app_of(database, TOKEN)
