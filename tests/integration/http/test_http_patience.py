"""How long an answer waits for its reader: who reads slowly gets it whole, who reads nothing loses the connection."""

import socket
import time
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from placet.entrypoints.patience import PatientProtocol
from placet.entrypoints.processes.process import await_condition
from tests.integration.http.calling import serving
from tests.support.guard import GUARD

SIZE = 24_000_000
"""More than the buffers of the kernel take, at both ends."""


async def app(scope: Scope, _receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * SIZE})


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the reader had taken enough, at each look."""
    seen: list[bool] = []
    look = PatientProtocol._look_at_reader

    def watched(self: PatientProtocol, left: int) -> None:
        look(self, left)
        seen.append(not self.transport.is_closing())

    monkeypatch.setattr(PatientProtocol, "_look_at_reader", watched)
    monkeypatch.setattr(PatientProtocol, "read_seconds", 2.0)
    return seen


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """Somebody who asked for the answer."""
    with serving(app) as url, socket.socket() as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        host, port = url.removeprefix("http://").split(":")
        asking.connect((host, int(port)))
        asking.settimeout(GUARD)
        asking.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        yield asking


def test_an_answer_that_is_read_slowly_but_steadily_is_waited_for(looks: list[bool], connection: socket.socket) -> None:
    """What the kernel holds for the reader hides from the program that they read: it must be asked."""
    deadline = time.monotonic() + GUARD
    while len(looks) < 2 and time.monotonic() < deadline:
        assert connection.recv(4096)
        time.sleep(0.05)
    assert looks[:2] == [True, True]


def test_an_answer_of_which_nothing_is_read_ends_the_connection(looks: list[bool], connection: socket.socket) -> None:
    assert connection.recv(1)
    await_condition(lambda: False in looks, seconds=GUARD, what="the end of the connection")
