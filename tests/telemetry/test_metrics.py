"""Figures for Prometheus: what the record says, behind a token that opens nothing else, and never about a person."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from placet.contracts.audit import RecordKind
from placet.engine.client import Engine
from placet.engine.queues import QueueFigures
from placet.entrypoints.connection import connect
from placet.entrypoints.observability.telemetry import metrics_of_worker
from placet.entrypoints.processes.process import free_port
from placet.errors import ConfigurationError, UpstreamUnavailable
from placet.interfaces.http.app import create_app
from placet.storage.database import Database
from placet.telemetry.metrics import names, registry
from placet.telemetry.metrics.record_counts import counted
from placet.telemetry.metrics.registry import Metrics
from tests.integration.http.calling import TOKEN, serving
from tests.support.databases import disarm, outsider
from tests.support.guard import GUARD
from tests.support.world import World

READER = "fedcba9876543210fedcba9876543210"


def clock() -> datetime:
    return datetime.now(UTC)


def values(text: str) -> dict[tuple[str, ...], float]:
    """Every sample of ours, under its name and its labels' values in the order of `names`."""
    order = {metric.name: metric.labels for metric in names.ALL}
    return {
        (sample.name, *(sample.labels[label] for label in order[sample.name])): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("placet_")
    }


@contextmanager
def api(here: World, metrics_token: str | None = READER) -> Iterator[str]:
    async def engine() -> Engine:
        connected = await connect(here.settings)
        connected.task_queue, connected.is_ours = here.engine.task_queue, True
        return connected

    reader = None if metrics_token is None else SecretStr(metrics_token)
    with serving(
        create_app(
            here.database,
            engine,
            tenant="demo",
            agents=("retention",),
            token=SecretStr(TOKEN),
            metrics_token=reader,
        )
    ) as url:
        yield url


def scrape(url: str, token: str | None, path: str = "/metrics") -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{url}{path}", headers=headers, timeout=GUARD)


