"""The base of every plugin: one public `call()` that bounds, records and translates each exchange."""

import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from placet.contracts.billing import SourceCall
from placet.errors import PlacetError
from placet.network.deadline import DeadlineTransport, Received, within
from placet.network.tls import tls_context
from placet.plugin_api.allowlist import Entry, PluginRules
from placet.plugin_api.answers import Answer, UnreadableError, read_answer, sha256_hex
from placet.plugin_api.calls import OnCall, record
from placet.plugin_api.manifest import ConnectorLimits, Manifest
from placet.plugin_api.matching import Endpoint
from placet.plugin_api.outcomes import failed_exchange, failed_status
from placet.plugin_api.transport import Admitted, AllowlistTransport, OnViolation
from placet.telemetry import spans
from placet.telemetry.spans import SpanKind

T = TypeVar("T")
_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


def _ignore(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ConnectorContext:
    """Everything the composition root decides for one plugin; all that a plugin's constructor takes.

    Attributes:
        token: Bearer token of this plugin's system; the transport adds it, plugin code never handles it.
        ca_bundle: PEM file of the operator's own certificate authority, instead of the public ones.
        on_call: Told of every completed exchange. An observer: it must not raise.
        on_violation: Told of every stopped request.
    """

    rules: PluginRules
    endpoint: Endpoint
    token: SecretStr | None = field(default=None, repr=False)
    limits: ConnectorLimits = field(default_factory=ConnectorLimits)
    ca_bundle: Path | None = None
    on_call: OnCall = _ignore
    on_violation: OnViolation = _ignore
    clock: Callable[[], datetime] = _now


class Connector:
    """A plugin subclasses this, sets `manifest`, and writes methods that use `call()`.

    `call()` never raises anything but the tree in `placet.errors`, never retries (Temporal does), never
    follows a redirect, keeps no cookies and ignores proxies in the environment. A plugin whose system wants
    more than plain requests (a signature header, say) overrides `_prepare()`; what that makes of a request is what
    the allowlist is asked about. Instances are safe to use from many threads at once.
    """

    manifest: ClassVar[Manifest]

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context
        self._transport = AllowlistTransport(
            DeadlineTransport(tls=_certificates(context), connections=context.limits.pool_size),
            rules=context.rules,
            endpoint=context.endpoint,
            token=context.token,
            on_violation=context.on_violation,
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        parse: Callable[[Answer], T],
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
    ) -> T:
        """Do one exchange and return what `parse` makes of its answer.

        Args:
            method: Upper case, as in the allowlist.
            path: As in the allowlist, with `{id}` where `ids` fills in a value.
            parse: Turns a 2xx answer into typed data. Whatever it raises is translated: on a read to
                `UpstreamRejected`, after a mutation to `OutcomeUnknown`. It may raise errors of the tree
                itself.
            ids: Values for the path's variables.
            query: Parameters by name.
            body: A JSON object to send.
            timeout_seconds: Bound of this exchange, instead of the configured ones; mutations should pass it.

        Raises:
            PluginViolation: The allowlist does not permit the request; nothing was sent.
            NotFound: 404.
            UpstreamUnavailable: Nothing was sent, or it was a read and trying again is sound.
            UpstreamRejected: Any other 4xx that is certain, or a read's answer cannot be read.
            OutcomeUnknown: A mutation was sent, and no confirmation and no definite refusal came back.
        """
        admitted = self._admitted(
            method, path, ids=ids or {}, query=query or {}, body=body, timeout_seconds=timeout_seconds
        )
        entry = admitted.entry
        subject = f"{self.manifest.name}: {entry.api} {entry.method} {entry.path}"
        total = timeout_seconds if timeout_seconds is not None else self._context.limits.total_seconds
        try:
            with spans.span(f"{entry.method} {entry.path}", SpanKind.CLIENT, self._about(entry)) as span:
                with within(total):
                    received, content = self._exchange(admitted)
                status = received.status
                span.set_attribute("http.response.status_code", status)
            self._observe(admitted, status, content)
            again = received.header("retry-after")
            failure = failed_status(subject, status, content, mutates=entry.mutates, retry_after=again)
            if failure is None:
                return parse(read_answer(status, content, received.header("x-total-count")))
        except PlacetError:
            raise
        except Exception as exc:  # the bound of the error tree: nothing foreign leaves a connector
            raise failed_exchange(subject, exc, mutates=entry.mutates) from exc
        raise failure

    def _prepare(self, request: httpx.Request) -> None:
        """Add to one request what a system asks for; it is held against the allowlist afterwards, and then sent.

        Override it where plain requests are not enough. Further headers must be listed in the allowlist (`headers`).
        """

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _admitted(
        self,
        method: str,
        path: str,
        *,
        ids: Mapping[str, str],
        query: Mapping[str, str | int],
        body: Mapping[str, Any] | None,
        timeout_seconds: float | None,
    ) -> Admitted:
        limits, endpoint = self._context.limits, self._context.endpoint
        read = limits.read_seconds if timeout_seconds is None else timeout_seconds
        connect = min(limits.connect_seconds, read)
        headers = {"Accept": "application/json"}
        content = None
        try:
            if body is not None:
                content = json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
                headers["Content-Type"] = "application/json"
            for name, value in ids.items():
                path = path.replace(f"{{{name}}}", quote(value, safe=""))
            target = f"{endpoint.prefix}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
            request = httpx.Request(
                method,
                endpoint.url.copy_with(raw_path=target.encode("ascii")),
                content=content,
                headers=headers,
                extensions={"timeout": {"connect": connect, "read": read, "write": read, "pool": connect}},
            )
            self._prepare(request)
        except Exception as exc:
            reason = f"the request cannot be built ({type(exc).__name__})"
            raise self._transport.violation(str(method), None, reason) from exc
        return self._transport.admit(request)

    def _exchange(self, admitted: Admitted) -> tuple[Received, bytes]:
        received = self._transport.send(admitted)
        try:
            if (received.header("content-encoding") or "identity") != "identity":
                raise UnreadableError("a compressed answer, which was not asked for")
            limit, content = self._context.limits.max_response_bytes, bytearray()
            for chunk in received:
                content += chunk
                if len(content) > limit:
                    raise UnreadableError(f"an answer of more than {limit} bytes")
            return received, bytes(content)
        finally:
            received.close()

    def _about(self, entry: Entry) -> dict[str, str | int]:
        """What a span says of a request: its entry in the allowlist, never the path with the customer in it."""
        url = self._context.endpoint.url
        return {
            "http.request.method": entry.method,
            "url.template": entry.path,
            "server.address": url.host,
            "server.port": url.port or (443 if url.scheme == "https" else 80),
            "placet.api": entry.api,
        }

    def _observe(self, admitted: Admitted, status: int, content: bytes) -> None:
        call = SourceCall(
            api=admitted.entry.api,
            method=admitted.entry.method,
            path=admitted.url.raw_path.decode("ascii"),
            status=status,
            response_sha256=sha256_hex(content),
            at=self._context.clock(),
        )
        record(call)
        try:
            self._context.on_call(self.manifest.name, call)
        except Exception:  # noqa: BLE001 - an observer that fails must not make the outcome of a mutation unknown
            _log.exception("reporting a plugin call failed")


def _certificates(context: ConnectorContext) -> ssl.SSLContext | None:
    if context.endpoint.url.scheme == "http":
        return None  # no TLS is spoken; loading the certificate store would cost 20 ms for nothing
    return tls_context(context.ca_bundle)
