"""What tests of the HTTP API share: an app that is served, a client of it, and what is sent and answered."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

from placet.contracts.people.decision import DecisionPredicate
from placet.engine.client import Engine
from placet.engine.payload_keys import PayloadKeys
from placet.entrypoints import api
from placet.entrypoints.processes.process import await_condition
from placet.governance.approvals import sign_decision
from placet.governance.signing.keys import key_id_of, public_bytes
from placet.interfaces.http.app import create_app
from placet.interfaces.http.engine_link import EngineFactory
from placet.storage.database import Database
from tests.support.guard import GUARD

TOKEN = "0123456789abcdef0123456789abcdef"


KEY = PayloadKeys((bytes(range(32)),))


OPERATOR = {"X-Placet-Operator": "olga.ops"}


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    listener = api._listen("127.0.0.1", port)
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


def on_temporal(address: str, work: Callable[[Engine], Any]) -> Any:
    async def connected() -> Any:
        return await work(await engine_at(address)())

    return asyncio.run(connected())


def order(**changes: Any) -> dict[str, Any]:
    return {"customer_id": "C00042", "agent": "retention", "key": secrets.token_hex(8), **changes}


def start(http: httpx.Client, **changes: Any) -> str:
    answer = http.post("/v1/runs", json=order(**changes), headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["run"]["run_id"])


def problem(answer: httpx.Response) -> tuple[int, str]:
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(document) == {"type", "title", "status", "detail", "code"}
    assert document["type"] == "about:blank"
    assert document["status"] == answer.status_code
    assert "\n" not in document["detail"]
    assert "Traceback" not in answer.text
    return answer.status_code, str(document["code"])


def envelope(run_id: str, verdict: Any = "approve", key: Ed25519PrivateKey | None = None) -> str:
    key = key or Ed25519PrivateKey.generate()
    predicate = DecisionPredicate(
        tenant="demo",
        run_id=run_id,
        verdict=verdict,
        approver="anna",
        decided_at=datetime.now(UTC),
        decision_id=secrets.token_hex(16),
    )
    return sign_decision(predicate, "0" * 64, key, key_id_of(public_bytes(key.public_key())))
