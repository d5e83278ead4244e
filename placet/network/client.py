"""HTTP clients for our own errands. The environment configures none of them, and they follow no redirect."""

import ssl
from contextlib import nullcontext
from typing import Any

import httpx

from placet.network.deadline import DeadlineTransport, within
from placet.network.networks import Networks
from placet.network.refusals import note
from placet.network.tls import tls_context

_PATIENCE_SECONDS = 5.0
LARGEST_ANSWER = 16 * 1024 * 1024
"""Of an answer, unpacked, in bytes; whoever streams one bounds it on their own."""


def plain_client(
    timeout_seconds: float = _PATIENCE_SECONDS, *, base_url: str = "", tls: ssl.SSLContext | None = None
) -> httpx.Client:
    """Make a client for a system whose address an operator configured."""
    transport = DeadlineTransport(tls=tls or tls_context(), connections=4)
    return _client(transport, timeout_seconds, base_url)


def guarded_client(
    timeout_seconds: float, *, origin: str, networks: Networks, tls: ssl.SSLContext | None = None
) -> httpx.Client:
    """Make a client that speaks to `origin` alone, and only while its address is within `networks`."""
    inner = DeadlineTransport(tls=tls or tls_context(), connections=100, networks=networks)
    return _client(_OneOrigin(inner, httpx.URL(origin)), timeout_seconds, "")


def proxied_client(timeout_seconds: float, *, proxy: str, tls: ssl.SSLContext | None = None) -> httpx.Client:
    """Make a client that goes through the proxy that a setting names; none where `proxy` is empty."""
    if not proxy:
        return plain_client(timeout_seconds, tls=tls)
    transport = httpx.HTTPTransport(verify=tls or tls_context(), trust_env=False, proxy=httpx.Proxy(proxy), retries=0)
    return _client(transport, timeout_seconds, "")


def _client(transport: httpx.BaseTransport, timeout_seconds: float, base_url: str) -> httpx.Client:
    return _Client(
        transport=transport, timeout=timeout_seconds, base_url=base_url, follow_redirects=False, trust_env=False
    )


class _Client(httpx.Client):
    """Bounds each exchange as a whole, in time and in size, and notes a redirect that is not followed."""

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read")
        with within(seconds) if seconds is not None else nullcontext():
            response = super().send(request, stream=True, **{**options, "follow_redirects": False})
            if not stream:
                response = _whole(request, response)
        if response.is_redirect:
            note("redirect", f"it answered with a redirect (HTTP {response.status_code}), which is not followed")
        return response


def _whole(request: httpx.Request, coming: httpx.Response) -> httpx.Response:
    """Read an answer to its end.

    Raises:
        httpx.ReadError: It is longer than `LARGEST_ANSWER`.
    """
    read = bytearray()
    try:
        for chunk in coming.iter_bytes():
            read += chunk
            if len(read) > LARGEST_ANSWER:
                raise httpx.ReadError(f"its answer is longer than {LARGEST_ANSWER} bytes", request=request)
    finally:
        coming.close()
    as_sent = {"content-encoding", "content-length", "transfer-encoding"}
    headers = [(name, value) for name, value in coming.headers.multi_items() if name.lower() not in as_sent]
    whole = httpx.Response(
        coming.status_code, headers=headers, content=bytes(read), request=request, extensions=coming.extensions
    )
    whole.history, whole.default_encoding = coming.history, coming.default_encoding
    return whole


class _OneOrigin(httpx.BaseTransport):
    """Refuses requests for another scheme, host or port than the configured one."""

    def __init__(self, inner: httpx.BaseTransport, origin: httpx.URL) -> None:
        self._inner = inner
        self._origin = origin

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        wanted, url = self._origin, request.url
        if (url.scheme, url.host, url.port) != (wanted.scheme, wanted.host, wanted.port):
            raise httpx.ConnectError(f"a request for {url.host!r} was not sent: this client speaks to {wanted.host!r}")
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()
