"""Serving the sandbox: in the foreground, or in a thread for tests and benchmarks."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from placet.sandbox.app import create_app
from placet.sandbox.config import SandboxConfig
from placet.sandbox.errors import SandboxError
from placet.sandbox.faults.middleware import TRANSPORT

_START_DEADLINE_S = 15.0
_GRACE_S = 1
"""How long requests under way may go on when the server stops; a hanging one is cut off after it."""

_BACKLOG = 512


class _Protocol(H11Protocol):
    """HTTP/1.1 whose ASGI scope carries the connection's transport, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}
        # asyncio turns Nagle's algorithm off only where the listener names its protocol, which create_server
        # does not; with it on, the body waits 40 ms for the acknowledgement of the headers.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then tell."""
        await super().startup(sockets)
        self._on_started()


def serve(config: SandboxConfig, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the base URL once requests are answered.

    Raises:
        SandboxError: The address, the database or the customer file cannot be used.
    """
    listener, url = _listen(config)
    server = _server(config, (lambda: on_ready(url)) if on_ready else (lambda: None))
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
    finally:
        listener.close()


@contextmanager
def running(config: SandboxConfig) -> Iterator[str]:
    """Run a sandbox in a background thread for the duration of a `with` block; yield its base URL.

    Raises:
        SandboxError: It could not be started.
    """
    listener, url = _listen(config)
    started = threading.Event()
    server = _server(config, started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox-bss", daemon=True)
    thread.start()
    try:
        if not started.wait(_START_DEADLINE_S):
            raise SandboxError(f"sandbox at {url} did not start within {_START_DEADLINE_S:.0f} s")
        yield url
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _listen(config: SandboxConfig) -> tuple[socket.socket, str]:
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listener = socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise SandboxError(
            f"sandbox cannot listen on {config.host!r} port {config.port}: {reason}; try port 0"
        ) from None
    host = f"[{config.host}]" if family == socket.AF_INET6 else config.host
    return listener, f"http://{host}:{listener.getsockname()[1]}"


def _server(config: SandboxConfig, on_started: Callable[[], None]) -> _Server:
    settings = uvicorn.Config(
        create_app(config),
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(settings, on_started)
