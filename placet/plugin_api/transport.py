"""The transport below every connector: a request that the allowlist does not name never leaves the process.

It stands under httpx's client, where neither a plugin's code nor the client's own conveniences (redirects,
base URLs, parameter merging, cookies) come after it. It cannot hold code that opens a socket of its own:
plugins are installed by the operator and named in the allowlist by the operator; the conformance kit's probe
exposes one that goes around it.
"""

import logging
from collections.abc import Callable

import httpx
from pydantic import SecretStr

from placet.contracts.text import shortened
from placet.errors import PluginViolation
from placet.network.deadline import OWN_CONNECTION
from placet.plugin_api.allowlist import Entry, PluginRules
from placet.plugin_api.matching import Endpoint, RefusalError, match
from placet.plugin_api.outcomes import NOT_SENT
from placet.plugin_api.sending import current_send
from placet.telemetry import spans

_log = logging.getLogger(__name__)
_LONGEST = 200


OnViolation = Callable[[str, PluginViolation], None]
"""Told of every stopped request: the plugin's name and the error that is about to be raised."""


class AllowlistTransport(httpx.BaseTransport):
    """Admits a request, strips it to what was checked, adds the credential, and hands it on."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        rules: PluginRules,
        endpoint: Endpoint,
        token: SecretStr | None,
        on_violation: OnViolation,
    ) -> None:
        self._inner = inner
        self._rules = rules
        self._endpoint = endpoint
        self._token = token
        self._on_violation = on_violation

    def admit(self, request: httpx.Request) -> Entry:
        """Find the entry that permits `request`; report and stop it where none does.

        Raises:
            PluginViolation: The request is not on the allowlist.
        """
        try:
            return match(self._rules, self._endpoint, request)
        except RefusalError as refusal:
            raise self.violation(request.method, request.url, str(refusal)) from None

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

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` if it is permitted.

        Raises:
            PluginViolation: The request is not on the allowlist, or is the second mutation of one counted send.
        """
        entry = self.admit(request)
        drop = {"accept-encoding", "connection", "user-agent"}
        headers = [(n, v) for n, v in request.headers.raw if n.decode("ascii").lower() not in drop]
        # Compressed answers would make the size limit mean nothing.
        headers += [
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"placet"),
            (b"Connection", b"keep-alive"),
        ]
        headers += [(name.encode(), value.encode()) for name, value in spans.outgoing().items()]
        if self._token is not None:
            headers.append((b"Authorization", b"Bearer " + self._token.get_secret_value().encode("ascii")))
        checked = httpx.Request(
            entry.method,
            request.url,
            headers=headers,
            stream=request.stream,
            extensions={"timeout": request.extensions.get("timeout", {}), OWN_CONNECTION: entry.mutates},
        )
        return self._mutate(checked) if entry.mutates else self._inner.handle_request(checked)

    def _mutate(self, request: httpx.Request) -> httpx.Response:
        """Let a mutation leave, once for each send that was counted, and note what was seen of it."""
        send = current_send()
        if send is None:
            return self._inner.handle_request(request)
        if send.taken:
            raise self.violation(request.method, request.url, "one mutation was counted, and one has left already")
        send.taken = send.left = True
        try:
            response = self._inner.handle_request(request)
        except NOT_SENT:
            send.left = False
            raise
        send.status = response.status_code
        return response

    def close(self) -> None:
        """Close the pooled connections."""
        self._inner.close()
