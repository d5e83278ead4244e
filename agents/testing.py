"""Public fakes at the model seam, for tests and benchmarks of what stands around the models."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from agents.model_calls.attempts import request_text, sha256_text
from agents.model_calls.completion import Check, Completion, NoModelAnsweredError
from agents.model_calls.prompting import InvalidAnswerError, messages_for, parse, sample, wire_schema
from placet.contracts.analysis.inference import AttemptOutcome, ModelUse
from placet.contracts.analysis.outcome import Exchange

T = TypeVar("T", bound=BaseModel)

WORDS = "A scripted answer in plain words."


class ScriptedInference:
    """An `Inference` without a model: deterministic answers built from the schema.

    Every choice takes its first option, every list its fewest items, every text is `WORDS`; so the retention agent
    picks the treatment that the arithmetic ranked best. `answers` replaces fields by task, for instance
    `{"propose": {"treatment": "nothing"}}`; what the schema does not admit fails as a real model's answer would.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._answers = answers or {}

    def complete(
        self,
        task: str,
        *,
        agent: str,  # noqa: ARG002  every agent's task is answered alike
        system: str,
        user: str,
        schema: type[T],
        check: Check[T],
    ) -> Completion[T]:
        """Answer at once.

        Raises:
            InferenceError: The scripted answer does not satisfy `schema`.
        """
        fields = {**sample(wire_schema(schema, bounded_strings=True), text=WORDS), **self._answers.get(task, {})}
        prompt = request_text(
            messages_for(system, user, schema, in_prompt=False), wire_schema(schema, bounded_strings=True)
        )
        exchange = Exchange(prompt, json.dumps(fields))
        try:
            value = parse(json.dumps(fields), schema)
        except InvalidAnswerError as error:
            use = _use(task, exchange, "invalid_output", str(error))
            raise NoModelAnsweredError(task, (use,), (exchange,)) from error
        return Completion(value, tuple(check(value)), (_use(task, exchange, "ok", ""),), (exchange,))


def _use(task: str, exchange: Exchange, outcome: AttemptOutcome, detail: str) -> ModelUse:
    return ModelUse(
        task=task,
        model="scripted",
        route="scripted/answers",
        perimeter="inside",
        outcome=outcome,
        detail=detail,
        prompt_sha256=sha256_text(exchange.prompt),
        completion_sha256=sha256_text(exchange.completion or ""),
    )
