"""What happened on the wire becomes the right error, and nothing foreign ever leaves a connector."""

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any

import httpx
import pytest

from placet.errors import (
    NotFound,
    OutcomeUnknown,
    PlacetError,
    PluginError,
    UpstreamRejected,
    UpstreamUnavailable,
)
from placet.network.deadline import within
from placet.plugin_api import Answer, record_calls
from placet.plugin_api.probe import ProbeAnswer, ProbeRequest, ProbeServer, unused_url
from placet.plugin_api.sending import counted_send
from tests.plugins.support import BUCKET, LIMITS, Observed, ProbeConnector, answer, connector
from tests.support.guard import GUARD

BROKEN = {
    "500": ProbeAnswer(500),
    "503": ProbeAnswer(503),
    "408": ProbeAnswer(408),
    "429": ProbeAnswer(429),
    "lost": ProbeAnswer(lost=True),
    "truncated": ProbeAnswer(truncated=True),
}
UNREADABLE = {
    "html": ProbeAnswer(200, b"<html>"),
    "empty": ProbeAnswer(200, b""),
    "another shape": ProbeAnswer(200, b"[]"),
    "repeated name": ProbeAnswer(200, b'{"a":1,"a":2}'),
    "NaN": ProbeAnswer(200, b'{"a":NaN}'),
    "deep": ProbeAnswer(200, b"[" * 4000),
    "huge number": ProbeAnswer(200, b'{"a":' + b"9" * 100 + b"}"),
    "not UTF-8": ProbeAnswer(200, b'{"a":"\xff"}'),
    "too large": ProbeAnswer(200, b'{"a":"' + b"x" * 5000 + b'"}'),
    "compressed": ProbeAnswer(200, b"{}", {"Content-Encoding": "gzip"}),
    "count is no count": ProbeAnswer(200, b"{}", {"X-Total-Count": "many"}),
    "redirect": ProbeAnswer(302, headers={"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_read_may_be_tried_again(name: str) -> None:
    with ProbeServer(lambda _: BROKEN[name]) as server, connector(server.url) as plugin:
        with pytest.raises(UpstreamUnavailable) as failed:
            plugin.bucket()
        assert len(server.requests) == 1, "a connector never retries"
    assert failed.value.retryable


def test_a_system_that_is_too_slow_is_left() -> None:
    hasty = LIMITS.model_copy(update={"read_seconds": 1.0, "total_seconds": 2.0})
    silent = ProbeAnswer(delay_seconds=60.0)
    with ProbeServer(lambda _: silent) as server, connector(server.url, limits=hasty) as plugin:
        with pytest.raises(UpstreamUnavailable):
            plugin.bucket()
        with pytest.raises(OutcomeUnknown):
            plugin.adjust(timeout_seconds=1.0)
        assert [request.method for request in server.requests] == ["GET", "POST"], "a connector never retries"


# What a gateway or a BSS may say after the mutation was committed behind it, or what nobody has a meaning for.
UNDECIDED = {str(code): ProbeAnswer(code) for code in (304, 402, 406, 409, 410, 412, 418, 423, 425, 451, 499)}


@pytest.mark.parametrize("name", [*BROKEN, *UNREADABLE, *UNDECIDED])
def test_a_mutation_without_a_plain_answer_is_unknown(name: str) -> None:
    with ProbeServer(lambda _: {**BROKEN, **UNREADABLE, **UNDECIDED}[name]) as server, connector(server.url) as plugin:
        with pytest.raises(OutcomeUnknown):
            plugin.adjust()
        assert [request.method for request in server.requests] == ["POST"], "a connector never retries"


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_read_that_cannot_be_read_is_refused(name: str) -> None:
    with (
        ProbeServer(lambda _: UNREADABLE[name]) as server,
        connector(server.url) as plugin,
        pytest.raises(UpstreamRejected) as refused,
    ):
        plugin.bucket()
    assert refused.value.code == ("redirected" if name == "redirect" else "unreadable_answer")


def test_a_conflict_is_certain_for_a_read_alone() -> None:
    with ProbeServer(lambda _: answer({}, 409)) as server, connector(server.url) as plugin:
        with pytest.raises(UpstreamRejected) as refused:
            plugin.bucket()
        assert refused.value.code == "conflict"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("86400", 60.0), ("-1", None), ("Fri, 31 Dec 2100 23:59:59 GMT", None)]
)
def test_retry_after_is_a_bounded_hint(header: str, seconds: float | None) -> None:
    busy = ProbeAnswer(429, headers={"Retry-After": header})
    with ProbeServer(lambda _: busy) as server, connector(server.url) as plugin:
        for operation, error in ((plugin.bucket, UpstreamUnavailable), (plugin.adjust, OutcomeUnknown)):
            with pytest.raises(error) as told:
                operation()
            assert told.value.retry_after_seconds == seconds


def test_one_counted_send_lets_one_mutation_leave_whatever_the_plugin_does() -> None:
    class Stubborn(ProbeConnector):
        def adjust(self, timeout_seconds: float = GUARD) -> Any:
            try:
                return super().adjust(timeout_seconds)
            except PluginError:
                return super().adjust(timeout_seconds)

    with ProbeServer(lambda _: answer({}, 503)) as server, connector(server.url, kind=Stubborn) as plugin:
        with counted_send() as send, pytest.raises(PluginError, match="one has left already"):
            plugin.adjust()
        assert (send.left, send.status, send.refused) == (True, 503, False)
        assert len(server.requests) == 1
    with connector(unused_url(), kind=Stubborn) as plugin, counted_send() as send, pytest.raises(PluginError):
        plugin.adjust()
    assert (send.taken, send.left) == (True, False), "no byte left"


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


def test_a_query_task_is_a_read_although_it_is_posted() -> None:
    with (
        ProbeServer(lambda _: ProbeAnswer(500)) as server,
        connector(server.url) as plugin,
        pytest.raises(UpstreamUnavailable),
    ):
        plugin.query_task()


@pytest.mark.parametrize("operation", ["bucket", "adjust"])
def test_what_was_never_sent_is_never_unknown(operation: str) -> None:
    with connector(unused_url()) as plugin, pytest.raises(UpstreamUnavailable, match="nothing was sent"):
        getattr(plugin, operation)()


@pytest.mark.parametrize("operation", ["bucket", "adjust"])
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (404, NotFound, "not_found"),
        (401, UpstreamRejected, "unauthorized"),
        (403, UpstreamRejected, "forbidden"),
        (400, UpstreamRejected, "upstream_rejected"),
        (415, UpstreamRejected, "upstream_rejected"),
        (422, UpstreamRejected, "upstream_rejected"),
    ],
)
def test_a_plain_refusal_is_certain_for_reads_and_mutations(
    operation: str, status: int, error: type[PluginError], code: str
) -> None:
    body = {"code": "noBucket", "reason": "bucket is closed", "message": "customer Jane Roe"}
    with (
        ProbeServer(lambda _: answer(body, status)) as server,
        connector(server.url) as plugin,
        pytest.raises(error) as refused,
    ):
        getattr(plugin, operation)()
    assert type(refused.value) is error
    assert refused.value.code == code
    assert "'noBucket', 'bucket is closed'" in str(refused.value)
    assert "Jane" not in str(refused.value), "free text may hold the customer's record"


