"""From whatever a provider library raises to an outcome and one clear line.

LiteLLM drops the original cause and reports a refused connection, a broken body and a real HTTP 500 as the same class,
so the text decides where the class cannot. The lock file pins the texts; tests hold each of them on a real server.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from placet.contracts.inference import AttemptOutcome

_GARBAGE = (
    "empty or invalid response",
    "unable to get json response",
    "received response",
    "provider returned",
    "traceback (most recent call last)",
)
_SERVER_ERROR = 500
_TIMEOUT = 408
_FIRST_CLIENT_ERROR = 400
_UNAUTHORISED = frozenset({401, 403})
_NOT_FOUND = 404
_TOO_MANY = 429


@dataclass(frozen=True)
class Failure:
    """Why an attempt gave no answer."""

    outcome: AttemptOutcome
    detail: str


def classify(error: Exception, *, key_name: str | None, secrets: Iterable[str]) -> Failure:
    """The outcome that `error` stands for.

    Args:
        error: What the provider library raised.
        key_name: Name of the key the request carried, for the message.
        secrets: Values that must not appear in the message.
    """
    status = getattr(error, "status_code", None)
    said = _first_line(str(error), secrets)
    if status == _TIMEOUT or "timeout" in type(error).__name__.lower():
        return Failure("timeout", "no answer in time; raise timeout_s or choose a faster model")
    if isinstance(status, int) and _FIRST_CLIENT_ERROR <= status < _SERVER_ERROR:
        return Failure("refused", _refusal(status, key_name, said))
    if any(sign in str(error).lower() for sign in _GARBAGE) or not isinstance(status, int):
        return Failure("invalid_output", "the server's answer cannot be read as a completion")
    if status == _SERVER_ERROR and _no_connection(str(error)):
        return Failure("unreachable", "cannot connect; check base_url and that the server is up")
    return Failure("unreachable", f"the server failed: {said}")


def _refusal(status: int, key_name: str | None, said: str) -> str:
    if status in _UNAUTHORISED:
        return f"the server refused the key (HTTP {status}); check {key_name or 'whether it needs one'}"
    if status == _NOT_FOUND:
        return f"the server knows no such model or path (HTTP 404): {said}"
    if status == _TOO_MANY:
        return f"rate limit reached (HTTP 429): {said}"
    return f"the server refused the request (HTTP {status}): {said}"


def _no_connection(text: str) -> bool:
    return re.search(r"Connection error|Errno|disconnected|refused", text) is not None


def _first_line(text: str, secrets: Iterable[str]) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    line = re.sub(r"^(?:litellm\.)?(?:\w+: )*(?:\w+Exception - )?", "", line)
    for secret in secrets:
        if secret:
            line = line.replace(secret, "[key]")
    return line[:160]
