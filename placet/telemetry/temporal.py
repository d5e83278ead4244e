"""The trace across Temporal: its own interceptor, which takes nothing on trust.

The caller's span crosses in a header, in the plain: it holds the ids of a trace alone. Whoever reaches Temporal can
send a header of their own, though, with a workflow they start or a signal they send: what is not exactly a
`traceparent` counts as none, since an exception here would stop the run.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.converter import DefaultPayloadConverter
from temporalio.worker import WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from placet.telemetry import spans

_MOST_BYTES: Final = 200


class CarrierConverter(DefaultPayloadConverter):
    """Reads and writes the one header: a JSON object with a `traceparent`."""

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Write carriers without anything but the `traceparent`."""
        return [
            Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(_only_traceparent(value)).encode())
            for value in values
        ]

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:  # noqa: ARG002
        """Read carriers; an unreadable one is empty."""
        return [_carrier(payload) for payload in payloads]


def _carrier(payload: Payload) -> dict[str, str]:
    if payload.metadata.get("encoding") != b"json/plain" or len(payload.data) > _MOST_BYTES:
        return {}
    try:
        return _only_traceparent(json.loads(payload.data))
    except (ValueError, RecursionError):
        return {}


def _only_traceparent(value: object) -> dict[str, str]:
    given = value.get(spans.TRACEPARENT) if isinstance(value, dict) else None
    return {spans.TRACEPARENT: given} if isinstance(given, str) and spans.parent_of(given) is not None else {}


class WorkflowSpans(TracingWorkflowInboundInterceptor):
    """Marks what a workflow does; runs in the workflow's sandbox and decides nothing there."""

    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002 - the SDK's own name
        super().__init__(next)
        self.text_map_propagator = TraceContextTextMapPropagator()
        self.payload_converter = CarrierConverter()


class RunSpans(TracingInterceptor):
    """Spans of starting, signalling and querying runs, of workflows and of activities."""

    def __init__(self) -> None:
        super().__init__(spans.tracer())
        self.text_map_propagator = TraceContextTextMapPropagator()
        self.payload_converter = CarrierConverter()

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowSpans]:  # noqa: A002
        """Return the interceptor for the workflow's side."""
        super().workflow_interceptor_class(input)
        return WorkflowSpans
