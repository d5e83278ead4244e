"""One deadline over a whole exchange, from the first byte out to the last byte in.

httpx's timeouts bound each wait on the socket, so a server that sends one byte a second holds a caller for ever. The
effect ledger's lease rests on an attempt being over when its time is over, so here every socket operation gets what is
left of the exchange's time, and no more. Name resolution is the operating system's and is not covered. Where networks
are declared, the address of each connection is checked against them before it is opened.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from placet.network.networks import Networks

_deadline: ContextVar[float | None] = ContextVar("placet_exchange_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Bound everything this thread sends and receives over a `DeadlineTransport` while the block runs."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


class DeadlineTransport(httpx.BaseTransport):
    """httpx's transport over httpcore's pool, HTTP/1.1, without retries, with `within` in force on its sockets."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None,
        connections: int,
        keepalive_seconds: float = 5.0,
        networks: Networks | None = None,
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keepalive_seconds,
            retries=0,
            network_backend=_Backend(networks),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is read by the caller.

        Raises:
            httpx.TransportError: As httpx's own transport.
        """
        if not isinstance(request.stream, httpx.SyncByteStream):
            raise httpx.UnsupportedProtocol("the request's body cannot be sent synchronously")
        url = request.url
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            received = self._pool.handle_request(sent)
        return httpx.Response(received.status, headers=received.headers, stream=_Body(received))

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Errors of httpcore's transport, under the names that httpx gives them."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as exc:
        raise getattr(httpx, type(exc).__name__, httpx.TransportError)(str(exc)) from exc


class _Backend(httpcore.SyncBackend):
    def __init__(self, networks: Networks | None) -> None:
        self._networks = networks

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        fault: Exception = httpcore.ConnectError(f"{host!r} has no address")
        for address in self._addresses(host, port):
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(super().connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault

    def _addresses(self, host: str, port: int) -> list[str]:
        """Where to connect: what was checked, not a name that may lead elsewhere by then."""
        if self._networks is None:
            return [host]
        try:
            return self._networks.admit(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("the exchange's total time is over")
    return left if timeout is None else min(timeout, left)
