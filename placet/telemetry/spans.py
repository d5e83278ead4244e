"""Spans by the OpenTelemetry API. Until `install`, every one of them is nothing, and costs next to nothing.

The tracer is our own and not OpenTelemetry's global one: a library that instruments itself finds none, so that only
spans made here are ever exported.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["INVALID_SPAN", "Span", "SpanKind", "enabled", "install", "outgoing", "parent_of", "span", "tracer"]

TRACEPARENT: Final = "traceparent"
# W3C Trace Context, version 00. Nothing else of what a stranger sends beside it is taken over.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")
_PROPAGATOR: Final = TraceContextTextMapPropagator()

_installed: list[Tracer] = []


def install(provider: TracerProvider | None) -> None:
    """Make spans with `provider` from now on; with None, make no more."""
    _installed[:] = [] if provider is None else [provider.get_tracer("placet")]


def enabled() -> bool:
    """Return whether spans are made."""
    return bool(_installed)


def tracer() -> Tracer:
    """Return the tracer in force."""
    return _installed[0] if _installed else trace.NoOpTracer()


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, str | int | float] | None = None,
    *,
    parent: Context | None = None,
) -> Iterator[Span]:
    """Make the block a span. One that raises is marked with the error's code or class, never with its words."""
    if not _installed:
        yield INVALID_SPAN
        return
    with _installed[0].start_as_current_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except Exception as error:
            fail(made, str(getattr(error, "code", None) or type(error).__name__))
            raise


def fail(failed: Span, kind: str) -> None:
    """Mark a span as failed, by a code or the name of a class."""
    failed.set_attribute("error.type", kind)
    failed.set_status(Status(StatusCode.ERROR))


def outgoing() -> dict[str, str]:
    """Return the header that tells the next system which span called it; empty where there is none."""
    carrier: dict[str, str] = {}
    if _installed:
        _PROPAGATOR.inject(carrier)
    return {name: value for name, value in carrier.items() if name == TRACEPARENT}


def parent_of(traceparent: object) -> Context | None:
    """Read the caller's span from its `traceparent`; return None when it is anything but a well-formed one."""
    if isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent):
        return _PROPAGATOR.extract({TRACEPARENT: traceparent}, Context())
    return None
