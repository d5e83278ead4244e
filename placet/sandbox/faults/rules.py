"""What a fault is, how it is written, and which request meets one.

A fault is written as in the header `X-Sandbox-Fault: latency=250;status=503`: an optional latency and at most
one outcome.

    latency=MS        wait that many milliseconds first (at most 60000)
    status=CODE       answer CODE (4xx or 5xx) without processing the request
    status_after=CODE process and commit, then answer CODE
    garbage           process and commit, then answer bytes that are no JSON
    lost              process and commit, then close the connection without a response
    drop              close the connection without processing the request
    hang              never answer, and do not process the request
    stall             process and commit, then never answer
"""

import threading
from typing import Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Outcome = Literal["status", "status_after", "garbage", "lost", "drop", "hang", "stall"]
_BARE = frozenset(get_args(Outcome)) - {"status", "status_after"}
_MAX_LATENCY_MS = 60_000
_SYNTAX = "write it like 'latency=250;status=503' or 'lost'"


class Fault(BaseModel):
    """One fault. `status` is set for the outcomes `status` and `status_after` only."""

    model_config = ConfigDict(frozen=True)

    latency_ms: int = 0
    outcome: Outcome | None = None
    status: int = 0


def parse_fault(text: str) -> Fault:
    """Read a fault as it is written in the header or in a rule.

    Raises:
        ValueError: The text says nothing, or something this module does not know.
    """
    latency_ms, outcome, status = 0, None, 0
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "latency":
            latency_ms = _number(text, value, 0, _MAX_LATENCY_MS)
        elif outcome is not None:
            raise ValueError(f"fault {text!r} has two outcomes; {_SYNTAX}")
        elif name in {"status", "status_after"}:
            outcome, status = name, _number(text, value, 400, 599)
        elif name in _BARE and not value:
            outcome = name
        else:
            raise ValueError(f"fault {text!r} is unknown; {_SYNTAX}")
    return Fault(latency_ms=latency_ms, outcome=cast("Outcome | None", outcome), status=status)


def _number(text: str, value: str, least: int, most: int) -> int:
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ValueError(f"fault {text!r} needs a number from {least} to {most}; {_SYNTAX}")
    return int(value)


class FaultRule(BaseModel):
    """A fault that waits for a request.

    Attributes:
        method: HTTP method, or None for any.
        path: Prefix of the request's path.
        fault: As written in the header, e.g. `lost`.
        count: How many requests meet it; None means every one until the rules are cleared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str | None = None
    path: str = Field(default="/", pattern=r"^/")
    fault: str
    count: int | None = Field(default=None, ge=1)

    @field_validator("fault")
    @classmethod
    def _known(cls, text: str) -> str:
        parse_fault(text)
        return text

    @field_validator("method")
    @classmethod
    def _upper(cls, method: str | None) -> str | None:
        return method.upper() if method else None


class FaultBook:
    """The rules in force, oldest first; the first that matches a request is used up by one."""

    def __init__(self, rules: tuple[FaultRule, ...]) -> None:
        self._lock = threading.Lock()
        self._rules = list(rules)

    def add(self, rule: FaultRule) -> None:
        """Put a rule in force."""
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Put every rule out of force."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[FaultRule]:
        """The rules in force, each with the count it has left."""
        with self._lock:
            return list(self._rules)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, if any."""
        if not self._rules:
            return None
        with self._lock:
            for position, rule in enumerate(self._rules):
                if rule.method in {None, method} and path.startswith(rule.path):
                    self._use(position, rule)
                    return parse_fault(rule.fault)
        return None

    def _use(self, position: int, rule: FaultRule) -> None:
        if rule.count == 1:
            del self._rules[position]
        elif rule.count is not None:
            self._rules[position] = rule.model_copy(update={"count": rule.count - 1})
