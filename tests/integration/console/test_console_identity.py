"""Signing in by an identity provider: a real one in a real browser, and hostile ones."""

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from placet.contracts.people.access import AccessRole
from placet.entrypoints.processes.process import answers, await_condition, free_port
from placet.interfaces.console.identity.flow import BACK, PATH
from placet.interfaces.console.identity.provider import Begun, Client, IdentityProviderError, Provider
from placet.network.client import plain_client
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from placet.service.documents.access import grant_identity, grant_of, revoke_token, standing_grant
from placet.service.keeping.tenant_record import VOUCHED
from tests.support.browser import context_of, faults_of, keep, needs_chromium
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest, console_of
from tests.support.servers.identity_provider import CLIENT_ID, CLIENT_SECRET, PASSWORD
from tests.support.world import world

pytestmark = pytest.mark.xdist_group("console-identity")


@pytest.fixture(scope="module")
def issuer() -> Iterator[tuple[str, int]]:
    """A running identity provider, and the port at which the console it knows will be."""
    port, console_port = free_port(), free_port()
    back = f"http://localhost:{console_port}{BACK}"
    command = [sys.executable, "-m", "tests.support.servers.identity_provider", str(port), back]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_condition(lambda: answers(port), seconds=GUARD, what="the identity provider answering")
        yield f"http://localhost:{port}", console_port
    finally:
        process.terminate()
        process.wait(GUARD)


@pytest.fixture(scope="module")
def console(
    tmp_path_factory: pytest.TempPathFactory, temporal_address: str, issuer: tuple[str, int]
) -> Iterator[ConsoleUnderTest]:
    address, port = issuer
    public = f"http://localhost:{port}"
    client = Client(CLIENT_ID, SecretStr(CLIENT_SECRET), f"{public}{BACK}")
    provider = Provider(address, client, plain_client())
    with (
        running(SandboxConfig()) as bss,
        world(tmp_path_factory.mktemp("identity"), temporal_address, bss) as made,
        console_of(made, public_url=public, provider=provider, port=port) as served,
    ):
        yield replace(served, url=public)


def known(console: ConsoleUnderTest, issuer: str, subject: str, name: str, *roles: AccessRole, days: int = 7) -> str:
    """Let somebody sign in; returns the id of what was signed for them."""
    world = console.world
    given = {"tenant": "demo", "issuer": issuer, "subject": subject, "name": name}
    return grant_identity(world.database, **given, roles=roles, days=days, by=world.root).token_id


def test_a_later_grant_or_its_withdrawal_ends_the_sessions_of_the_earlier(console: ConsoleUnderTest) -> None:
    issuer, database = "https://idp.example", console.world.database
    token_ids = [known(console, issuer, "31", "lina", *roles) for roles in (("operator", "approver"), ("auditor",))]
    now = console.clock()
    assert grant_of(database, "demo", token_ids[0], now) is not None
    assert standing_grant(database, "demo", token_ids[0], now) is None
    assert standing_grant(database, "demo", token_ids[1], now) is not None
    revoke_token(database, tenant="demo", token_id=token_ids[1], by="root", reason="left")
    assert [standing_grant(database, "demo", one, now) for one in token_ids] == [None, None]


