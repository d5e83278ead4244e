"""What ties a line of the log to its trace."""

import logging

from opentelemetry import trace


def trace_fields() -> dict[str, str]:
    """`trace_id` and `span_id` of the span in force, in hexadecimal as OTLP shows them; empty where there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


class TraceFields(logging.Filter):
    """Adds `trace_id` and `span_id` to each record, for a formatter to show; lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add them."""
        fields = trace_fields()
        record.trace_id = fields.get("trace_id", "")
        record.span_id = fields.get("span_id", "")
        return True