def test_figures_follow_a_run_and_name_nobody(a_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REMEMBERED_SECONDS", 0.0)
    here, approver = a_world, a_world.approver()
    with api(here) as url:
        assert values(scrape(url, READER).text)["placet_runs_open", "demo", "awaiting_decision"] == 0
        run_id = here.pending("C00009")
        here.send(run_id, here.sign(run_id, here.approver("eve", enroll=False)))
        code = here.refusal(run_id)
        waiting = values(scrape(url, READER).text)
        with here.database.reading() as tx:
            entries = len(tx.audit.tail("demo"))
        here.approve(run_id, approver)
        last = scrape(url, READER)
    ended = values(last.text)
    assert waiting["placet_runs_open", "demo", "awaiting_decision"] == 1
    assert waiting["placet_decisions_refused_total", "demo", code] == 1
    assert 0 < waiting["placet_gate_oldest_seconds", "demo"] < 60
    assert waiting["placet_log_unsigned_entries", "demo"] == entries
    assert waiting["placet_source_up", "database"] == waiting["placet_source_up", "temporal"] == 1
    assert waiting["placet_task_queue_backlog", "workflow"] == 0
    assert ended["placet_runs_open", "demo", "awaiting_decision"] == 0
    assert ended["placet_runs_ended_total", "demo", "executed"] == 1
    assert ended["placet_decisions_total", "demo", "approve"] == 1
    assert ended["placet_model_requests_total", "demo", "scripted", "propose", "ok"] == 1
    for secret in ("C00009", "anna", "eve", "olga", run_id):
        assert secret not in last.text
    assert last.headers["content-type"] == registry.CONTENT_TYPE


def test_each_token_opens_its_own_door_alone(a_world: World) -> None:
    with api(a_world) as url:
        assert [scrape(url, token).status_code for token in (None, TOKEN, "wrong", READER)] == [401, 401, 401, 200]
        assert scrape(url, READER, "/v1/runs").status_code == 401
        assert scrape(url, READER, "/metrics/").status_code == 401
        assert scrape(url, TOKEN, "/v1/runs").status_code == 200
    with api(a_world, metrics_token=None) as url:
        assert [scrape(url, token).status_code for token in (None, TOKEN, READER)] == [401, 401, 401]
    with pytest.raises(ConfigurationError, match="PLACET_METRICS_TOKEN must be 16 or more"), api(a_world, "short"):
        pass


def test_a_worker_serves_the_same_behind_the_same_token(a_world: World) -> None:
    here = a_world
    port = free_port()
    settings = here.settings.model_copy(update={"metrics_port": port, "metrics_token": SecretStr(READER)})

    async def scraped() -> list[httpx.Response]:
        with metrics_of_worker(settings, here.database, here.engine, here.now):
            return [
                await asyncio.to_thread(scrape, f"http://127.0.0.1:{port}", token, path)
                for token, path in ((None, "/metrics"), (TOKEN, "/metrics"), (READER, "/"), (READER, "/metrics"))
            ]

    answers = here.run(scraped())
    assert [answer.status_code for answer in answers] == [401, 401, 404, 200]
    assert values(answers[-1].text)["placet_source_up", "temporal"] == 1

    async def without_token() -> None:
        with metrics_of_worker(
            settings.model_copy(update={"metrics_token": None}), here.database, here.engine, here.now
        ):
            pass

    with pytest.raises(ConfigurationError, match="set PLACET_METRICS_TOKEN"):
        here.run(without_token())


def test_what_cannot_be_read_is_absent_and_said(database_url: str) -> None:
    def dead() -> dict[str, QueueFigures]:
        raise UpstreamUnavailable("down", code="engine_unavailable")

    with Database(database_url) as database:
        found = values(Metrics(database, ("demo",), clock, dead).text().decode())
        assert found["placet_source_up", "database"] == 1
        assert found["placet_source_up", "temporal"] == 0
        assert ("placet_task_queue_backlog", "workflow") not in found
        with outsider(database_url) as run:
            run("DROP TABLE run")
        found = values(Metrics(database, ("demo",), clock, dead).text().decode())
    assert found == {("placet_source_up", "database"): 0, ("placet_source_up", "temporal"): 0}


def test_an_altered_entry_stops_the_counters_and_is_said(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REMEMBERED_SECONDS", 0.0)
    with Database(database_url) as database:
        metrics = Metrics(database, ("demo",), clock, dict)
        assert values(metrics.text().decode())["placet_record_readable", "demo"] == 1
        append(database, "run.ended", {"state": "executed"})
        append(database, "run.ended", {"state": "C00042 owes 30.00 USD"})
        counts = values(metrics.text().decode())
        assert counts["placet_runs_ended_total", "demo", "executed"] == 1
        assert counts["placet_runs_ended_total", "demo", "other"] == 1
        append(database, "run.ended", {"state": "failed"})
        disarm(database_url, "audit_event")
        with outsider(database_url) as run:
            run("UPDATE audit_event SET body = 'x' WHERE seq = 3")
        counts = values(metrics.text().decode())
        assert counts["placet_record_readable", "demo"] == 0
        assert counts["placet_runs_ended_total", "demo", "executed"] == 1


def append(database: Database, kind: RecordKind, body: dict[str, object]) -> None:
    with database.transaction() as tx:
        tx.audit.append(
            stream="tenant/demo",
            tenant="demo",
            run_id=None,
            kind=kind,
            actor="worker",
            step_key=f"{kind}.{body}",
            at=clock(),
            body=body,
        )


def test_a_models_use_is_counted_with_its_tokens_time_and_price() -> None:
    use = {
        "task": "analyse",
        "model": "openai",
        "outcome": "ok",
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "cost_microusd": 300,
        "latency_ms": 1500,
    }
    body = {"model_use": [use, "no use at all"]}
    assert [(metric.name, labels, round(value, 9)) for metric, labels, value in counted("analyse.completed", body)] == [
        ("placet_model_requests_total", ("openai", "analyse", "ok"), 1),
        ("placet_model_tokens_total", ("openai", "input"), 100),
        ("placet_model_tokens_total", ("openai", "output"), 50),
        ("placet_model_cost_usd_total", ("openai",), 0.0003),
        ("placet_model_seconds_total", ("openai",), 1.5),
    ]
