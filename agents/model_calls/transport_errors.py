"""From whatever a provider library raises to an outcome and one clear line.

LiteLLM reports a refused connection, a broken body and a real HTTP 500 as the same class, with a status of its own
making. It keeps the chain of causes, though, and at its end stands what the transport met: httpx's own exception, under
the OpenAI SDK as under LiteLLM's clients for other providers. So types decide, and no message is searched for words.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx

from placet.contracts.analysis.inference import AttemptOutcome
from placet.contracts.text import shortened

_SERVER_ERROR = 500
_FIRST_REDIRECT = 300
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
    """Return the failure that `error` stands for.

    Args:
        error: What the provider library raised.
        key_name: Name of the key the request carried, for the message.
        secrets: Values that must not appear in the message.
    """
    import openai  # noqa: PLC0415 - takes a second; whoever gets here has paid for it

    causes = tuple(_causes(error))
    if any(isinstance(cause, openai.APITimeoutError | httpx.TimeoutException) for cause in causes):
        return Failure("timeout", "no answer in time; raise timeout_s or choose a faster model")
    if any(isinstance(cause, httpx.TransportError) for cause in causes):
        return Failure("unreachable", "cannot connect; check base_url and that the server is up")
    status = _answered(causes)
    if status is None and isinstance(error, openai.BadRequestError):
        status = _FIRST_CLIENT_ERROR  # the library itself would not send this
    if status is None:
        return Failure("invalid_output", "the server's answer cannot be read as a completion")
    said = _first_line(str(error), secrets)
    if _FIRST_CLIENT_ERROR <= status < _SERVER_ERROR:
        return Failure("refused", _refusal(status, key_name, said))
    if _FIRST_REDIRECT <= status < _FIRST_CLIENT_ERROR:
        return Failure("refused", f"the server redirects (HTTP {status}), which is not followed; correct base_url")
    return Failure("unreachable", f"the server failed: {said}")


def _answered(causes: Iterable[BaseException]) -> int | None:
    """Return the status that a server sent; None where the failure is about something else."""
    found = (cause.response.status_code for cause in causes if isinstance(cause, httpx.HTTPStatusError))
    return next(found, None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _refusal(status: int, key_name: str | None, said: str) -> str:
    if status in _UNAUTHORISED:
        return f"the server refused the key (HTTP {status}); check {key_name or 'whether it needs one'}"
    if status == _NOT_FOUND:
        return f"the server knows no such model or path (HTTP 404): {said}"
    if status == _TOO_MANY:
        return f"rate limit reached (HTTP 429): {said}"
    return f"the server refused the request (HTTP {status}): {said}"


def _first_line(text: str, secrets: Iterable[str]) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    line = re.sub(r"^(?:litellm\.)?(?:\w+: )*(?:\w+Exception - )?", "", line)
    for secret in secrets:
        if secret:
            line = line.replace(secret, "[key]")
    return shortened(line, 160)