def test_a_provider_that_hangs_holds_up_nothing_else(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()

    def address(_provider: Provider, _begun: Begun) -> str:
        hangs.wait(GUARD)
        raise IdentityProviderError("idp.example does not answer")

    monkeypatch.setattr(Provider, "address", address)

    def begin(_number: int) -> int:
        with console.client() as http:
            return http.get(PATH).status_code

    with ThreadPoolExecutor(80) as pool:
        begun = [pool.submit(begin, number) for number in range(80)]
        try:
            with console.client() as http:
                assert http.get("/console/sign-in").status_code == 200
                assert http.get("/console/setup").status_code == 200
        finally:
            hangs.set()
        assert {one.result(GUARD) for one in begun} == {503}


def test_a_provider_that_does_not_answer_is_not_asked_again_at_once() -> None:
    asked, clock = [], [0.0]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        raise httpx.ReadTimeout("slow")

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        provider = Provider("https://idp.example", Client("me", None, "x"), http, clock=lambda: clock[0])
        told = []
        for at, number in ((0.0, 1), (9.0, 1), (10.0, 2), (19.0, 2)):
            clock[0] = at
            with pytest.raises(IdentityProviderError, match="does not answer") as caught:
                provider.address(Begun.new())
            assert len(asked) == number
            told.append(caught.value)
    assert len(set(map(id, told))) == 4  # one error raised again would keep the frames of all who met it


@needs_chromium
def test_somebody_signs_in_at_their_own_provider_and_acts_under_the_name_that_was_signed(
    browser: Browser, console: ConsoleUnderTest, issuer: tuple[str, int]
) -> None:
    world = console.world
    with context_of(browser, console.url, others=(issuer[0],)) as context:
        page = context.new_page()
        page.goto("/console/runs")
        keep(page, "identity-sign-in-1280")
        page.get_by_role("link", name="Sign in at localhost").click()
        page.get_by_label("Login").fill("olga")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="You are not known here")).to_be_visible()
        keep(page, "identity-unknown-1280")
        assert faults_of(page) == []
        subject = page.locator("q").inner_text()
        assert f"--issuer {issuer[0]} --subject {subject}" in page.locator("main").inner_text()
        granted = known(console, issuer[0], subject, "olga", "operator")
        page.goto("/console/runs")
        page.get_by_role("link", name="Sign in at localhost").click()
        expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
        (cookie,) = (one for one in context.cookies() if one["name"] == console.cookie)
        assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
        page.goto("/console/runs/confirm?customer_id=C00009&agent=retention")
        page.get_by_role("button", name="Start the run").click()
        expect(page.get_by_text("C00009").first).to_be_visible()
        run_id = page.url.rpartition("/")[2]
        (vouched,) = world.events("tenant/demo", VOUCHED)
        assert (vouched.actor, vouched.body) == ("olga", {"run_id": run_id, "token": granted})
        revoke_token(world.database, tenant="demo", token_id=granted, by="root")
        page.goto("/console/runs")
        expect(page.get_by_text("Your session has ended")).to_be_visible()
        again = known(console, issuer[0], subject, "olga", "auditor")
        assert again != granted
        page.get_by_role("link", name="Sign in at localhost").click()
        expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
        expect(page.get_by_text("auditor · demo")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="You are signed out here")).to_be_visible()
        assert faults_of(page) == []
        assert not [one for one in context.cookies() if one["name"] == console.cookie]
        page.get_by_role("link", name="Sign out at localhost too").click()
        page.get_by_role("button", name="Logout").click()
        expect(page.get_by_role("link", name="Sign in at localhost")).to_be_visible()
        assert page.url.startswith(f"{console.url}/console/sign-in")
        page.get_by_role("link", name="Sign in at localhost").click()
        expect(page.get_by_label("Login")).to_be_visible()  # the provider knows nobody any more


def test_an_answer_that_this_browser_did_not_begin_signs_nobody_in(console: ConsoleUnderTest) -> None:
    with console.client() as http:
        begun = http.get(PATH, params={"next": "//evil.example"})
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        set_cookie = begun.headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"):
            assert part in set_cookie
        state, cookie = asked["state"][0], http.cookies
        assert http.get(BACK, params={"code": "c", "state": "other"}).status_code == 403
        assert "was not begun in this browser" in http.get(BACK, params={"code": "c", "state": state}).text
        assert not cookie or not any(cookie.values())
    with console.client() as http:
        state = parse_qs(urlsplit(http.get(PATH).headers["location"]).query)["state"][0]
        refused = http.get(BACK, params={"state": state, "error": "access_denied", "error_description": "<b>no</b>"})
        assert (refused.status_code, "&lt;b&gt;no" in refused.text) == (403, True)
    with console.client() as http:
        state = parse_qs(urlsplit(http.get(PATH).headers["location"]).query)["state"][0]
        other = http.get(BACK, params={"state": state, "code": "c", "iss": "https://evil.example"})
        assert (other.status_code, "another identity provider" in other.text) == (403, True)
    with console.client() as http:
        state = parse_qs(urlsplit(http.get(PATH).headers["location"]).query)["state"][0]
        wrong = http.get(BACK, params={"state": state, "code": "made up"})
        assert (wrong.status_code, "does not take the code" in wrong.text) == (503, True)
        assert not any("identity" not in name for name in http.cookies)
    with console.client() as http:
        http.get(PATH)
        (name,) = http.cookies
        http.cookies.set(name, http.cookies[name][:-1] + ("0" if http.cookies[name][-1] != "0" else "1"), path="/")
        assert http.get(BACK, params={"code": "c", "state": state}).status_code == 403


def test_a_grant_for_an_identity_opens_nothing_as_a_token(console: ConsoleUnderTest) -> None:
    token_id = known(console, "https://idp.example", "17", "otto", "operator")
    for secret in ("", "https://idp.example", secrets.token_urlsafe(32)):
        with console.client() as http:
            answer = http.post("/console/sign-in", data={"token": f"placet_{token_id}_{secret}", "next": ""})
            assert answer.status_code == 403


KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
Answer = Callable[[str], tuple[int, dict[str, Any]]]


