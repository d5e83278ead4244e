"""One request to a model as a span, after OpenTelemetry's GenAI conventions: who was asked, how long, how many tokens.

Prompts and completions are in the artifact store, by digest. They are no part of a span.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from agents.model_calls.routing import ModelConfig
from agents.model_calls.transport_errors import Failure
from placet.telemetry import spans
from placet.telemetry.spans import Span, SpanKind

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gemini"}


@dataclass(frozen=True, slots=True)
class ModelSpan:
    """The span of one request under way."""

    span: Span

    def ended(self, tokens: tuple[int, int], failure: Failure | None) -> None:
        """Say what came of it: (prompt, completion) tokens, and the outcome as the record names it."""
        if not self.span.is_recording():
            return
        self.span.set_attribute("placet.outcome", failure.outcome if failure else "ok")
        if tokens != (0, 0):
            self.span.set_attribute("gen_ai.usage.input_tokens", tokens[0])
            self.span.set_attribute("gen_ai.usage.output_tokens", tokens[1])
        if failure is not None:
            spans.fail(self.span, failure.outcome)


@contextmanager
def model_span(task: str, name: str, model: ModelConfig) -> Iterator[ModelSpan]:
    """Make the block a span of asking `model`, which configuration calls `name`, for `task`."""
    provider, _, asked = model.route.partition("/")
    about: dict[str, str | int | float] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS[provider],
        "gen_ai.request.model": asked,
        "gen_ai.request.max_tokens": model.max_tokens,
        "gen_ai.request.temperature": 0,
        "gen_ai.output.type": "json",
        "placet.model": name,
        "placet.task": task,
        "placet.perimeter": model.perimeter,
    }
    if model.base_url:
        address = urlsplit(model.base_url)
        about["server.address"] = address.hostname or ""
        about["server.port"] = address.port or (443 if address.scheme == "https" else 80)
    with spans.span(f"chat {asked}", SpanKind.CLIENT, about) as span:
        yield ModelSpan(span)
