"""An OpenTelemetry collector over real HTTP that decodes what it is sent."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer


@dataclass
class Collector:
    """What was exported; `raw` holds every byte of it, decompressed."""

    raw: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    url: str = ""

    def respond(self, request: ProbeRequest) -> ProbeAnswer:
        """Take one export."""
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        exported = ExportTraceServiceRequest.FromString(body)
        self.raw.append(body)
        for part in exported.resource_spans:
            self.services |= {
                item.value.string_value for item in part.resource.attributes if item.key == "service.name"
            }
            for scope in part.scope_spans:
                self.spans.extend(scope.spans)
        kind = {"Content-Type": "application/x-protobuf"}
        return ProbeAnswer(body=ExportTraceServiceResponse().SerializeToString(), headers=kind)

    def named(self, name: str) -> list[Span]:
        """The spans of one name."""
        return [span for span in self.spans if span.name == name]

    def ancestors(self, span: Span) -> list[str]:
        """Names of the spans above `span`, nearest first."""
        by_id = {other.span_id: other for other in self.spans}
        above = []
        while span.parent_span_id in by_id:
            span = by_id[span.parent_span_id]
            above.append(span.name)
        return above


def attributes(span: Span) -> dict[str, str | int]:
    """A span's attributes as plain values."""
    return {
        item.key: item.value.string_value if item.value.HasField("string_value") else item.value.int_value
        for item in span.attributes
    }


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a free loopback port, which runs for the block."""
    collector = Collector()
    with ProbeServer(collector.respond) as server:
        collector.url = server.url
        yield collector
