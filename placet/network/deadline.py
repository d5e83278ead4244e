"""One deadline over a whole exchange, from the first byte out to the last byte in.

httpx's timeouts bound each wait on the socket, so a server that sends one byte a second holds a caller for ever. The
effect ledger's lease rests on an attempt being over when its time is over, so here every socket operation gets what is
left of the exchange's time, and no more. Name resolution is the operating system's and is not covered. Where networks
are declared, the address of each connection is checked against them before it is opened.

A mutation travels on a connection of its own: bytes that an earlier answer left behind can never be taken for its
answer, and a server that is about to close an idle connection does not make its outcome unknown. A connection that
serves reads is used again only when nothing follows the answer it brought.
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
    """Bound everything this thread sends and receives over a `DeadlineTransport` while the block runs.

    Blocks may be nested; the earliest end counts.
    """
    outer, own = _deadline.get(), time.monotonic() + seconds
    token = _deadline.set(own if outer is None else min(outer, own))
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
        backend = _Backend(networks)
        self._shared = _pool(tls, connections, kept=connections, keepalive_seconds=keepalive_seconds, backend=backend)
        self._own = _pool(tls, connections, kept=0, keepalive_seconds=keepalive_seconds, backend=backend)

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
        received = self.exchange(sent, own_connection=False)
        return httpx.Response(received.status, headers=received.headers, stream=received)

    def exchange(self, request: httpcore.Request, *, own_connection: bool) -> "Received":
        """Send one request in its wire form; the answer's body is read by the caller, who closes it.

        Args:
            request: With every header it shall have, Host among them.
            own_connection: Whether it must travel on a connection that serves no other.

        Raises:
            httpx.TransportError: As httpx's own transport.
        """
        pool = self._own if own_connection else self._shared
        with _as_httpx():
            return Received(pool.handle_request(request))

    def close(self) -> None:
        """Close the pooled connections."""
        self._shared.close()
        self._own.close()


def _pool(
    tls: ssl.SSLContext | None, connections: int, *, kept: int, keepalive_seconds: float, backend: "_Backend"
) -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        ssl_context=tls,
        max_connections=connections,
        max_keepalive_connections=kept,
        keepalive_expiry=keepalive_seconds,
        retries=0,
        network_backend=backend,
    )


class Received(httpx.SyncByteStream):
    """An answer: its status and headers, and its body, to be read in chunks and closed."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.status, self.headers = response.status, response.headers

    def header(self, name: str) -> str | None:
        """Return the value of a header, several joined as RFC 9110 section 5.3 says; None where it is absent."""
        wanted = name.lower().encode("ascii")
        values = [value.decode("latin-1") for given, value in self.headers if given.lower() == wanted]
        return ", ".join(values) if values else None

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        """Give the connection back, or close it where bytes followed the answer."""
        if _followed(self._response):
            # A closed stream is never given to another request; what is left in its buffer goes with it.
            self._response.extensions["network_stream"].close()
        self._response.close()


def _followed(response: httpcore.Response) -> bool:
    """Whether bytes came after the answer: h11 would read them as the beginning of the next one.

    Bytes that arrive later still make the idle socket readable, and httpcore drops such a connection itself. Where the
    buffer cannot be seen (another httpcore), the connection counts as dirty.
    """
    connection = getattr(getattr(response.stream, "_stream", None), "_connection", None)
    parser = getattr(connection, "_h11_state", None)
    return parser is None or bool(parser.trailing_data[0])


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
