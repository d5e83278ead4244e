"""What ties a line of the log to its trace."""

from opentelemetry import trace


def trace_fields() -> dict[str, str]:
    """Return `trace_id` and `span_id` of the span in force, in hexadecimal as OTLP shows them; empty without one."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
