"""`GET /metrics` of a process that serves nothing else, the worker: by bearer token, like everything else."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from pydantic import SecretStr

from placet.errors import ConfigurationError
from placet.telemetry.metrics.registry import CONTENT_TYPE, Metrics

PATH: Final = "/metrics"
_IDLE_SECONDS: Final = 5


@contextmanager
def serving(metrics: Metrics, host: str, port: int, token: SecretStr) -> Iterator[int]:
    """Serve while the block runs; yields the port.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    try:
        server = _Server((host, port), _handler(metrics, token.get_secret_value().encode()))
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"metrics cannot be served on {host!r} port {port} (PLACET_METRICS_HOST, PLACET_METRICS_PORT): {error}"
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a caller that went away is no news."""


def _handler(metrics: Metrics, token: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_SECONDS

        def do_GET(self) -> None:
            given = self.headers.get_all("Authorization") or []
            scheme, _, presented = given[0].partition(" ") if len(given) == 1 else ("", "", "")
            if scheme.lower() != "bearer" or not compare_digest(presented.strip().encode("latin-1"), token):
                self._answer(401, "text/plain", b"the bearer token is missing or wrong\n")
            elif self.path != PATH:
                self._answer(404, "text/plain", b"only /metrics is here\n")
            else:
                self._answer(200, CONTENT_TYPE, metrics.text())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response_only(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            if status == 401:  # noqa: PLR2004 - RFC 6750 asks for it
                self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler
