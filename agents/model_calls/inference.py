"""Inference over LiteLLM: local models first, fail closed. The only importer of litellm.

Importing litellm takes seconds and reads the environment, so it happens when a `RoutedInference` is built.
Retries are Temporal's: a request is sent once; only an invalid *answer* earns the same model one repair attempt.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from agents.degenerate import answer_marks
from agents.model_calls.attempts import TEMPERATURE, Attempts, request_text
from agents.model_calls.completion import Check, Completion, Inference, NoModelAnsweredError
from agents.model_calls.model_spans import model_span
from agents.model_calls.prompting import (
    PLACEHOLDER,
    InvalidAnswerError,
    Message,
    messages_for,
    parse,
    repair,
    wire_schema,
    with_cache_mark,
)
from agents.model_calls.provider_client import Reach, provider_client
from agents.model_calls.redaction import redact_identifiers
from agents.model_calls.routing import ModelConfig, ModelsConfig
from agents.model_calls.transport_errors import Failure, classify
from agents.model_calls.turns import Turns
from agents.model_calls.weights import UNKNOWN, weights_digest
from placet.contracts.analysis.inference import AttemptOutcome
from placet.contracts.analysis.outcome import Exchange
from placet.network.networks import LOOPBACK, Networks
from placet.network.refusals import noting_refusals

__all__ = ["Completion", "Exchange", "Inference", "ModelsConfig", "NoModelAnsweredError", "RoutedInference"]

T = TypeVar("T", bound=BaseModel)

_MOST_TOKENS = 1_000_000_000
"""Of one call; a provider that says more says nothing that can be recorded."""

_NO_KEY = "not-needed"
"""Client libraries insist on a key even where the server asks for none."""


class RoutedInference:
    """`Inference` over the configured models.

    Args:
        config: Models and tasks.
        secret: Value of a key by the name that models give it; None when there is none.
        base_urls: Addresses that replace the configured ones, by model name.
        allow_hosted: Whether models outside the perimeter may be used; they are recorded as `not_permitted` otherwise.
        redact: Runs over every prompt that leaves the perimeter.
        networks: Where models inside the perimeter may be; the address of every connection to one is checked.
        ca_file: The operator's own certificate authority, for models inside the perimeter.
        hosted_proxy: Address of the proxy that models outside are asked through; empty: none.
        weights: Weights file by model name, of the models that this installation serves itself.
        waiting: Called now and then while a request waits for its turn at a model; what it raises ends the wait.

    Safe to share between threads.
    """

    def __init__(
        self,
        config: ModelsConfig,
        *,
        secret: Callable[[str], SecretStr | None] | None = None,
        base_urls: Mapping[str, str] | None = None,
        allow_hosted: bool = False,
        redact: Callable[[str], str] = redact_identifiers,
        networks: Networks = LOOPBACK,
        ca_file: Path | None = None,
        hosted_proxy: str = "",
        weights: Mapping[str, Path] | None = None,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._weights = weights or {}
        self._config = config.with_addresses(base_urls or {})
        self._secrets = _resolve(self._config, secret)
        self._allow_hosted = allow_hosted
        self._redact = redact
        usable = {name: model for name, model in self._config.models.items() if self._bar(model) is None}
        self._litellm = _import_litellm()
        reach = Reach(networks, ca_file, hosted_proxy)
        self._requests = {name: _request(model, self._secrets, reach) for name, model in usable.items()}
        self._turns = {name: Turns(model.at_once, waiting) for name, model in usable.items()}

    def complete(
        self, task: str, *, agent: str, system: str, user: str, schema: type[T], check: Check[T]
    ) -> Completion[T]:
        """Ask the models of the agent's `task`, in order, until one gives a valid `schema`.

        Raises:
            ConfigurationError: No models are configured for this task of this agent.
            InferenceError: No permitted model gave a valid answer; a `NoModelAnsweredError` that carries the attempts.
        """
        names = self._config.order(agent, task)
        record = Attempts(task, self._price, self._weights_of)
        for name in names:
            value = self._ask(record, name, system=system, user=user, schema=schema)
            if value is not None:
                marks = (*answer_marks(value), *_echo_marks(value), *check(value))
                return Completion(value, tuple(dict.fromkeys(marks)), tuple(record.uses), tuple(record.exchanges))
        raise NoModelAnsweredError(task, record.uses, record.exchanges)

    def _bar(self, model: ModelConfig) -> Failure | None:
        if model.perimeter == "outside" and not self._allow_hosted:
            return Failure("not_permitted", "outside the perimeter, and hosted models are not permitted")
        if model.api_key is not None and not self._secrets.get(model.api_key):
            return Failure("misconfigured", f"no key: set {model.api_key}")
        return None

    def _ask(self, record: Attempts, name: str, *, system: str, user: str, schema: type[T]) -> T | None:
        model = self._config.models[name]
        if model.perimeter == "outside" and self._allow_hosted:
            system, user = self._redact(system), self._redact(user)
        messages = messages_for(system, user, schema, in_prompt=model.structured == "prompt")
        shape = wire_schema(schema, bounded_strings=model.perimeter == "inside")
        barred = self._bar(model)
        if barred is not None:
            record.add(name, model, request_text(messages, shape), barred)
            return None
        with self._turns[name].turn():
            return self._asked(record, name, messages, shape, schema)

    def _asked(
        self, record: Attempts, name: str, messages: list[Message], shape: dict[str, Any], schema: type[T]
    ) -> T | None:
        model = self._config.models[name]
        for attempt in (1, 2):
            started = time.perf_counter()
            answer: T | None = None
            with model_span(record.task, name, model) as span:
                text, tokens, failure = self._send(name, model, messages, shape)
                if failure is None:
                    answer, failure = _read(text, schema)
                span.ended(tokens, failure)
            record.add(
                name,
                model,
                request_text(messages, shape),
                failure,
                completion=text,
                tokens=tokens,
                latency_ms=round((time.perf_counter() - started) * 1000),
            )
            if answer is not None:
                return answer
            if attempt == 1 and failure is not None and failure.outcome == "invalid_output" and text is not None:
                messages = repair(messages, self._redacted(model, text), failure.detail)
            else:
                return None
        return None

    def _weights_of(self, name: str) -> str:
        file = self._weights.get(name)
        return UNKNOWN if file is None else weights_digest(file)

    def _price(self, model: ModelConfig, tokens: tuple[int, int]) -> int:
        """List price in microusd, rounded up; 0 inside the perimeter and for models LiteLLM has no price for."""
        if model.perimeter == "inside" or tokens == (0, 0):
            return 0
        try:
            prompt, completion = self._litellm.cost_per_token(
                model=model.route, prompt_tokens=tokens[0], completion_tokens=tokens[1]
            )
        except Exception:  # noqa: BLE001  an unknown price must not lose a valid answer
            return 0
        return math.ceil((float(prompt) + float(completion)) * 1_000_000)

    def _redacted(self, model: ModelConfig, text: str) -> str:
        return self._redact(text) if model.perimeter == "outside" else text

    def _send(
        self, name: str, model: ModelConfig, messages: list[Message], shape: dict[str, Any]
    ) -> tuple[str | None, tuple[int, int], Failure | None]:
        """Send one request; return the answer's text, (prompt, completion) tokens, or why there is none."""
        extra: dict[str, Any] = {}
        marked = with_cache_mark(messages) if model.prompt_cache else messages
        if model.structured == "json_schema":
            strict = {"name": "answer", "strict": True, "schema": shape}
            extra["response_format"] = {"type": "json_schema", "json_schema": strict}
        with noting_refusals() as refusals:
            answer = self._exchange(name, model, {"messages": marked, **extra})
        if refusals:
            outcome: AttemptOutcome = "not_permitted" if refusals[0].kind == "outside" else "refused"
            return None, (0, 0), Failure(outcome, refusals[0].detail)
        return answer

    def _exchange(
        self, name: str, model: ModelConfig, asked: dict[str, Any]
    ) -> tuple[str | None, tuple[int, int], Failure | None]:
        try:
            response = self._litellm.completion(
                **self._requests[name],
                max_tokens=model.max_tokens,
                temperature=TEMPERATURE,
                drop_params=True,
                **asked,
            )
            text = response.choices[0].message.content
            usage = response.usage
            tokens = (_counted(usage.prompt_tokens), _counted(usage.completion_tokens))
        except Exception as error:  # noqa: BLE001  whatever a provider library raises, the next model gets its turn
            return None, (0, 0), classify(error, key_name=model.api_key, secrets=self._secrets.values())
        return text if isinstance(text, str) else "", tokens, None


def _counted(said: Any) -> int:
    """Return a number of tokens that a provider said; 0 where it said none, or none that there can be."""
    number = int(said or 0)
    return number if 0 <= number <= _MOST_TOKENS else 0


def _resolve(config: ModelsConfig, secret: Callable[[str], SecretStr | None] | None) -> dict[str, str]:
    names = {model.api_key for model in config.models.values() if model.api_key}
    found = {name: secret(name) for name in names} if secret else {}
    return {name: value.get_secret_value() for name, value in found.items() if value is not None}


def _import_litellm() -> Any:
    # Both must be set before the import: else it fetches a price list from the network and reads ./.env.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    import litellm  # noqa: PLC0415  takes seconds; nothing else may pay for it

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it logs prompts; failures are in the attempts
    return litellm


def _request(model: ModelConfig, secrets: Mapping[str, str], reach: Reach) -> dict[str, Any]:
    """Return what is the same in every request to one model: name, address, key and the only client it goes through."""
    key = secrets[model.api_key] if model.api_key else _NO_KEY
    request: dict[str, Any] = {
        "model": model.route,
        "api_key": key,
        "timeout": model.timeout_s,
        # Retries are Temporal's; a failing model must be asked again by the next run (docs/adr/0021).
        "max_retries": 0,
        "num_retries": 0,
        "client": provider_client(model, key, reach),
    }
    if model.base_url:
        request["api_base"] = model.base_url
    return request


def _read(text: str | None, schema: type[T]) -> tuple[T | None, Failure | None]:
    try:
        return parse(text or "", schema), None
    except InvalidAnswerError as error:
        return None, Failure("invalid_output", str(error))


def _echo_marks(answer: BaseModel) -> tuple[str, ...]:
    """Mark an answer that repeats the example: the model said nothing of its own."""
    return ("echo",) if PLACEHOLDER in answer.model_dump(mode="json").values() else ()
