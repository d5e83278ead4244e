"""A small real HTTP server that records what reaches it and answers, or fails to answer, as told."""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_IDLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A request as it arrived. `target` is the raw request target, header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What to do with a request.

    Attributes:
        delay_seconds: Wait first; ends early when the server closes.
        lost: Close the connection without a byte of answer.
        truncated: Close the connection in the middle of the body.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    lost: bool = False
    truncated: bool = False


Respond = Callable[[ProbeRequest], ProbeAnswer]


class ProbeServer:
    """Serves `respond` on a free loopback port while the `with` block runs."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._lock = threading.Lock()
        self._requests: list[ProbeRequest] = []
        self._closing = threading.Event()
        self._server = _Server(self._decide)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> tuple[ProbeRequest, ...]:
        """Everything that arrived so far."""
        with self._lock:
            return tuple(self._requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _decide(self, request: ProbeRequest) -> ProbeAnswer:
        with self._lock:
            self._requests.append(request)
        answer = self._respond(request)
        if answer.delay_seconds:
            self._closing.wait(answer.delay_seconds)
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, decide: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.decide = decide


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method, known or not, must be seen
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = ProbeRequest(self.command, self.path, headers, self.rfile.read(length))
        answer = self.server.decide(request)
        if answer.lost:
            self.close_connection = True
            return
        try:
            self._send(answer)
        except OSError:  # the client did not wait
            self.close_connection = True

    def _send(self, answer: ProbeAnswer) -> None:
        self.send_response(answer.status)
        for key, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer.body) + (1 if answer.truncated else 0)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.close_connection = answer.truncated or self.close_connection

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Log nothing: what arrived is in `requests`."""

    def log_error(self, *args: object) -> None:
        """Log nothing: the client reports how it ended."""


def unused_url() -> str:
    """Return a loopback address on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
