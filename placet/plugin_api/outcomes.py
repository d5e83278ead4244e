"""From what happened on the wire to what it means: the part of the error tree a connector can raise.

The question behind every line is whether a mutation may have happened. Only a connection that was never made,
or a plain refusal by the other system, says no; everything else after sending is `OutcomeUnknown`.
"""

import httpx

from placet.errors import NotFound, OutcomeUnknown, PluginError, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api.answers import UnreadableError, decode_json

# httpx raises these before the first byte of the request is written.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

# RFC 9110 section 15: the classes, and the codes that mean something of their own here.
_SUCCESS, _CLIENT_ERROR, _SERVER_ERROR = 2, 400, 500
_NOT_FOUND, _REQUEST_TIMEOUT, _TOO_MANY = 404, 408, 429
_CREDENTIALS = frozenset({401, 403})
_CODES = {401: "unauthorized", 403: "forbidden", 405: "not_supported", 409: "conflict"}


def failed_status(subject: str, status: int, body: bytes, *, mutates: bool) -> PluginError | None:
    """The error that a complete answer with `status` means, or None for 2xx."""
    if status // 100 == _SUCCESS:
        return None
    if status == _TOO_MANY:
        return UpstreamUnavailable(f"{subject} answered 429, too many requests; try again later")
    if _CLIENT_ERROR <= status < _SERVER_ERROR and status != _REQUEST_TIMEOUT:
        return _refused(subject, status, body)
    if mutates:
        return OutcomeUnknown(f"{subject} answered {status}; the mutation may or may not have happened, read back")
    if status < _CLIENT_ERROR:
        return UpstreamRejected(f"{subject} answered {status}; redirects are not followed", code="redirected")
    return UpstreamUnavailable(f"{subject} answered {status}; try again when the system is well")


def _refused(subject: str, status: int, body: bytes) -> PluginError:
    if status == _NOT_FOUND:
        return NotFound(f"{subject} answered 404: the resource is not known there{_stated(body)}")
    advice = "; check the plugin's token" if status in _CREDENTIALS else ""
    message = f"{subject} was refused with {status}{_stated(body)}{advice}"
    return UpstreamRejected(message, code=_CODES.get(status))


def failed_exchange(subject: str, exc: Exception, *, mutates: bool) -> PluginError:
    """The error that an exchange without a complete, readable answer means."""
    name = type(exc).__name__
    if isinstance(exc, _NOT_SENT):
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
    return str(exc)[:160] if isinstance(exc, UnreadableError) else type(exc).__name__


def _stated(body: bytes) -> str:
    """The `code` and `reason` of a TMF630 error body, shortened; nothing where there is none."""
    try:
        data = decode_json(body)
    except UnreadableError:
        return ""
    if not isinstance(data, dict):
        return ""
    parts = [data[key][:80] for key in ("code", "reason") if isinstance(data.get(key), str) and data[key]]
    return f" ({', '.join(repr(part) for part in parts)})" if parts else ""
