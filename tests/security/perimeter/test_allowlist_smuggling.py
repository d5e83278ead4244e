"""Reading cannot write: whatever is thrown at the transport, only requests on the allowlist leave the process."""

import re
from typing import Any, TypeVar
from urllib.parse import unquote

import httpcore
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from placet.errors import PluginViolation
from placet.network.deadline import DeadlineTransport, Received
from placet.plugin_api import Allowlist, AllowlistTransport, Endpoint
from placet.plugin_api.probe import ProbeAnswer, ProbeServer
from placet.plugin_api.transport import Wire as AnyWire
from tests.plugins.support import ALLOWLIST

T = TypeVar("T")
BASE = "http://bss.example:8080/gw"
RULES = """
version = 1
[plugins.reader]
kind = "read"
entry = "reader"
allow = [
  { api = "TMF654", method = "GET", path = "/v4/bucket/{id}" },
  { api = "TMF654", method = "GET", path = "/v4/bucket", query = ["party.id", "limit"], require = ["party.id"] },
  { api = "TMF677", method = "POST", path = "/tmf-api/usageConsumption/v4/queryUsageConsumption", query_task = true },
]
"""
READER = Allowlist.parse(RULES).plugins[0]


class Wire:
    """Stands where the network would be, and keeps what reached it."""

    def __init__(self) -> None:
        self.sent: list[httpcore.Request] = []

    def exchange(self, request: httpcore.Request, *, own_connection: bool) -> Received:
        self.sent.append(request)
        return Received(httpcore.Response(200, content=b"{}"))

    def close(self) -> None:
        """Nothing is open."""


