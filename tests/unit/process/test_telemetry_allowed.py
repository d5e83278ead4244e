"""What a span may say is a list; whatever else is put on one stays here."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, TraceFlags, TraceState

from placet import ports
from placet.engine.client import JOURNEY, ROLLOUT, WORKFLOW
from placet.telemetry import allowed, spans
from placet.telemetry.tracing import AllowlistExporter
from workflows.governed_run import GovernedRun
from workflows.journey import Journey
from workflows.rollout import Rollout

CONTEXT = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "C00042")]))
LINK = Link(CONTEXT, {"a": "C00042"})


def test_the_names_are_those_of_our_own_parts() -> None:
    implemented = {name for name, port in vars(ports).items() if hasattr(port, "__temporal_activity_definition")}
    assert set(allowed.ACTIVITIES) == implemented
    assert allowed.WORKFLOWS == (WORKFLOW, ROLLOUT, JOURNEY)
    queries = {
        name
        for workflow in (GovernedRun, Rollout, Journey)
        for name in dir(workflow)
        if hasattr(getattr(workflow, name), "__temporal_query_definition")
    }
    assert set(allowed.QUERIES) == queries


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("RunActivity:execute", "RunActivity:execute"),
        ("GET /tmf-api/customerManagement/v4/customer/{id}", "GET /tmf-api/customerManagement/v4/customer/{id}"),
        ("placet run start", "placet run start"),
        ("HandleSignal:C00042 has moved", "HandleSignal"),
        ("RunWorkflow:C00042", "RunWorkflow"),
        ("GET /tmf-api/customerManagement/v4/customer/C00042", "unnamed"),
        ("GET /v1/runs/run-0123456789abcdef0123\n", "unnamed"),
        ("placet run show run-0123", "unnamed"),
        ("Jo Miller owes 30.00 USD", "unnamed"),
    ],
)
def test_a_name_is_one_of_ours_or_is_left_out(name: str, shown: str) -> None:
    assert allowed.allowed_name(name) == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customer_id", "C00042"),
        ("temporalWorkflowID", "C00042"),
        ("temporalWorkflowID", "run-0123456789abcdef0123 C00042"),
        ("url.full", "http://bss/customer/C00042"),
        ("url.template", "/customer/C00042"),
        ("gen_ai.input.messages", "Customer C00042"),
        ("gen_ai.request.model", "a model for Jo Miller"),
        ("gen_ai.usage.input_tokens", "C00042"),
        ("gen_ai.usage.input_tokens", True),
        ("gen_ai.request.temperature", float("nan")),
        ("http.response.status_code", 82_000),
        ("error.type", "customer C00042 is unknown"),
    ],
)
def test_an_attribute_that_is_not_listed_or_looks_otherwise_is_left_out(name: str, value: object) -> None:
    assert allowed.allowed_attributes({name: value, "placet.task": "analyse"}) == {"placet.task": "analyse"}


def test_no_event_message_or_foreign_state_leaves_with_a_span() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(AllowlistExporter(kept)))
    with (
        pytest.raises(ValueError, match="C00042"),
        provider.get_tracer("test").start_as_current_span(
            "RunActivity:execute", links=[Link(CONTEXT, {"a": "C00042"})]
        ),
    ):
        raise ValueError("customer C00042 is unknown")
    (span,) = kept.get_finished_spans()
    assert "C00042" not in span.to_json()
    assert span.links[0].context.span_id == CONTEXT.span_id
    assert "C00042" not in str(span.links[0].context.trace_state)


@pytest.mark.parametrize("given", [None, "", "00-1-2-01", f"00-{'0' * 32}-{'1' * 16}-01", "x" * 10_000, 7, ["00"]])
def test_what_is_not_exactly_a_traceparent_is_no_parent(given: object) -> None:
    assert spans.parent_of(given) is None
