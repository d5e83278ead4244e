"""What a fault is, how it is written, and which request meets one.

A fault is written as in the header `X-Sandbox-Fault: latency=250;status=503`: conditions, and at most one outcome.

Conditions:

    latency=MS        wait that many milliseconds first (at most 60000)
    late=MS           answer first, and process and commit that many milliseconds later (`lost` and `status_after` only)
    retry_after=S     say `Retry-After: S` in an answer of `status` or `status_after`
    cut=N             keep of `description` and `externalId` N characters, of 0 nothing, before processing
    stranger=ID       read as if customer ID had been asked for, and leave `relatedParty` out of the answer

Outcomes:

    status=CODE       answer CODE (4xx or 5xx) without processing the request
    status_after=CODE process and commit, then answer CODE
    garbage           process and commit, then answer bytes that are no JSON
    lost              process and commit, then close the connection without a response
    drop              close the connection without processing the request
    hang              never answer, and do not process the request
    stall             process and commit, then never answer
    blank             answer an empty collection
"""

import math
import threading
import time
from collections import Counter
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Outcome = Literal["status", "status_after", "garbage", "lost", "drop", "hang", "stall", "blank"]
_BARE = frozenset(get_args(Outcome)) - {"status", "status_after"}
_NUMBERS = {"latency": 60_000, "late": 600_000, "retry_after": 10_000_000, "cut": 2_000}
"""The most that each condition takes."""
_AFTER_ANSWER = ("lost", "status_after")
_SYNTAX = "write it like 'latency=250;status=503' or 'lost'"

KNOWN = (*_NUMBERS, "stranger", *get_args(Outcome))
"""Every condition, then every outcome, as they are written."""


class Fault(BaseModel):
    """One fault. `status` is set for the outcomes `status` and `status_after` only; None is a condition not named."""

    model_config = ConfigDict(frozen=True)

    latency: int = 0
    late: int | None = None
    retry_after: int | None = None
    cut: int | None = None
    stranger: str | None = None
    outcome: Outcome | None = None
    status: int = 0


def parse_fault(text: str) -> Fault:
    """Read a fault as it is written in the header or in a rule.

    Raises:
        ValueError: The text says nothing, or something this module does not know.
    """
    named: dict[str, int | str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name in named:
            raise ValueError(f"fault {text!r} names {name!r} twice; {_SYNTAX}")
        if name in _NUMBERS:
            named[name] = _number(text, value, 0, _NUMBERS[name])
        elif name == "stranger" and value:
            named[name] = value
        elif "outcome" in named:
            raise ValueError(f"fault {text!r} has two outcomes; {_SYNTAX}")
        elif name in {"status", "status_after"}:
            named |= {"outcome": name, "status": _number(text, value, 400, 599)}
        elif name in _BARE and not value:
            named["outcome"] = name
        else:
            raise ValueError(f"fault {text!r} is unknown; known: {', '.join(KNOWN)}; {_SYNTAX}")
    if "late" in named and named.get("outcome") not in _AFTER_ANSWER:
        raise ValueError(f"fault {text!r} is late without 'lost' or 'status_after'; {_SYNTAX}")
    return Fault.model_validate(named)


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
        behind: Method of the request that must have come to such a path, and with such a text, before it is in force.
        count: How many requests meet it; None means every one until the rules are cleared.
        seconds: How long it is in force; None means until the rules are cleared.
        about: Text that the request's query or body must hold, such as a bucket's id; empty for any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str | None = None
    path: str = Field(default="/", pattern=r"^/")
    fault: str
    behind: str | None = None
    count: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    about: str = ""

    @field_validator("fault")
    @classmethod
    def _known(cls, text: str) -> str:
        parse_fault(text)
        return text

    @field_validator("method", "behind")
    @classmethod
    def _upper(cls, method: str | None) -> str | None:
        return method.upper() if method else None


class FaultBook:
    """The rules in force, oldest first; the first that matches a request is used up by one. Counts what arrived."""

    def __init__(self, rules: tuple[FaultRule, ...]) -> None:
        self._lock = threading.Lock()
        self._rules = [(rule, _end(rule)) for rule in rules]
        self._arrived: Counter[str] = Counter()

    def add(self, rule: FaultRule) -> None:
        """Put a rule in force."""
        with self._lock:
            self._rules.append((rule, _end(rule)))

    def clear(self) -> None:
        """Put every rule out of force."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[FaultRule]:
        """Return the rules in force, each with the count it has left."""
        with self._lock:
            self._expire()
            return [rule for rule, _ in self._rules]

    def arrived(self) -> dict[str, int]:
        """Count the requests that arrived, by method and path, whatever became of them."""
        with self._lock:
            return dict(self._arrived)

    def asks_about(self) -> bool:
        """Return whether a rule in force must see what a request is about."""
        with self._lock:
            return any(rule.about for rule, _ in self._rules)

    def take(self, method: str, path: str, text: str = "") -> Fault | None:
        """Return the fault that this request meets, if any; `text` is its query and its body."""
        with self._lock:
            self._arrived[f"{method} {path}"] += 1
            self._expire()
            about = [
                (position, rule, end)
                for position, (rule, end) in enumerate(self._rules)
                if path.startswith(rule.path) and rule.about in text
            ]
            for position, rule, end in about:
                if rule.behind == method:
                    self._rules[position] = (rule.model_copy(update={"behind": None}), end)
            for position, rule, end in about:
                if rule.behind is None and rule.method in {None, method}:
                    self._use(position, rule, end)
                    return parse_fault(rule.fault)
        return None

    def _use(self, position: int, rule: FaultRule, end: float) -> None:
        if rule.count == 1:
            del self._rules[position]
        elif rule.count is not None:
            self._rules[position] = (rule.model_copy(update={"count": rule.count - 1}), end)

    def _expire(self) -> None:
        now = time.monotonic()
        self._rules = [(rule, end) for rule, end in self._rules if end > now]


def _end(rule: FaultRule) -> float:
    return math.inf if rule.seconds is None else time.monotonic() + rule.seconds