@pytest.mark.parametrize("foreign", [ValueError("x"), KeyError("x"), RuntimeError("x"), httpx.StreamConsumed()])
def test_no_foreign_exception_leaves_a_connector(foreign: Exception) -> None:
    class Signing(ProbeConnector):
        def _call(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
            raise foreign

    with connector(unused_url(), kind=Signing) as plugin:
        with pytest.raises(PluginError):
            plugin.bucket()
        with pytest.raises(OutcomeUnknown):
            plugin.adjust()


def test_what_parse_raises_is_translated_and_errors_of_the_tree_pass() -> None:
    def fail(_: Answer) -> None:
        raise PlacetError("mine", code="mine")

    with ProbeServer(lambda _: answer({})) as server, connector(server.url) as plugin:
        with pytest.raises(UpstreamRejected):
            plugin.call("GET", BUCKET, ids={"id": "B"}, parse=lambda found: found.object()["absent"])
        with pytest.raises(PlacetError, match="mine"):
            plugin.call("GET", BUCKET, ids={"id": "B"}, parse=fail)


def test_an_overridden_call_can_sign_and_is_held_by_the_same_allowlist() -> None:
    class Signing(ProbeConnector):
        def _call(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
            request.headers["X-Signature"] = "s"
            return super()._call(client, request)

    class Sneaking(ProbeConnector):
        def _call(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
            return client.send(client.build_request("DELETE", request.url), stream=True)

    observed = Observed()
    with ProbeServer(lambda _: answer({})) as server:
        with connector(server.url, kind=Signing) as plugin:
            plugin.bucket()
        with connector(server.url, observed, kind=Sneaking) as plugin, pytest.raises(PlacetError) as stopped:
            plugin.bucket()
        assert [(request.method, request.headers["x-signature"]) for request in server.requests] == [("GET", "s")]
    assert observed.violations == [("probe", stopped.value)]


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


def test_every_completed_exchange_is_recorded_with_the_digest_of_its_answer() -> None:
    observed = Observed()
    with (
        ProbeServer(lambda request: answer({}, 404 if request.path.endswith("B-2") else 200)) as server,
        connector(server.url, observed) as plugin,
        record_calls() as calls,
    ):
        plugin.bucket("B-1")
        with pytest.raises(NotFound):
            plugin.bucket("B-2")
    sha256_of_empty_object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert [(call.api, call.method, call.path, call.status, call.response_sha256) for call in calls] == [
        ("TMF654", "GET", "/v4/bucket/B-1", 200, sha256_of_empty_object),
        ("TMF654", "GET", "/v4/bucket/B-2", 404, sha256_of_empty_object),
    ]
    assert observed.calls == [("probe", call) for call in calls]


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


def test_a_failing_observer_does_not_change_the_outcome_of_a_mutation() -> None:
    class Broken(Observed):
        def on_call(self, plugin: str, call: object) -> None:
            raise RuntimeError("telemetry is down")

    with ProbeServer(lambda _: answer({"id": "1"}, 201)) as server, connector(server.url, Broken()) as plugin:
        assert plugin.adjust() == {"id": "1"}


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
