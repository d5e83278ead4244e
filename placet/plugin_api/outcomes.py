"""From what happened on the wire to what it means: the part of the error tree a connector can raise.

The question behind every line is whether a mutation may have happened. Two things say no: a connection that was never
made, and one of the few statuses in `DEFINITE_REFUSALS`. Whatever else came back after bytes left, or did not come
back, is `OutcomeUnknown`.
"""

import httpx

from placet.contracts.text import NAME, shortened
from placet.errors import NotFound, OutcomeUnknown, PluginError, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api.answers import UnreadableError, decode_json

# httpx raises these before the first byte of the request is written.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

DEFINITE_REFUSALS = frozenset({400, 401, 403, 404, 405, 415, 422})
"""Statuses by which a server says that it looked at the request and did nothing (RFC 9110 section 15.5, TMF630).

Not among them: 408 and every 5xx (nobody knows how far it got), 409 (what conflicts may be this very mutation), 429 (a
gateway may count after the system behind it has committed), redirects, and whatever is not listed.
"""

MAX_RETRY_AFTER_SECONDS = 60.0
"""A longer `Retry-After` is cut to this: it is a hint when to look again, and may not park a run for days."""

# RFC 9110 section 15: the classes, and the codes that mean something of their own here.
_SUCCESS, _CLIENT_ERROR, _SERVER_ERROR = 2, 400, 500
_NOT_FOUND = 404
_TRY_AGAIN = frozenset({408, 429})
_CREDENTIALS = frozenset({401, 403})
_CODES = {401: "unauthorized", 403: "forbidden", 405: "not_supported", 409: "conflict"}
_LONGEST_DELAY_DIGITS = 9


def failed_status(
    subject: str, status: int, body: bytes, *, mutates: bool, retry_after: str | None = None
) -> PluginError | None:
    """Return the error that a complete answer with `status` means; None for 2xx.

    Args:
        subject: Names the plugin and the request, for the error's line.
        status: Of the answer.
        body: Of the answer; only its TMF630 `code` and `reason` are repeated.
        mutates: Whether the request may have changed something.
        retry_after: The answer's `Retry-After`, where it had one.
    """
    if status // 100 == _SUCCESS:
        return None
    delay = retry_after_seconds(retry_after)
    if mutates and status not in DEFINITE_REFUSALS:
        said = f"{subject} answered {status}{_stated(body)}; the mutation may or may not have happened, read back"
        return OutcomeUnknown(said, retry_after_seconds=delay)
    if status in _TRY_AGAIN:
        return UpstreamUnavailable(f"{subject} answered {status}; try again later", retry_after_seconds=delay)
    if _CLIENT_ERROR <= status < _SERVER_ERROR:
        return _refused(subject, status, body)
    if status < _CLIENT_ERROR:
        return UpstreamRejected(f"{subject} answered {status}; redirects are not followed", code="redirected")
    return UpstreamUnavailable(
        f"{subject} answered {status}; try again when the system is well", retry_after_seconds=delay
    )


def retry_after_seconds(value: str | None) -> float | None:
    """Return the delay that a `Retry-After` header asks for, bounded; None where it names none in seconds."""
    text = (value or "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_DELAY_DIGITS:
        return None
    return min(float(text), MAX_RETRY_AFTER_SECONDS)


def _refused(subject: str, status: int, body: bytes) -> PluginError:
    if status == _NOT_FOUND:
        return NotFound(f"{subject} answered 404: the resource is not known there{_stated(body)}")
    advice = "; check the plugin's token" if status in _CREDENTIALS else ""
    message = f"{subject} was refused with {status}{_stated(body)}{advice}"
    return UpstreamRejected(message, code=_CODES.get(status))


def failed_exchange(subject: str, exc: Exception, *, mutates: bool) -> PluginError:
    """Return the error that an exchange without a complete, readable answer means."""
    name = type(exc).__name__
    if isinstance(exc, NOT_SENT):
        return UpstreamUnavailable(f"{subject}: no connection ({name}), nothing was sent; is the system up?")
    if mutates:
        return OutcomeUnknown(f"{subject}: sent, but the answer was lost ({_lost(exc)}); read back first")
    if isinstance(exc, httpx.TransportError):
        return UpstreamUnavailable(f"{subject}: no complete answer ({name}); try again when the system is well")
    if isinstance(exc, ValueError | LookupError | TypeError | ArithmeticError | AttributeError):
        return UpstreamRejected(f"{subject} answered what cannot be read: {_lost(exc)}", code="unreadable_answer")
    return PluginError(f"{subject} failed in the plugin ({name}); report it to the plugin's author")


def _lost(exc: Exception) -> str:
    # Only our own words are repeated: a foreign message may quote the customer's record.
    return shortened(str(exc), 160) if isinstance(exc, UnreadableError) else type(exc).__name__


def _stated(body: bytes) -> str:
    """Return the `code` and `reason` of a TMF630 error body, shortened; nothing where there is none."""
    try:
        data = decode_json(body)
    except UnreadableError:
        return ""
    if not isinstance(data, dict):
        return ""
    parts = [shortened(data[key], NAME) for key in ("code", "reason") if isinstance(data.get(key), str) and data[key]]
    return f" ({', '.join(repr(part) for part in parts)})" if parts else ""
