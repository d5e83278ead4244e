"""The record of one task's attempts: what was asked, what came back, at what price."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from agents.model_calls.prompting import Message
from agents.model_calls.routing import ModelConfig
from agents.model_calls.transport_errors import Failure
from placet.contracts.analysis.inference import ModelUse
from placet.contracts.analysis.outcome import Exchange
from placet.contracts.text import shortened

TEMPERATURE = 0.0
"""Of every request: an answer is to be the likeliest one, each time."""

MAX_DETAIL = 300
"""Characters of `ModelUse.detail`."""


class Attempts:
    """Collects the attempts of one task.

    Args:
        task: What the model is asked for.
        price: Gives the list price of (prompt, completion) tokens in microusd.
        weights: Gives the digest of the named model's weights, or `unknown`.
    """

    def __init__(
        self,
        task: str,
        price: Callable[[ModelConfig, tuple[int, int]], int],
        weights: Callable[[str], str],
    ) -> None:
        self.task = task
        self.uses: list[ModelUse] = []
        self.exchanges: list[Exchange] = []
        self._price = price
        self._weights = weights

    def add(
        self,
        name: str,
        model: ModelConfig,
        prompt: str,
        failure: Failure | None,
        *,
        completion: str | None = None,
        tokens: tuple[int, int] = (0, 0),
        latency_ms: int = 0,
    ) -> None:
        """Record one attempt; `failure` is None when it gave a valid answer."""
        self.uses.append(
            ModelUse(
                task=self.task,
                model=name,
                route=model.route,
                perimeter=model.perimeter,
                outcome=failure.outcome if failure else "ok",
                detail=shortened(failure.detail if failure else "", MAX_DETAIL),
                prompt_tokens=tokens[0],
                completion_tokens=tokens[1],
                cost_microusd=self._price(model, tokens),
                latency_ms=latency_ms,
                weights=self._weights(name),
                temperature_permille=round(TEMPERATURE * 1000),
                max_tokens=model.max_tokens,
                prompt_sha256=sha256_text(prompt),
                completion_sha256=None if completion is None else sha256_text(completion),
            )
        )
        self.exchanges.append(Exchange(prompt, completion))


def request_text(messages: list[Message], shape: dict[str, Any]) -> str:
    """Write the request as one deterministic JSON text.

    It is the same for every model, so that the store keeps it once.
    """
    request = {"messages": messages, "schema": shape}
    return json.dumps(request, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256_text(text: str) -> str:
    """Return the SHA-256 over the UTF-8 bytes of `text`, in lower-case hexadecimal."""
    # Surrogates cannot be encoded; a model may still emit them as JSON escapes.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