@contextmanager
def hostile(claims: Callable[[dict[str, Any]], str], metadata: dict[str, Any] | None = None) -> Iterator[Provider]:
    """A provider that answers what a test wants: `claims` makes the ID token of the right claims."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {
                "issuer": address,
                **{f"{one}_endpoint": f"{address}/{one}" for one in ("authorization", "token")},
                "jwks_uri": f"{address}/keys",
                **{
                    name: value.replace("{own}", address) if isinstance(value, str) else value
                    for name, value in (metadata or {}).items()
                },
            }
            self.tell({**KeySet([KEY]).as_dict()} if self.path == "/keys" else said)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            now = int(time.time())
            right = {"iss": address, "aud": "me", "sub": "17", "iat": now, "exp": now + 60, "nonce": BEGUN.nonce}
            self.tell({"id_token": claims(right), "access_token": "a", "token_type": "Bearer"})

        def tell(self, said: dict[str, Any]) -> None:
            body = httpx.Response(200, json=said).content
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with plain_client() as http:
            yield Provider(address, Client("me", None, "http://localhost/back"), http)
    finally:
        server.shutdown()
        thread.join(GUARD)
        server.server_close()


BEGUN = Begun("state", "nonce", "v" * 64)


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256") -> str:
    return jwt.encode({"alg": algorithm, "kid": KEY.thumbprint()}, claims, key, algorithms=[algorithm])


def without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda right: signed({key: value for key, value in right.items() if key != name})


def public_point() -> OctKey:
    return OctKey.import_key(KEY.as_pem(private=False))


def raw(payload: str) -> str:
    """A signed token over a payload that no library would write."""
    return jws.serialize_compact({"alg": "ES256", "kid": KEY.thumbprint()}, payload.encode(), KEY, algorithms=["ES256"])


WRONG: dict[str, Callable[[dict[str, Any]], str]] = {
    "another key": lambda right: signed(right, OTHER),
    "no signature": lambda right: signed(right).rpartition(".")[0] + ".",
    "none": lambda right: jwt.encode({"alg": "none"}, right, KEY, algorithms=["none"]),
    "the public key as a secret": lambda right: signed(right, public_point(), "HS256"),
    "another issuer": lambda right: signed({**right, "iss": "https://evil.example"}),
    "another client": lambda right: signed({**right, "aud": "you"}),
    "another client beside us": lambda right: signed({**right, "aud": ["me", "you"], "azp": "you"}),
    "two clients, and it is not said for which": lambda right: signed({**right, "aud": ["me", "you"]}),
    "another sign-in": lambda right: signed({**right, "nonce": "other"}),
    "no nonce": without("nonce"),
    "no subject": without("sub"),
    "no audience": without("aud"),
    "no end": without("exp"),
    "ended": lambda right: signed({**right, "exp": right["iat"] - 120}),
    "of tomorrow": lambda right: signed({**right, "iat": right["iat"] + 86_400}),
    "a number for a subject": lambda right: signed({**right, "sub": 17}),
    "an empty subject": lambda right: signed({**right, "sub": ""}),
    "a long subject": lambda right: signed({**right, "sub": "x" * 256}),
    "a subject in two lines": lambda right: signed({**right, "sub": "17\n18"}),
    "a subject that hides letters": lambda right: signed({**right, "sub": "17\u202e"}),
    "half a character for a subject": lambda right: raw(json.dumps({**right, "sub": "\ud800"})),
    "lists in lists": lambda right: raw(json.dumps(right)[:-1] + ', "deep": ' + "[" * 5000 + "]" * 5000 + "}"),
    "another access token": lambda right: signed({**right, "at_hash": "AAAA"}),
    "nothing": lambda _: "",
    "garbage": lambda _: "a.b.c",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_id_token_that_is_not_this_sign_ins_counts_for_nothing(wrong: Callable[[dict[str, Any]], str]) -> None:
    with hostile(wrong) as provider, pytest.raises(IdentityProviderError) as caught:
        provider.subject("code", BEGUN)
    assert "\n" not in str(caught.value)


def test_the_right_one_says_who_it_is() -> None:
    with hostile(signed) as provider:
        assert provider.subject("code", BEGUN) == "17"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"issuer": "https://evil.example"}, "names itself 'https://evil.example'"),
        ({"token_endpoint": "file:///etc/passwd"}, "what 127.0.0.1 says of itself is wrong: token_endpoint"),
        ({"jwks_uri": "http://127.0.0.1:9/keys"}, "127.0.0.1 does not answer"),
    ],
)
def test_a_provider_that_is_not_in_order_is_one_clear_line(metadata: dict[str, str], said: str) -> None:
    with hostile(signed, metadata) as provider, pytest.raises(IdentityProviderError) as caught:
        provider.address(BEGUN)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "is_led_there"),
    [
        ("{own}/logout", True),
        ("{own}/logout?a=b", True),
        (None, False),
        ("http://127.0.0.1:9/logout", False),
        ("https://evil.example/logout", False),
        ("{own}@evil.example/logout", False),
        ("javascript:alert(1)", False),
        ("{own}/logout#fragment", False),
        ("{own}/a b", False),
        ("http://[", False),
        (17, False),
    ],
)
def test_people_are_sent_to_sign_out_on_the_issuers_own_host_alone(named: object, is_led_there: bool) -> None:
    with hostile(signed, {"end_session_endpoint": named}) as provider:
        address = provider.leaving_address("https://placet.example/console/sign-in")
    assert (address is not None) is is_led_there
    if address is not None:
        asked = parse_qs(urlsplit(address).query)
        assert asked["client_id"] == ["me"]
        assert asked["post_logout_redirect_uri"] == ["https://placet.example/console/sign-in"]
        assert "id_token_hint" not in asked
