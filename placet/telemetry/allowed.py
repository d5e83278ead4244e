"""What a span may say when it leaves this process: names and attributes by list, each value by its own pattern.

A span is about a step, never about a person. What is not listed here, or does not look as it should, is left out, so
that neither a mistake of ours nor a stranger's text (a signal's name, a workflow's id) can carry a customer's data out.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

AttributeValue = str | int | float | bool

WORKFLOWS: Final = ("GovernedRun", "Rollout", "Journey")
SIGNALS: Final = ("decide", "told", "look_again")
QUERIES: Final = ("status", "proposal", "stands", "looked")
ACTIVITIES: Final = (
    "analyse",
    "query_billing",
    "propose",
    "open_gate",
    "mark_gate",
    "review_decisions",
    "execute",
    "close_run",
    "rollout_stand",
    "rollout_reach",
    "rollout_look",
    "journey_look",
)
"""Names of the activities; a test holds them to `placet.ports`."""

UNNAMED: Final = "unnamed"

_METHODS: Final = "GET|HEAD|POST|PUT|PATCH|DELETE"
# A template's segment: words, a version, or a variable. An identifier has digits elsewhere and does not fit.
_SEGMENT: Final = r"(?:v\d{1,2}|[A-Za-z]+(?:[_-][A-Za-z]+)*|\{[A-Za-z_]{1,40}\})"
_TEMPLATE: Final = rf"(?:/|(?:/{_SEGMENT}){{1,12}})"
_MODEL: Final = r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,80}"
_CODE: Final = r"[A-Za-z_][A-Za-z0-9_.]{0,60}|[1-5]\d\d"


def _one_of(*words: str) -> str:
    return "|".join(re.escape(word) for word in words)


_NAME: Final = re.compile(
    "|".join(
        (
            rf"(?:StartWorkflow|RunWorkflow|CompleteWorkflow):(?:{_one_of(*WORKFLOWS)})",
            rf"(?:SignalWorkflow|HandleSignal):(?:{_one_of(*SIGNALS)})",
            rf"(?:QueryWorkflow|HandleQuery):(?:{_one_of(*QUERIES)})",
            rf"(?:StartActivity|RunActivity):(?:{_one_of(*ACTIVITIES)})",
            rf"(?:{_METHODS}) {_TEMPLATE}",
            rf"(?:{_METHODS})",
            rf"chat {_MODEL}",
            r"placet(?: [a-z][a-z-]{0,20}){0,3}",
        )
    )
)


def _like(pattern: str) -> Callable[[object], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _whole(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _temperature(value: object) -> bool:
    return type(value) in (int, float) and 0 <= float(str(value)) <= 2  # noqa: PLR2004 - the range of the convention


_ATTRIBUTES: Final[Mapping[str, Callable[[object], bool]]] = {
    # Temporal's own interceptor; a run's id is a digest, and a workflow of any other name is not ours.
    "temporalWorkflowID": _like(r"run-[0-9a-f]{20}"),
    "temporalRunID": _like(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "temporalActivityID": _like(r"\d{1,6}"),
    # HTTP semantic conventions: the template of a path, never the path.
    "http.request.method": _like(_METHODS),
    "http.route": _like(_TEMPLATE),
    "url.template": _like(_TEMPLATE),
    "http.response.status_code": _whole(100, 599),
    "server.address": _like(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}"),
    "server.port": _whole(1, 65535),
    "error.type": _like(_CODE),
    # GenAI semantic conventions: who was asked and what it cost, never what was said.
    "gen_ai.operation.name": _like("chat"),
    "gen_ai.provider.name": _like(r"[a-z][a-z0-9_.]{0,30}"),
    "gen_ai.request.model": _like(_MODEL),
    "gen_ai.request.max_tokens": _whole(1, 1_000_000),
    "gen_ai.request.temperature": _temperature,
    "gen_ai.output.type": _like("json|text"),
    "gen_ai.usage.input_tokens": _whole(0, 10_000_000),
    "gen_ai.usage.output_tokens": _whole(0, 10_000_000),
    "placet.model": _like(r"[a-z][a-z0-9_-]{0,40}"),
    "placet.task": _like(r"[a-z][a-z0-9_]{0,30}"),
    "placet.perimeter": _like("inside|outside"),
    "placet.outcome": _like(r"[a-z][a-z0-9_]{0,30}"),
    "placet.api": _like(r"[A-Z]{2,6}\d{1,4}"),
}


def allowed_name(name: str) -> str:
    """Return the span's name if it is one of ours; of another, what it begins with, if that is."""
    if _NAME.fullmatch(name):
        return name
    prefix = name.partition(":")[0]
    return prefix if re.fullmatch(r"(?:Start|Run|Complete|Signal|Query|Handle)[A-Z][a-z]{3,9}", prefix) else UNNAMED


def allowed_attributes(attributes: Mapping[str, object] | None) -> dict[str, AttributeValue]:
    """Return those attributes that are listed and look as they should."""
    kept: dict[str, AttributeValue] = {}
    for name, value in (attributes or {}).items():
        fits = _ATTRIBUTES.get(name)
        if fits is not None and isinstance(value, str | int | float) and fits(value):
            kept[name] = value
    return kept
