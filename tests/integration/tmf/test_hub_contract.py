"""TMF688 on both sides: what the sandbox's hub takes, answers and tells, and what our listener answers."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from placet.entrypoints.processes.process import await_condition
from placet.interfaces.http.app import create_app
from placet.plugin_api import Allowlist, ConnectorContext, Endpoint
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer
from placet.sandbox.bss import Bss
from placet.sandbox.config import SandboxConfig
from placet.sandbox.hub.days import tell_of_days
from placet.sandbox.hub.delivery import notification
from placet.sandbox.seed import load_customers
from placet.sandbox.server import running
from placet.sandbox.store import Database as SandboxDatabase
from placet.storage.database import Database
from placet.tmf688.mapping import EVENT_TYPES, LISTENER, QUERY, events_of
from plugins.hub import HubPlugin
from tests.integration.http.calling import TOKEN, engine_at, serving
from tests.integration.http.live.test_http_listener import SECRET
from tests.integration.tmf import requests as ask
from tests.integration.tmf import spec
from tests.plugins.support import ALLOWLIST, answer
from tests.plugins.support import bss as behind_plugins
from tests.support.guard import GUARD

pytestmark = pytest.mark.skipif(
    not spec.directory().is_dir(),
    reason=f"no TM Forum specs in {str(spec.directory())!r}; set PLACET_TMF_SPECS to a folder of their Swagger files",
)

HUB = "/tmf-api/event/v4/hub"
_DEFINITIONS = {
    "CustomerCreateEvent": ("TMF629", "customer", "Customer"),
    "CustomerAttributeValueChangeEvent": ("TMF629", "customer", "Customer"),
    "AdjustBalanceCreateEvent": ("TMF654", "adjustBalance", "AdjustBalance"),
    "TopupBalanceCreateEvent": ("TMF654", "topupBalance", "TopupBalance"),
    "CustomerBillCreateEvent": ("TMF678", "customerBill", "CustomerBill"),
    "UsageCreateEvent": ("TMF635", "usage", "Usage"),
    "ProductOrderStateChangeEvent": ("TMF622", "productOrder", "ProductOrder"),
}


def check_notification(told: dict[str, Any]) -> None:
    """The notification, the event in it, and the resource that the event is about, each by its own definition."""
    spec.check("TMF688", "EventCreateEvent", told)
    event = told["event"]["event"]
    spec.check("TMF688", "Event", event)
    api, name, definition = _DEFINITIONS[event["eventType"]]
    spec.check(api, definition, event["event"][name])
    assert all(isinstance(one, bytes) for one in events_of(json.dumps(told).encode()))


def test_hub_and_listener_are_served_where_the_spec_says() -> None:
    assert spec.base_path("TMF688") == HUB.rpartition("/")[0]
    assert f"{spec.base_path('TMF688')}/listener/eventCreateEvent" == LISTENER
    assert set(_DEFINITIONS) == set(EVENT_TYPES)


def test_a_registration_is_valid_as_sent_and_answered() -> None:
    with behind_plugins() as system:
        made = httpx.post(f"{system.url}{HUB}", json={"callback": "http://127.0.0.1:9", "query": QUERY}, timeout=GUARD)
        assert made.status_code == 201
        spec.check("TMF688", "EventSubscription", made.json())
        again = httpx.post(f"{system.url}{HUB}", json={"callback": "http://127.0.0.1:9", "query": QUERY}, timeout=GUARD)
        assert again.status_code == 409
        spec.check("TMF688", "Error", again.json())


def test_what_our_plugin_sends_is_valid() -> None:
    def respond(_request: ProbeRequest) -> ProbeAnswer:
        return answer({"id": "1", "callback": "http://127.0.0.1:9"}, 201)

    rules = next(one for one in Allowlist.load(ALLOWLIST).plugins if one.name == "hub")
    with (
        ProbeServer(respond) as hub,
        HubPlugin(ConnectorContext(rules=rules, endpoint=Endpoint.parse("hub", hub.url))) as plugin,
    ):
        assert plugin.register(SecretStr("http://127.0.0.1:9/l"), QUERY) == "1"
        (sent,) = hub.requests
    spec.check("TMF688", "EventSubscriptionInput", json.loads(sent.body))


@pytest.fixture
def told() -> Iterator[tuple[httpx.Client, list[dict[str, Any]]]]:
    found: list[dict[str, Any]] = []

    def respond(request: ProbeRequest) -> ProbeAnswer:
        found.append(json.loads(request.body))
        return ProbeAnswer(status=201)

    with (
        ProbeServer(respond) as listener,
        running(SandboxConfig()) as url,
        httpx.Client(base_url=url, timeout=GUARD) as client,
    ):
        client.post(HUB, json={"callback": listener.url}).raise_for_status()
        yield client, found


def test_what_a_listener_is_told_is_valid(told: tuple[httpx.Client, list[dict[str, Any]]]) -> None:
    client, found = told
    client.post(ask.ADJUST, json=ask.adjustment("C00002", 5, description="x", reason="goodwill")).raise_for_status()
    topup = {"amount": {"amount": 10, "units": "USD"}, "bucket": {"id": "B-C00001"}, "voucher": "V-1"}
    client.post(ask.TOPUP, json=topup).raise_for_status()
    added, moved = ask.add_item("PO-streaming-tv", "a"), ask.move_item("P-C00002-internet", "PO-internet-fiber")
    client.post(ask.ORDER, json=ask.order("C00002", added, moved | {"id": "b"})).raise_for_status()
    await_condition(lambda: len(found) == 3, seconds=GUARD, what="three notifications")
    for one in found:
        check_notification(one)
    assert len(events_of(json.dumps(found[2]).encode())) == 2


def test_what_a_listener_is_told_of_days_is_valid() -> None:
    today = date(2026, 3, 31)
    bss = Bss(dict(list(load_customers(None).items())[:100]), SandboxDatabase(None), today)
    bss.today = lambda: today  # type: ignore[method-assign]
    bss.listeners.add("http://127.0.0.1:9", "")
    tell_of_days(bss)
    today += timedelta(days=1)
    while tell_of_days(bss):
        pass
    bodies = [json.loads(one.body) for one in bss.outbox.after(0, 1000)]
    assert {one["eventType"] for one in bodies} == {
        "CustomerBillCreateEvent",
        "CustomerAttributeValueChangeEvent",
        "UsageCreateEvent",
    }
    for body in bodies:
        check_notification(notification(body))


def test_what_our_listener_answers_is_valid(database: Database) -> None:
    event = {"id": "E1", "eventId": "E1", "eventType": "UsageCreateEvent", "eventTime": "2026-03-01T12:00:00Z"}
    body = {"eventId": "E1", "eventType": "EventCreateEvent", "event": {"event": event}}
    spec.check("TMF688", "EventCreateEvent", body)
    app = create_app(
        database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        listener_token=SecretStr(SECRET),
    )
    with serving(app) as url:
        answer = httpx.post(f"{url}{LISTENER}", json=body, auth=("placet", SECRET), timeout=GUARD)
        assert answer.status_code == 201
        spec.check("TMF688", "EventSubscription", answer.json())
