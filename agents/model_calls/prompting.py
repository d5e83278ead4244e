"""From a schema to a request, and from an answer's text back to an object."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from placet.contracts.base import fault_of
from placet.contracts.text import shortened

T = TypeVar("T", bound=BaseModel)

PLACEHOLDER = "One short sentence."
"""Stands for free text in examples; an answer that repeats it said nothing."""

Message = dict[str, str]

_MAX_QUOTED = 600  # characters of a refused answer that the repair request shows again


class InvalidAnswerError(ValueError):
    """The answer's text is no valid object; the message says why in one line, for the model and for the record."""


def wire_schema(schema: type[BaseModel], *, bounded_strings: bool) -> dict[str, Any]:
    """Return the JSON Schema of `schema` as servers take it.

    It is the caller's own copy, since client libraries write into it.

    Args:
        schema: The answer's model.
        bounded_strings: Keep `minLength` and `maxLength`; strict modes of hosted providers refuse these keywords.
    """
    fresh: dict[str, Any] = json.loads(_wire_schema_text(schema, bounded_strings))
    return fresh


@lru_cache(maxsize=256)
def _wire_schema_text(schema: type[BaseModel], bounded_strings: bool) -> str:
    dropped = {"title", "description"} | (set() if bounded_strings else {"minLength", "maxLength"})

    def strip(node: Any, *, names: bool = False) -> Any:
        if isinstance(node, Mapping):
            return {k: strip(v, names=k == "properties") for k, v in node.items() if names or k not in dropped}
        return [strip(item) for item in node] if isinstance(node, list) else node

    return json.dumps(strip(schema.model_json_schema()))


def example(schema: type[BaseModel]) -> str:
    """Make one valid answer in JSON, to show a server that cannot be given the schema."""
    return json.dumps(sample(schema.model_json_schema()))


def sample(shape: Mapping[str, Any], *, text: str = PLACEHOLDER) -> Any:
    """Make the plainest value that satisfies a JSON Schema without references; `text` stands for free text."""
    if "const" in shape:
        return shape["const"]
    if "enum" in shape:
        return shape["enum"][0]
    kind = shape.get("type")
    if kind == "object":
        return {name: sample(inner, text=text) for name, inner in shape.get("properties", {}).items()}
    if kind == "array":
        return [sample(shape["items"], text=text)] * max(1, shape.get("minItems", 1))
    if kind == "integer":
        return shape.get("minimum", 0)
    return text


def messages_for(system: str, user: str, schema: type[BaseModel], *, in_prompt: bool) -> list[Message]:
    """Make the conversation that asks for `schema`; `in_prompt` shows an example instead of relying on the server."""
    if in_prompt:
        user = f"{user}\nAnswer with one JSON object only, for example: {example(schema)}"
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def with_cache_mark(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the same conversation, with the instructions marked for Anthropic's prompt cache."""
    return [
        {
            "role": message["role"],
            "content": [{"type": "text", "text": message["content"], "cache_control": {"type": "ephemeral"}}],
        }
        if message["role"] == "system"
        else dict(message)
        for message in messages
    ]


def repair(messages: Sequence[Message], answer: str, reason: str) -> list[Message]:
    """Make the conversation that asks once more, telling the model what was wrong."""
    return [
        *messages,
        {"role": "assistant", "content": answer[:_MAX_QUOTED] or "(empty)"},
        {"role": "user", "content": f"That answer is invalid: {reason}. Answer again with one valid JSON object only."},
    ]


def parse(text: str, schema: type[T]) -> T:
    """Parse the object in `text`; tolerate prose or a code fence around it, but nothing inside it.

    Raises:
        InvalidAnswerError: There is no JSON object, or it does not satisfy `schema`.
    """
    start = text.find("{")
    if start < 0:
        raise InvalidAnswerError("it holds no JSON object")
    try:
        raw, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise InvalidAnswerError("its JSON is broken or cut short") from error
    try:
        return schema.model_validate(raw)
    except ValidationError as error:
        fault = fault_of(error)
        said = f"{fault.where or 'the object'}: {fault.said}"  # without the value, which is the model's own words
        raise InvalidAnswerError(shortened(re.sub(r"\s+", " ", said), 200)) from error