class UnderClient(httpx.BaseTransport):
    """Puts the transport under httpx's client, whose conveniences make requests that nobody wrote."""

    def __init__(self, transport: AllowlistTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        received = self._transport.send(self._transport.admit(request))
        return httpx.Response(received.status, headers=received.headers, stream=received)


def guarded(wire: AnyWire, base: str = BASE, violations: list[PluginViolation] | None = None) -> httpx.Client:
    transport = AllowlistTransport(
        wire,
        rules=READER,
        endpoint=Endpoint.parse("reader", base),
        token=SecretStr("secret-token"),
        on_violation=lambda _, violation: (violations if violations is not None else []).append(violation),
    )
    return httpx.Client(transport=UnderClient(transport), trust_env=False)


# An oracle written apart from the code under test: the complete language of requests that may leave.
_PERMITTED = re.compile(
    r"GET /gw/v4/bucket/[A-Za-z0-9._~:@%-]+"
    r"|GET /gw/v4/bucket\?(?=(?:.*&)?party\.id=[^&])(?:(?:party\.id|limit)=[^&?#;]*&?)+"
    r"|POST /gw/tmf-api/usageConsumption/v4/queryUsageConsumption"
)


def line_of(request: httpcore.Request) -> str:
    return f"{request.method.decode()} {request.url.target.decode('ascii')}"


def assert_permitted(request: httpcore.Request) -> None:
    line = line_of(request)
    assert _PERMITTED.fullmatch(line), line
    assert (request.url.scheme, request.url.host, request.url.port) == (b"http", b"bss.example", 8080)
    assert httpx.Headers(request.headers).get_list("host") == ["bss.example:8080"]
    assert "target" not in request.extensions
    # However often a server decodes the path, and whatever it takes for a separator, it stays in the same resource.
    path = line.split(" ", 1)[1].partition("?")[0]
    for _ in range(3):
        path = unquote(path)
        segments = path.replace("\\", "/").replace(";", "/").split("/")
        assert len(segments) in {4, 5, 6}
        assert not {"", ".", ".."} & set(segments[1:])
        assert not re.search(r"[\x00-\x20\x7f?#]", path)


def mostly(good: st.SearchStrategy[T], bad: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    return st.integers(0, 4).flatmap(lambda drawn: bad if drawn == 0 else good)


PIECES = st.sampled_from(
    ["v4", "bucket", "bucket/", "adjustBalance", "..", ".", "%2e%2e", "%2E.", "%2f", "%5c", "\\", "//", "/", ";a=b",
     "%00", "%0d%0a", "%3f", "%23", "#", "?", "&", "=", "party.id", "party.id=C1", "PARTY.ID=1", "limit=1",
     "%70arty.id=x", "C1", "C1,C2", "*", "@evil.example", "\u2025", "\uff0f", "%c0%ae", "%252e%252e", "é", " ",
     "gw", "queryUsageConsumption", "tmf-api", "usageConsumption", "a" * 300]
)  # fmt: skip
NASTY = st.lists(PIECES, max_size=5).map("".join) | st.text(max_size=20)
NEARLY = st.sampled_from(["", "", "", "B-1", "C1"]) | NASTY
# Mostly a permitted request with something done to it, so that what is checked last is reached as well.
TAILS = (
    st.builds("/v4/bucket/{}{}".format, st.just("B-1"), NEARLY)
    | st.builds("/v4/bucket/{}{}".format, NEARLY, st.just("B-1"))
    | st.builds("/v4/bucket/a{}b".format, PIECES)
    | st.builds("/v4/bucket{}?party.id=C1{}".format, st.just(""), NEARLY)
    | st.builds("/v4/bucket?{}party.id={}&limit={}".format, NEARLY, NEARLY, NEARLY)
    | st.builds("/tmf-api/usageConsumption/v4/queryUsageConsumption{}".format, NEARLY)
    | st.lists(PIECES, max_size=8).map("/".join)
    | NASTY
)
BASES = mostly(st.just(BASE), st.sampled_from(
    ["http://bss.example:8080", "http://bss.example", "https://bss.example:8080/gw", "http://bss.example/gw",
     "http://user:pw@bss.example:8080/gw", "http://evil.example:8080/gw", "http://bss.example.evil.example:8080/gw",
     "http://bss.example:8081/gw", "http://BSS.example:8080/gw", "http://bss.example:8080@evil.example/gw",
     "//bss.example:8080/gw", "http://bss.example:8080/gw/../gw", "http://bss.example:8080/gw/v4/bucket"]
))  # fmt: skip
METHODS = mostly(
    st.sampled_from(["GET", "GET", "POST"]),
    st.sampled_from(
        [
            "GET",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "get",
            "HEAD",
            "OPTIONS",
            "TRACE",
            "CONNECT",
            "GET /x",
            "",
            "GET\r\nX: y",
        ]
    ),
)
HEADERS: st.SearchStrategy[dict[str, str]] = mostly(st.just({}), st.dictionaries(
    st.sampled_from(
        ["X-HTTP-Method-Override", "X-Original-URL", "Host", "Transfer-Encoding", "Connection", "Authorization",
         "Cookie",         "Content-Length", "Expect", "Upgrade", "X-Forwarded-Host", "Accept"]
    ),
    st.sampled_from(["DELETE", "/v4/adjustBalance", "evil.example", "chunked", "close", "0", "7", "Bearer x", "*/*"]),
    max_size=2,
))  # fmt: skip
EXTENSIONS: st.SearchStrategy[dict[str, object] | None] = mostly(
    st.none(), st.sampled_from([{"target": b"/gw/v4/adjustBalance"}, {"sni_hostname": "evil.example"}])
)


@settings(max_examples=1500)
@given(METHODS, BASES, TAILS, HEADERS, EXTENSIONS, mostly(st.none(), st.sampled_from([b"", b"{}"])))
def test_no_request_outside_the_allowlist_leaves(
    method: str, base: str, tail: str, headers: dict[str, str], extensions: dict[str, object] | None, body: bytes | None
) -> None:
    wire = Wire()
    with guarded(wire) as client:
        try:
            client.request(method, base + tail, headers=headers, extensions=extensions, content=body)
        except (PluginViolation, httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            assert wire.sent == []
    for request in wire.sent:
        assert_permitted(request)
        # The credential goes only where the checked request goes, and nothing the plugin added goes with it.
        sent = httpx.Headers(request.headers)
        assert sent.get_list("authorization") == ["Bearer secret-token"]
        assert set(sent) <= {
            "host", "accept", "accept-encoding", "user-agent", "connection", "authorization",
            "content-length", "content-type",
        }  # fmt: skip


@settings(max_examples=200)
@given(st.from_regex(r"[A-Za-z0-9_~:@-][A-Za-z0-9._~:@-]{0,40}", fullmatch=True), st.integers(0, 10**6))
def test_every_request_on_the_allowlist_passes_unchanged(identifier: str, limit: int) -> None:
    wire = Wire()
    with guarded(wire) as client:
        client.get(f"{BASE}/v4/bucket/{identifier}")
        client.get(f"{BASE}/v4/bucket?party.id={identifier}&limit={limit}")
        client.post(f"{BASE}/tmf-api/usageConsumption/v4/queryUsageConsumption", json={"a": 1})
    assert [line_of(request) for request in wire.sent] == [
        f"GET /gw/v4/bucket/{identifier}",
        f"GET /gw/v4/bucket?party.id={identifier}&limit={limit}",
        "POST /gw/tmf-api/usageConsumption/v4/queryUsageConsumption",
    ]


@pytest.mark.parametrize(
    ("method", "url", "kwargs", "reason"),
    [
        ("POST", "/v4/bucket", {}, "no entry"),
        ("DELETE", "/v4/bucket/B-1", {}, "no entry"),
        ("GET", "/v4/bucketX", {}, "no entry"),
        ("GET", "/v4/bucket/B-1/history", {}, "no entry"),
        ("GET", "/v4/bucket/", {}, "no entry"),
        ("GET", "/v4//bucket/B-1", {}, "no entry"),
        ("GET", "/v4/bucket/%2e%2e", {}, "no entry"),
        ("GET", "/v4/bucket/a%2Fb", {}, "no entry"),
        ("GET", "/v4/bucket/a%252Fb", {}, "no entry"),
        ("GET", "/v4/bucket/a;b", {}, "no entry"),
        ("GET", "/v4/%62ucket/B-1", {}, "no entry"),
        ("GET", "/v4/bucket", {}, "must name exactly one"),
        ("GET", "/v4/bucket?party.id=", {}, "must name exactly one"),
        ("GET", "/v4/bucket?party.id=C1,C2", {}, "must name exactly one"),
        ("GET", "/v4/bucket?party.id=C1%2CC2", {}, "must name exactly one"),
        ("GET", "/v4/bucket?party.id=*", {}, "must name exactly one"),
        ("GET", "/v4/bucket?party.id=C1&party.id=C2", {}, "repeated"),
        ("GET", "/v4/bucket?party.id=C1&sort=id", {}, "'sort' is not permitted"),
        ("GET", "/v4/bucket?party.id=C1;limit=1", {}, "must be encoded"),
        ("GET", "/v4/bucket?party.id=C1%0d%0aX", {}, "control characters"),
        ("GET", "/v4/bucket/B-1?", {}, "not permitted here"),
        ("GET", "/v4/bucket/B-1#part", {}, "fragment"),
        ("GET", "/v4/bucket/B-1", {"headers": {"X-HTTP-Method-Override": "DELETE"}}, "x-http-method-override"),
        ("GET", "/v4/bucket/B-1", {"headers": {"Authorization": "Bearer x"}}, "authorization"),
        ("GET", "/v4/bucket/B-1", {"headers": {"Host": "evil.example"}}, "Host header"),
        ("GET", "/v4/bucket/B-1", {"content": b"{}"}, "no body"),
        ("GET", "/v4/bucket/B-1", {"extensions": {"target": b"/gw/v4/adjust"}}, "target"),
    ],
)
def test_each_way_around_is_stopped_for_its_own_reason(
    method: str, url: str, kwargs: dict[str, Any], reason: str
) -> None:
    wire, violations = Wire(), list[PluginViolation]()
    with guarded(wire, violations=violations) as client, pytest.raises(PluginViolation) as stopped:
        client.request(method, BASE + url, **kwargs)
    assert reason in str(stopped.value)
    assert wire.sent == []
    assert violations == [stopped.value]


@pytest.mark.parametrize(
    "url",
    ["https://bss.example:8080/gw/v4/bucket/B", "http://bss.example/gw/v4/bucket/B", "http://evil.example:8080/gw/v4/bucket/B",
     "http://u:p@bss.example:8080/gw/v4/bucket/B", "http://bss.example:8080/v4/bucket/B"],
)  # fmt: skip
def test_only_the_configured_host_and_prefix_are_reached(url: str) -> None:
    wire = Wire()
    with guarded(wire) as client, pytest.raises(PluginViolation):
        client.get(url)
    assert wire.sent == []


def test_a_redirect_is_not_followed_to_another_place() -> None:
    with ProbeServer(lambda _: ProbeAnswer(302, headers={"Location": "/v4/adjust"})) as server:
        with guarded(DeadlineTransport(tls=None, connections=1), base=server.url) as client:
            client.get(f"{server.url}/v4/bucket/B-1")
            with pytest.raises(PluginViolation):
                client.get(f"{server.url}/v4/bucket/B-1", follow_redirects=True)
        assert [request.target for request in server.requests] == ["/v4/bucket/B-1", "/v4/bucket/B-1"]


def test_a_failing_observer_neither_lets_the_request_out_nor_hides_the_violation() -> None:
    def broken(plugin: str, violation: PluginViolation) -> None:
        raise RuntimeError("the audit database is down")

    wire = Wire()
    transport = AllowlistTransport(
        wire, rules=READER, endpoint=Endpoint.parse("reader", BASE), token=None, on_violation=broken
    )
    with httpx.Client(transport=UnderClient(transport)) as client, pytest.raises(PluginViolation):
        client.delete(f"{BASE}/v4/bucket/B-1")
    assert wire.sent == []


def test_the_shipped_read_plugin_is_granted_no_request_that_can_write() -> None:
    rules = {plugin.name: plugin for plugin in Allowlist.load(ALLOWLIST).plugins}
    assert rules["billing"].kind == "read"
    assert {entry.method for entry in rules["billing"].allow} == {"GET"}
    assert [(entry.method, entry.path) for entry in rules["commerce"].allow if entry.mutates] == [
        ("POST", "/tmf-api/prepayBalanceManagement/v4/adjustBalance"),
        ("POST", "/tmf-api/productOrderingManagement/v4/productOrder"),
    ]
