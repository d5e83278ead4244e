"""Where spans go: over OTLP/HTTP to the collector that OpenTelemetry's standard variables name, and nowhere else."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status

from placet.telemetry import spans
from placet.telemetry.allowed import allowed_attributes, allowed_name

FLUSH_SECONDS: Final = 3.0
"""How long a process that ends waits for a collector that does not answer."""


class AllowlistExporter(SpanExporter):
    """Hands on what `placet.telemetry.allowed` permits of each span: no events, no error's words, no foreign state."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the permitted parts."""
        return self._inner.export([_permitted(span) for span in spans])

    def shutdown(self) -> None:
        """Stop."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the inner exporter: nothing is kept here."""
        return self._inner.force_flush(timeout_millis)


@contextmanager
def tracing(part: str, *, quiet: bool = False) -> Iterator[None]:
    """Export spans while the block runs, as `placet-PART` unless `OTEL_SERVICE_NAME` says otherwise.

    Args:
        part: Which process this is: `worker`, `api`, `cli`.
        quiet: Say nothing about a collector that does not answer: a person's command is not about it.
    """
    if quiet:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    named = Resource.create({"service.name": f"placet-{part}"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(AllowlistExporter(_otlp())))
    spans.install(provider)
    try:
        yield
    finally:
        spans.install(None)
        # Its own shutdown may take half a minute; a command that is done must not hang on a dead collector.
        ending = threading.Thread(target=provider.shutdown, name="telemetry-flush", daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)


def _otlp() -> OTLPSpanExporter:
    # Address, headers, certificates, time and compression are read by the exporter from OTEL_EXPORTER_OTLP_*.
    session = requests.Session()
    session.trust_env = False  # neither a proxy nor a .netrc of the environment is part of that
    return OTLPSpanExporter(session=session)


def _permitted(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=allowed_name(span.name),
        context=_bare(span.get_span_context()),
        parent=_bare(span.parent),
        resource=span.resource,
        attributes=allowed_attributes(span.attributes),
        links=[Link(context) for link in span.links if (context := _bare(link.context)) is not None],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _bare(context: SpanContext | None) -> SpanContext | None:
    """Return the context without `tracestate`, which whoever called us may fill as they like."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
