"""Listeners of the sandbox are told of what happens, in order, at least once, whatever fails on the way."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from placet.entrypoints.processes.process import await_condition
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer
from placet.sandbox.bss import Bss
from placet.sandbox.config import SandboxConfig
from placet.sandbox.derived.bills import bills
from placet.sandbox.hub import days as told_of_days
from placet.sandbox.hub.days import tell_of_days
from placet.sandbox.hub.outbox import Outbox
from placet.sandbox.seed import load_customers
from placet.sandbox.server import running
from placet.sandbox.store import Database
from tests.integration.tmf.requests import ADJUST, ORDER, TOPUP, add_item, adjustment, order
from tests.support.guard import GUARD

HUB = "/tmf-api/event/v4/hub"


@dataclass
class Listener:
    """What one listener was told. Each request uses up one of `answers`; after that all are taken."""

    answers: list[ProbeAnswer] = field(default_factory=list)
    requests: list[ProbeRequest] = field(default_factory=list)
    url: str = ""

    def respond(self, request: ProbeRequest) -> ProbeAnswer:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else ProbeAnswer(status=201)

    @property
    def told(self) -> list[dict[str, Any]]:
        """The events, in order of arrival, repetitions too."""
        return [json.loads(request.body)["event"]["event"] for request in self.requests]

    def amounts(self) -> list[float]:
        """The amounts of the adjustments, in order of arrival."""
        return [one["event"]["adjustBalance"]["amount"]["amount"] for one in self.told]


@contextmanager
def listening(*answers: ProbeAnswer) -> Iterator[Listener]:
    listener = Listener(list(answers))
    with ProbeServer(listener.respond) as server:
        listener.url = server.url
        yield listener


@contextmanager
def sandbox(database: Path | None = None) -> Iterator[httpx.Client]:
    with running(SandboxConfig(database=database)) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        yield client


def register(bss: httpx.Client, callback: str, query: str = "") -> httpx.Response:
    return bss.post(HUB, json={"callback": callback, **({"query": query} if query else {})})


def credit(bss: httpx.Client, amount: float, customer: str = "C00001") -> None:
    assert bss.post(ADJUST, json=adjustment(customer, amount)).status_code == 201


def until(condition: Callable[[], bool]) -> None:
    await_condition(condition, seconds=GUARD, what="the listener being told")


def test_a_listener_is_told_of_credits_top_ups_and_orders_in_order() -> None:
    with listening() as listener, sandbox() as bss:
        assert register(bss, f"{listener.url}/told").status_code == 201
        credit(bss, 5)
        bss.post(TOPUP, json={"amount": {"amount": 10, "units": "USD"}, "bucket": {"id": "B-C00001"}})
        bss.post(ORDER, json=order("C00002", add_item("PO-streaming-tv", "a")))
        until(lambda: len(listener.requests) == 3)
        assert [one["eventType"] for one in listener.told] == [
            "AdjustBalanceCreateEvent",
            "TopupBalanceCreateEvent",
            "ProductOrderStateChangeEvent",
        ]
        assert {request.path for request in listener.requests} == {"/told"}
        (item,) = listener.told[2]["event"]["productOrder"]["productOrderItem"]
        (held,) = (bss.get("/tmf-api/productInventory/v4/product/" + item["product"]["id"]).json(),)
        assert held["id"] == item["product"]["id"]


def test_a_refused_mutation_is_no_event_and_nothing_is_kept_while_nobody_listens() -> None:
    with listening() as listener, sandbox() as bss:
        credit(bss, 1)
        register(bss, listener.url)
        assert bss.post(ADJUST, json=adjustment("C00001", 10**6, adjustType="generalDebit")).status_code == 409
        credit(bss, 2)
        until(lambda: len(listener.requests) == 1)
        assert listener.amounts() == [2]


def test_a_listener_is_registered_once_and_let_go_once() -> None:
    with sandbox() as bss:
        first = register(bss, "http://127.0.0.1:9/a")
        assert first.json() == {"id": "HUB-00000001", "callback": "http://127.0.0.1:9/a"}
        again = register(bss, "http://127.0.0.1:9/a")
        assert (again.status_code, again.json()["code"]) == (409, "alreadyRegistered")
        assert register(bss, "http://127.0.0.1:9/a", "eventType=UsageCreateEvent").status_code == 201
        assert bss.delete(f"{HUB}/HUB-00000001").status_code == 204
        assert bss.delete(f"{HUB}/HUB-00000001").status_code == 404
        assert register(bss, "http://127.0.0.1:9/a").json()["id"] == "HUB-00000003"
        for number in range(8):
            register(bss, f"http://127.0.0.1:9/{number}")
        assert register(bss, "http://127.0.0.1:9/b").json()["code"] == "tooManyListeners"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "callback is missing"),
        ({"callback": "ftp://x"}, "callback is not an http(s) URL"),
        ({"callback": "http://"}, "callback is not an http(s) URL"),
        ({"callback": "http://x:99999999"}, "callback is not an http(s) URL"),
        ({"callback": "http://x/\r\nEvil: 1"}, "callback is not an http(s) URL"),
        ({"callback": "http://x", "query": "status=done"}, "query 'status=done' is not understood"),
        ({"callback": "http://x", "query": "eventType=Nothing"}, "names 'Nothing', which never happens here"),
        ({"callback": "http://x", "query": 5}, "query is not a text"),
    ],
)
def test_what_cannot_be_registered_is_one_clear_line(body: dict[str, Any], reason: str) -> None:
    with sandbox() as bss:
        answer = bss.post(HUB, json=body)
        assert answer.status_code == 400
        assert reason in answer.json()["reason"]
        assert bss.get("/sandbox/listeners").json() == []


def test_the_secret_of_a_callback_goes_to_the_callback_alone() -> None:
    with listening() as listener, sandbox() as bss:
        made = register(bss, listener.url.replace("//", "//placet:s%2Fe:cret@"))
        credit(bss, 1)
        until(lambda: len(listener.requests) == 1)
        sent = listener.requests[0].headers["authorization"]
        assert base64.b64decode(sent.removeprefix("Basic ")) == b"placet:s/e:cret"
        assert "cret" not in made.text + bss.get("/sandbox/listeners").text
        assert "cret" not in listener.requests[0].target


def test_only_what_was_asked_for_is_told() -> None:
    with listening() as listener, sandbox() as bss:
        register(bss, listener.url, "eventType=TopupBalanceCreateEvent,UsageCreateEvent")
        credit(bss, 1)
        bss.post(TOPUP, json={"amount": {"amount": 10, "units": "USD"}, "bucket": {"id": "B-C00001"}})
        until(lambda: len(listener.requests) == 1)
        assert listener.told[0]["eventType"] == "TopupBalanceCreateEvent"
        until(lambda: bss.get("/sandbox/listeners").json()[0]["delivered"] == 2)


@pytest.mark.parametrize(
    "fault",
    [
        ProbeAnswer(status=503),
        ProbeAnswer(status=401),
        ProbeAnswer(status=307, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        ProbeAnswer(lost=True),
    ],
)
def test_a_listener_that_fails_is_told_again_and_nothing_overtakes(fault: ProbeAnswer) -> None:
    with listening(fault) as listener, sandbox() as bss:
        register(bss, listener.url)
        credit(bss, 1)
        credit(bss, 2)
        until(lambda: len(listener.requests) == 3)
        assert listener.amounts() == [1, 1, 2]
        assert listener.told[0]["eventId"] == listener.told[1]["eventId"]


def test_an_event_that_a_listener_will_never_take_holds_nothing_up_and_is_counted() -> None:
    with listening(ProbeAnswer(status=422)) as listener, sandbox() as bss:
        register(bss, listener.url)
        credit(bss, 1)
        credit(bss, 2)
        until(lambda: len(listener.requests) == 2)
        assert listener.amounts() == [1, 2]
        until(lambda: bss.get("/sandbox/listeners").json()[0]["delivered"] == 2)
        assert bss.get("/sandbox/listeners").json()[0]["refused"] == 1


def test_one_listener_that_is_away_holds_up_no_other() -> None:
    with listening() as listener, sandbox() as bss:
        register(bss, "http://127.0.0.1:9/away")
        register(bss, listener.url)
        credit(bss, 1)
        until(lambda: listener.amounts() == [1])


def test_a_sandbox_that_stops_tells_after_its_next_start(tmp_path: Path) -> None:
    with listening() as listener:
        away = "http://127.0.0.1:9"
        with sandbox(tmp_path / "bss.db") as bss:
            register(bss, away)
            credit(bss, 1)
        with Database(tmp_path / "bss.db").write() as connection:
            connection.exec_driver_sql("UPDATE listener SET callback = ?", (listener.url,))
        with sandbox(tmp_path / "bss.db") as bss:
            until(lambda: listener.amounts() == [1])
            credit(bss, 2)
            until(lambda: listener.amounts() == [1, 2])


def opened(as_of: date) -> Bss:
    people = dict(list(load_customers(None).items())[:300])
    return Bss(people, Database(None), as_of)


def test_of_what_nobody_fetches_the_newest_are_kept_and_the_loss_is_counted() -> None:
    bss = opened(date(2026, 3, 15))
    bss.listeners.add("http://127.0.0.1:9", "")
    outbox = Outbox(bss.database, kept=3)
    for number in range(10):
        with bss.database.write() as connection:
            resource = {"id": str(number)}
            outbox.publish(connection, "UsageCreateEvent", resource, customer_id="C00001")
    kept = outbox.after(0, 100)
    assert [json.loads(one.body)["event"]["usage"]["id"] for one in kept] == ["7", "8", "9"]
    (listener,) = bss.listeners.all()
    assert (listener.lost, listener.delivered) == (7, 7)


def test_each_day_its_bills_happen_once_and_usage_on_the_first_of_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_of_days, "MOST_WAITING", 10**6)
    today = date(2026, 3, 30)
    bss = opened(today)
    bss.today = lambda: today  # type: ignore[method-assign]
    assert not tell_of_days(bss), "nobody listens"
    bss.listeners.add("http://127.0.0.1:9", "")
    assert not tell_of_days(bss), "the days before nobody is told of"
    for _ in range(4):
        today += timedelta(days=1)
        while tell_of_days(bss):
            pass
    told = [(one.type, json.loads(one.body)) for one in bss.outbox.after(0, 10_000)]
    billed = {
        (one["event"]["customerBill"]["relatedParty"][0]["id"], one["timeOccurred"][:10])
        for kind, one in told
        if kind == "CustomerBillCreateEvent"
    }
    expected = {
        (customer.id, str(day))
        for day in (date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2), date(2026, 4, 3))
        for customer in bss.customers.values()
        for bill in bills(customer, day)[:1]
        if bill.issued_on == day
    }
    assert billed == expected
    assert len(billed) > 10
    used = [one for kind, one in told if kind == "UsageCreateEvent"]
    assert {one["timeOccurred"] for one in used} == {"2026-03-31T23:59:59Z"}
    assert len({one["event"]["usage"]["id"] for one in used}) == len(used) > 300


def test_while_much_waits_no_day_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    today = date(2026, 3, 31)
    bss = opened(today)
    bss.today = lambda: today  # type: ignore[method-assign]
    bss.listeners.add("http://127.0.0.1:9", "")
    tell_of_days(bss)
    today += timedelta(days=1)
    monkeypatch.setattr(told_of_days, "MOST_WAITING", 20)
    while tell_of_days(bss):
        pass
    waiting = bss.outbox.waiting()
    assert 20 < waiting < 300
    bss.listeners.told(1, 10_000)
    assert tell_of_days(bss), "it goes on once they are delivered"
