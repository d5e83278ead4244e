"""One exchange of a connector with the other system: its connection, its time, what travels and what does not."""

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

import pytest

from placet.errors import (
    OutcomeUnknown,
    PluginError,
    UpstreamRejected,
    UpstreamUnavailable,
)
from placet.network.deadline import within
from placet.plugin_api import record_calls
from placet.plugin_api.sending import counted_send
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer, unused_url
from tests.plugins.support import LIMITS, Observed, ProbeConnector, answer, connector
from tests.support.guard import GUARD


def _serve_raw(answers: list[bytes], listener: socket.socket, opened: list[int]) -> None:
    """Answer each request on each connection with the next bytes, keeping connections open."""

    def talk(peer: socket.socket) -> None:
        # A request's head and its body may arrive apart: only a whole request is answered.
        with peer, peer.makefile("rb") as received:
            while head := b"".join(takewhile(lambda line: line != b"\r\n", received)):
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                received.read(int(length[1]) if length else 0)
                peer.sendall(answers.pop(0))

    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        opened.append(1)
        threading.Thread(target=talk, args=(peer,), daemon=True).start()


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_bytes_after_an_answer_never_become_the_next_answer(framing: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

    def framed(body: bytes) -> bytes:
        if framing == "length":
            return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    answers = [framed(b'{"id":"B-1"}') + framed(b'{"id":"forged"}'), framed(b'{"id":"B-2"}'), framed(b'{"id":"B-3"}')]
    opened: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_raw, args=(answers, listener, opened), daemon=True).start()
        with connector(f"http://127.0.0.1:{listener.getsockname()[1]}") as plugin:
            assert [plugin.bucket()["id"] for _ in range(3)] == ["B-1", "B-2", "B-3"]
        listener.shutdown(socket.SHUT_RDWR)
    assert len(opened) == 2, "only the dirty connection was given up"


def test_a_mutation_travels_on_a_connection_of_its_own() -> None:
    head = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
    opened: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_raw, args=([head] * 4, listener, opened), daemon=True).start()
        with connector(f"http://127.0.0.1:{listener.getsockname()[1]}") as plugin:
            for operation in (plugin.bucket, plugin.adjust, plugin.bucket, plugin.adjust):
                operation()
        listener.shutdown(socket.SHUT_RDWR)
    assert len(opened) == 3, "two reads share one connection"


@pytest.mark.parametrize("operation", ["bucket", "adjust"])
def test_what_was_never_sent_is_never_unknown(operation: str) -> None:
    with connector(unused_url()) as plugin, pytest.raises(UpstreamUnavailable, match="nothing was sent"):
        getattr(plugin, operation)()


@pytest.mark.parametrize(
    "identifier", ["", ".", "..", "a/b", "a%2fb", "a?b", "a#b", "a;b", "a b", "ä", "\x00", "\ud800"]
)
def test_an_identifier_that_is_no_single_segment_is_stopped(identifier: str) -> None:
    with ProbeServer(lambda _: answer({})) as server, connector(server.url) as plugin:
        with pytest.raises(PluginError) as stopped:
            plugin.bucket(identifier)
        assert stopped.value.code == "plugin_violation"
        assert server.requests == ()


def test_the_token_is_sent_by_the_transport_and_shown_nowhere() -> None:
    observed = Observed()
    with ProbeServer(lambda _: answer({}, 401)) as server:
        with connector(server.url, observed, token="top-secret") as plugin, pytest.raises(UpstreamRejected) as refused:
            plugin.bucket()
        assert server.requests[0].headers["authorization"] == "Bearer top-secret"
    assert "top-secret" not in repr((refused.value, plugin.__dict__, observed.calls))


def test_the_environment_chooses_no_proxy_and_no_cookie_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", unused_url())
    monkeypatch.setenv("ALL_PROXY", unused_url())
    with ProbeServer(lambda _: answer({}, headers={"Set-Cookie": "session=1; Path=/"})) as server:
        with connector(server.url) as plugin:
            plugin.bucket()
            plugin.bucket()
        assert ["cookie" in request.headers for request in server.requests] == [False, False]


def test_concurrent_activities_record_only_their_own_exchanges() -> None:
    barrier = threading.Barrier(4)

    def activity(plugin: ProbeConnector, number: int) -> list[str]:
        with record_calls() as calls:
            barrier.wait(timeout=GUARD)
            for step in range(3):
                plugin.bucket(f"B-{number}-{step}")
        return [call.path for call in calls]

    with (
        ProbeServer(lambda _: answer({})) as server,
        connector(server.url) as plugin,
        ThreadPoolExecutor(4) as pool,
    ):
        recorded = list(pool.map(lambda number: activity(plugin, number), range(4)))
    assert recorded == [[f"/v4/bucket/B-{number}-{step}" for step in range(3)] for number in range(4)]


@pytest.mark.parametrize("drip", [b"X-Drip: 1\r\n", b"\r\n"], ids=["headers", "body"])
def test_a_server_that_drips_cannot_hold_an_attempt_past_its_time(drip: bytes) -> None:
    stop = threading.Event()

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n")
            while not stop.wait(0.05):  # never silent for as long as `read_seconds`
                try:
                    peer.sendall(drip)
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        with connector(f"http://127.0.0.1:{listener.getsockname()[1]}") as plugin:
            began = time.monotonic()
            with pytest.raises(OutcomeUnknown):
                plugin.adjust(timeout_seconds=1.0)
            took = time.monotonic() - began
        stop.set()
        thread.join()
    assert 0.9 < took < GUARD, "it would go on for an hour"


def test_no_exchange_outlives_the_step_it_belongs_to() -> None:
    slow = ProbeAnswer(delay_seconds=2 * GUARD)
    with ProbeServer(lambda _: slow) as server, connector(server.url) as plugin, within(1.0):
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            plugin.adjust(timeout_seconds=2 * GUARD)
        with counted_send() as send, pytest.raises(UpstreamUnavailable, match="nothing was sent"):
            plugin.adjust(timeout_seconds=2 * GUARD)
        assert time.monotonic() - began < GUARD
        assert not send.left
        assert len(server.requests) == 1


def test_a_busy_pool_says_that_nothing_was_sent() -> None:
    limits = LIMITS.model_copy(update={"pool_size": 1, "connect_seconds": 0.2})
    arrived = threading.Event()

    def slow(_: ProbeRequest) -> ProbeAnswer:
        arrived.set()
        return ProbeAnswer(201, b"{}", delay_seconds=2.0)

    with (
        ProbeServer(slow) as server,
        connector(server.url, limits=limits) as plugin,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(plugin.adjust)
        assert arrived.wait(GUARD)
        with pytest.raises(UpstreamUnavailable, match="nothing was sent"):
            plugin.adjust()
        assert first.result() == {}
        assert len(server.requests) == 1
