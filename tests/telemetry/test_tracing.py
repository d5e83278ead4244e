"""One trace from the API to the BSS, without a word about the customer, whatever a stranger sends."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    ClientConfig,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.common import HeaderCodecBehavior

from agents.model_calls.prompting import sample
from placet.engine.client import Engine
from placet.engine.history import read_history
from placet.engine.payload_codec import ENCODING
from placet.entrypoints.bootstrap import build_inference
from placet.entrypoints.connection import connect
from placet.entrypoints.observability.telemetry import observed
from placet.entrypoints.processes.process import free_port
from placet.errors import ConfigurationError
from placet.interfaces.http.app import create_app
from placet.replay import replay
from placet.service import runs as run_operations
from placet.telemetry import spans
from tests.agents.support import Provider, answering, provider
from tests.integration.http.calling import TOKEN, serving
from tests.support.guard import GUARD
from tests.support.servers.collector import Collector, attributes, running_collector
from tests.support.world import World

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CUSTOMER = "C00009"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with running_collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running


@contextmanager
def model_server() -> Iterator[Provider]:
    """A model that answers with the plainest object which the schema of each request admits."""
    served: list[Provider] = []

    def reply(number: int, handler: BaseHTTPRequestHandler) -> None:
        asked = served[0].requests[-1]["response_format"]["json_schema"]["schema"]
        text = json.dumps(sample(asked, text="A sentence about the customer's last bill."))
        answering("openai", text)(number, handler)

    with provider(reply) as running:
        served.append(running)
        yield running


def test_one_trace_leads_from_the_callers_request_to_the_model_and_the_bss(
    collector: Collector, make_world: Callable[..., World]
) -> None:
    with model_server() as model, observed("worker"):
        here = make_world(model_url=model.base_url("openai"))
        here.stop_worker()
        here.inference = build_inference(here.settings)
        here.start_worker()

        async def engine() -> Engine:
            connected = await connect(here.settings)
            connected.task_queue, connected.is_ours = here.engine.task_queue, True
            return connected

        app = create_app(here.database, engine, tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Placet-Operator": "olga", "traceparent": CALLER}
        with serving(app) as url:
            order = {"customer_id": CUSTOMER, "agent": "retention", "key": secrets.token_hex(8)}
            run_id = httpx.post(f"{url}/v1/runs", json=order, headers=headers, timeout=GUARD).json()["run"]["run_id"]
        here.wait(run_id, "awaiting_decision")
        approver = here.approver()
        here.approve(run_id, approver)
        here.stop_worker()
        history = here.run(here.engine.history(run_id))
        facts = here.run(read_history(history, here.engine.client.data_converter))
        exported = here.settings.home / "history.json"
        exported.write_text(json.dumps({"workflowId": run_id, "history": json.loads(history.to_json())}))
        verdict = here.run(replay(here.settings, str(exported)))
        prompt = model.requests[0]["messages"][-1]["content"]
        amount = here.proposal(run_id).cost.amount_minor

    (request,) = collector.named("POST /v1/runs")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (CALLER[3:35], CALLER[36:52])
    model_span = collector.named("chat smollm2-135m-instruct")[0]
    bss_spans = collector.named("POST /tmf-api/prepayBalanceManagement/v4/adjustBalance")
    start = ["StartWorkflow:GovernedRun", "POST /v1/runs"]
    assert collector.ancestors(model_span) == ["RunActivity:analyse", "StartActivity:analyse", *start]
    assert collector.ancestors(bss_spans[-1])[-2:] == start
    assert {span.trace_id.hex() for span in [model_span, *bss_spans]} == {CALLER[3:35]}
    assert attributes(model_span)["gen_ai.usage.input_tokens"] == 100
    assert attributes(model_span)["placet.task"] == "analyse"
    assert attributes(bss_spans[-1])["http.response.status_code"] == 201

    # The header is there; nothing but it is plain.
    assert any(event.workflow_execution_started_event_attributes.header.fields for event in history.events)
    assert facts.unencrypted == []
    # It replays where nobody traces, too.
    assert verdict.faults == []

    sent = b"".join(collector.raw)
    for secret in (CUSTOMER, "olga", approver.name, "test", "last bill", str(amount), prompt[:30], TOKEN):
        assert secret.encode() not in sent, secret


FORGED = (
    Payload(metadata={"encoding": b"json/plain"}, data=b'"C00009 owes 30"'),
    Payload(metadata={"encoding": b"json/plain"}, data=b'{"traceparent": ["C00009"], "baggage": "customer=C00009"}'),
    Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 100_000),
    Payload(metadata={"encoding": ENCODING}, data=b"C00009 not encrypted at all"),
    Payload(metadata={"encoding": b"no/such"}, data=b"C00009"),
)


class Forger(Interceptor):
    """A client that sends a header of its own with what it starts and signals."""

    def __init__(self, header: Payload) -> None:
        self.header = header

    def intercept_client(self, following: OutboundInterceptor) -> OutboundInterceptor:
        return _Forging(following, {"_tracer-data": self.header})


class _Forging(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, headers: dict[str, Payload]) -> None:
        super().__init__(following)
        self.headers = headers

    async def start_workflow(self, order: StartWorkflowInput) -> WorkflowHandle[object, object]:
        order.headers = self.headers
        return await super().start_workflow(order)

    async def signal_workflow(self, order: SignalWorkflowInput) -> None:
        order.headers = self.headers
        await super().signal_workflow(order)


def test_a_forged_trace_header_neither_stops_a_run_nor_leaves_in_a_span(
    collector: Collector, make_world: Callable[..., World]
) -> None:
    with observed("worker"):
        here = make_world()
        runs = []
        for number, header in enumerate(FORGED):
            config: ClientConfig = here.engine.client.config()
            config["interceptors"] = [Forger(header)]
            config["header_codec_behavior"] = HeaderCodecBehavior.NO_CODEC
            stranger = Engine(Client(**config), here.engine.task_queue)
            asked = here.request(CUSTOMER, key=f"forged-{number}")
            request = run_operations.record_request(here.database, asked).request
            here.run(stranger.start(request))
            here.run(stranger.handle(request.run_id).signal("C00009 has moved out", {"name": "C00009"}))
            runs.append(request.run_id)
        approver = here.approver()
        for run_id in runs:
            here.wait(run_id, "awaiting_decision")
            here.approve(run_id, approver)
        here.stop_worker()
    assert len(collector.named("RunActivity:execute")) == len(FORGED)
    assert b"C00009" not in b"".join(collector.raw)


def test_without_a_collector_nothing_of_it_is_even_imported() -> None:
    code = (
        "import sys, placet.entrypoints.worker, placet.entrypoints.api\n"
        "from placet.entrypoints.observability.telemetry import observed, tracing_interceptors\n"
        "with observed('worker'): assert tracing_interceptors() == ()\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'requests')\n"
        "sys.exit(any(name.startswith(heavy) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, env={}).returncode == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ],
)
def test_a_collector_that_cannot_be_spoken_to_is_one_clear_line(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"{variable}='{value}'"), observed("worker"):
        pass
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with observed("worker"):
        assert not spans.enabled()


def test_a_collector_that_is_down_neither_fails_a_command_nor_says_a_word(tmp_path: Path) -> None:
    environment = {"PLACET_HOME": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    command = [sys.executable, "-m", "placet.entrypoints.program", "run", "list", "--json"]
    ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]\n", "")


def test_a_command_is_the_root_of_its_trace(collector: Collector, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "placet.entrypoints.program", "run", "show", "run-0123456789abcdef0123"]
    environment = {**os.environ, "PLACET_HOME": str(tmp_path)}
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 1
    (span,) = collector.spans
    assert (span.name, span.parent_span_id, attributes(span)) == ("placet run show", b"", {"error.type": "exit_1"})
    assert collector.services == {"placet-cli"}
