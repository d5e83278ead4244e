"""What happened on the wire becomes the right error, and nothing foreign ever leaves a connector."""

from typing import Any

import httpx
import pytest

from placet.errors import (
    NotFound,
    OutcomeUnknown,
    PlacetError,
    PluginError,
    PluginViolation,
    UpstreamRejected,
    UpstreamUnavailable,
)
from placet.plugin_api import Answer, record_calls
from placet.plugin_api.probe import ProbeAnswer, ProbeServer, unused_url
from placet.plugin_api.sending import counted_send
from tests.plugins.support import ADJUST, BUCKET, LIMITS, Observed, ProbeConnector, answer, connector
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


def test_a_query_task_is_a_read_although_it_is_posted() -> None:
    with (
        ProbeServer(lambda _: ProbeAnswer(500)) as server,
        connector(server.url) as plugin,
        pytest.raises(UpstreamUnavailable),
    ):
        plugin.query_task()


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
        def _prepare(self, request: httpx.Request) -> None:
            raise foreign

    def fail(_: Answer) -> None:
        raise foreign

    with ProbeServer(lambda _: answer({})) as server:
        with connector(server.url, kind=Signing) as plugin:
            for operation in (plugin.bucket, plugin.adjust):
                with pytest.raises(PluginViolation, match="nothing was sent"):
                    operation()
        assert server.requests == ()
        with connector(server.url) as plugin:
            with pytest.raises(PluginError):
                plugin.call("GET", BUCKET, ids={"id": "B"}, parse=fail)
            with pytest.raises(OutcomeUnknown):
                plugin.call("POST", ADJUST, body={}, parse=fail)


def test_what_parse_raises_is_translated_and_errors_of_the_tree_pass() -> None:
    def fail(_: Answer) -> None:
        raise PlacetError("mine", code="mine")

    with ProbeServer(lambda _: answer({})) as server, connector(server.url) as plugin:
        with pytest.raises(UpstreamRejected):
            plugin.call("GET", BUCKET, ids={"id": "B"}, parse=lambda found: found.object()["absent"])
        with pytest.raises(PlacetError, match="mine"):
            plugin.call("GET", BUCKET, ids={"id": "B"}, parse=fail)


def test_a_prepared_request_can_be_signed_and_is_held_by_the_same_allowlist() -> None:
    class Signing(ProbeConnector):
        def _prepare(self, request: httpx.Request) -> None:
            request.headers["X-Signature"] = "s"

    class Sneaking(ProbeConnector):
        def _prepare(self, request: httpx.Request) -> None:
            request.method = "DELETE"

    class Redirecting(ProbeConnector):
        def _prepare(self, request: httpx.Request) -> None:
            request.url = request.url.copy_with(path="/v4/adjust")

    observed = Observed()
    with ProbeServer(lambda _: answer({})) as server:
        with connector(server.url, kind=Signing) as plugin:
            plugin.bucket()
        stopped = []
        for kind in (Sneaking, Redirecting):
            with connector(server.url, observed, kind=kind) as plugin, pytest.raises(PluginViolation) as violation:
                plugin.bucket()
            stopped.append(("probe", violation.value))
        assert [(request.method, request.headers["x-signature"]) for request in server.requests] == [("GET", "s")]
    assert observed.violations == stopped


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


def test_a_failing_observer_does_not_change_the_outcome_of_a_mutation() -> None:
    class Broken(Observed):
        def on_call(self, plugin: str, call: object) -> None:
            raise RuntimeError("telemetry is down")

    with ProbeServer(lambda _: answer({"id": "1"}, 201)) as server, connector(server.url, Broken()) as plugin:
        assert plugin.adjust() == {"id": "1"}
