"""The transport below every connector: a request that the allowlist does not name never leaves the process.

A request is checked once, in the form in which it is then sent: what `admit` returns holds copies of what was
checked, so that no code of a plugin, and no convenience of a client (redirects, base URLs, parameter merging,
cookies), comes after it. It cannot hold code that opens a socket of its own: plugins are installed by the operator and
named in the allowlist by the operator; the conformance kit's probe exposes one that goes around it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpcore
import httpx
from pydantic import SecretStr

from placet.contracts.text import shortened
from placet.errors import PluginViolation
from placet.network.deadline import Received
from placet.plugin_api.allowlist import Entry, PluginRules
from placet.plugin_api.matching import Endpoint, RefusalError, match
from placet.plugin_api.outcomes import NOT_SENT
from placet.plugin_api.sending import current_send
from placet.telemetry import spans

_log = logging.getLogger(__name__)
_LONGEST = 200
# What httpx's request says by itself is said anew. Compressed answers would make the size limit mean nothing.
_OURS = ((b"Accept-Encoding", b"identity"), (b"User-Agent", b"placet"), (b"Connection", b"keep-alive"))
_REPLACED = frozenset(name.lower() for name, _ in _OURS)

OnViolation = Callable[[str, PluginViolation], None]
"""Told of every stopped request: the plugin's name and the error that is about to be raised."""


class Wire(Protocol):
    """What carries a request that was admitted (`placet.network.deadline.DeadlineTransport`)."""

    def exchange(self, request: httpcore.Request, *, own_connection: bool) -> Received:
        """Send one request."""
        ...

    def close(self) -> None:
        """Close the pooled connections."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that the allowlist permits, in its wire form, without the credential.

    Attributes:
        entry: The entry that permits it.
    """

    entry: Entry
    url: httpx.URL
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    timeouts: dict[str, float | None]


class AllowlistTransport:
    """Admits a request, strips it to what was checked, adds the credential, and sends it."""

    def __init__(
        self,
        wire: Wire,
        *,
        rules: PluginRules,
        endpoint: Endpoint,
        token: SecretStr | None,
        on_violation: OnViolation,
    ) -> None:
        self._wire = wire
        self._rules = rules
        self._endpoint = endpoint
        self._token = token
        self._on_violation = on_violation

    def admit(self, request: httpx.Request) -> Admitted:
        """Find the entry that permits `request`; report and stop it where none does.

        Raises:
            PluginViolation: The request is not on the allowlist.
        """
        try:
            entry = match(self._rules, self._endpoint, request)
        except RefusalError as refusal:
            raise self.violation(request.method, request.url, str(refusal)) from None
        headers = tuple((name, value) for name, value in request.headers.raw if name.lower() not in _REPLACED)
        return Admitted(entry, request.url, headers, request.read(), dict(request.extensions.get("timeout", {})))

    def violation(self, method: str, url: httpx.URL | None, reason: str) -> PluginViolation:
        """Report a stopped request and make the error to raise for it."""
        target = shortened(url.raw_path.decode("ascii", "replace"), _LONGEST) if url else ""
        host = shortened(url.host, _LONGEST) if url else ""
        error = PluginViolation(
            f"plugin {self._rules.name!r} tried {shortened(method, _LONGEST)!r} {target!r} at {host!r}: "
            f"{shortened(reason, _LONGEST)}; nothing was sent"
        )
        try:
            self._on_violation(self._rules.name, error)
        except Exception:  # noqa: BLE001 - a failing observer must not make it another error
            _log.exception("reporting a plugin violation failed")
        return error

    def send(self, admitted: Admitted) -> Received:
        """Send a request that was admitted; the answer's body is read and closed by the caller.

        Raises:
            PluginViolation: It is the second mutation of one counted send.
            httpx.TransportError: It could not be sent, or no answer came.
        """
        url, entry = admitted.url, admitted.entry
        headers = [*admitted.headers, *_OURS]
        headers += [(name.encode(), value.encode()) for name, value in spans.outgoing().items()]
        if self._token is not None:
            headers.append((b"Authorization", b"Bearer " + self._token.get_secret_value().encode("ascii")))
        request = httpcore.Request(
            entry.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=headers,
            content=admitted.body,
            extensions={"timeout": admitted.timeouts},
        )
        return self._mutate(request, url) if entry.mutates else self._wire.exchange(request, own_connection=False)

    def _mutate(self, request: httpcore.Request, url: httpx.URL) -> Received:
        """Let a mutation leave, once for each send that was counted, and note what was seen of it."""
        send = current_send()
        if send is None:
            return self._wire.exchange(request, own_connection=True)
        if send.taken:
            method = request.method.decode("ascii")
            raise self.violation(method, url, "one mutation was counted, and one has left already")
        send.taken = send.left = True
        try:
            received = self._wire.exchange(request, own_connection=True)
        except NOT_SENT:
            send.left = False
            raise
        send.status = received.status
        return received

    def close(self) -> None:
        """Close the pooled connections."""
        self._wire.close()
