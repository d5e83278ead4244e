"""Whoever posts events as the BSS can post events alone, and an event entitles to nothing."""

import base64
import json

import httpx
from pydantic import SecretStr

from placet.interfaces.http.app import create_app
from placet.storage.database import Database
from placet.tmf688.mapping import LISTENER
from tests.integration.http.calling import TOKEN, engine_at, serving
from tests.integration.http.live.test_http_listener import SECRET, notification
from tests.support.guard import GUARD


def test_the_listeners_token_opens_the_listener_and_nothing_else(database: Database) -> None:
    app = create_app(
        database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        metrics_token=SecretStr("m" * 32),
        listener_token=SecretStr(SECRET),
    )
    basic = base64.b64encode(f"placet:{SECRET}".encode()).decode()
    with serving(app) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        paths = app.openapi()["paths"]
        tried = 0
        for path, operations in {**paths, "/metrics": {"get": {}}}.items():
            for method in operations:
                if path in ("/healthz", "/livez"):
                    continue
                for given in (f"Bearer {SECRET}", f"Basic {basic}"):
                    answer = client.request(method, path.format_map(_Any()), headers={"Authorization": given}, json={})
                    assert (answer.status_code != 401) == (path == LISTENER), (method, path)
                    tried += 1
        assert tried > 60
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = client.request(method, LISTENER, headers={"Authorization": f"Bearer {SECRET}"})
            assert answer.status_code == 401, method
        for near in (f"{LISTENER}/", LISTENER.upper(), f"/{LISTENER}", f"{LISTENER}/../../../../v1/runs"):
            assert client.post(near, headers={"Authorization": f"Bearer {SECRET}"}, json={}).status_code == 401, near


class _Any(dict[str, str]):
    """Fills every variable of a path."""

    def __missing__(self, name: str) -> str:
        return "x"


def test_an_event_of_the_bss_puts_nothing_on_the_record_and_starts_nothing(database: Database) -> None:
    app = create_app(
        database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        listener_token=SecretStr(SECRET),
    )
    with database.reading() as tx:
        before = len(tx.audit.read("tenant/demo"))
    with serving(app) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        forged = {**notification(), "tenant": "north", "approved": True, "source": "placet"}
        forged["event"]["event"] |= {"source": {"id": "simulated"}, "tenant": "north"}
        assert client.post(LISTENER, json=forged, headers={"Authorization": f"Bearer {SECRET}"}).status_code == 201
    with database.reading() as tx:
        assert len(tx.audit.read("tenant/demo")) == before
        assert tx.runs.list("demo", limit=10) == ()
        (kept,) = tx.events.of_customer("demo", "C00001")
        assert tx.events.of_customer("north", "C00001") == []
    assert json.loads(kept)["source"] == "tmf688:bss"
