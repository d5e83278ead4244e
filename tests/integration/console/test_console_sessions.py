"""Who is signed in, for how long, and what ends it. A row of the table alone signs nobody in."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from placet.interfaces.console.guards.attempts import IN_TOTAL, PER_ADDRESS, WINDOW_SECONDS, Attempts
from placet.interfaces.console.guards.cookies import cookie_name
from placet.interfaces.console.sessions import IDLE, LONGEST, Sessions
from placet.service.documents.access import revoke_token
from tests.integration.http.calling import TOKEN
from tests.support.servers.console import ConsoleUnderTest, console_of, form_token


@pytest.fixture(autouse=True)
def _clock_of_today(console: ConsoleUnderTest) -> None:
    console.clock.ahead = timedelta()


def reads(http: httpx.Client) -> bool:
    answer = http.get("/console/inbox")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def cookie_of(http: httpx.Client) -> str:
    (cookie,) = http.cookies.jar
    return str(cookie.value)


def change_rows(console: ConsoleUnderTest, statement: str, **values: object) -> int:
    engine = create_engine(console.world.settings.database)
    with engine.begin() as connection:
        changed = connection.execute(text(statement), values).rowcount
    engine.dispose()
    return changed


def test_nothing_but_assets_and_the_sign_in_page_is_shown_to_a_stranger(console: ConsoleUnderTest) -> None:
    with console.client() as http:
        for path in ("inbox", "runs", "runs/new", "customers", "halts", "health", "components", "runs/run-x/live"):
            answer = http.get(f"/console/{path}?a=1")
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/console/sign-in?next=%2Fconsole%2F")
        assert http.get("/console/sign-in").status_code == 200
        assert http.get("/").headers["location"] == "/console"


def test_the_cookie_is_for_the_console_alone_and_no_script_or_other_site_has_it(console: ConsoleUnderTest) -> None:
    with console.client() as http:
        answer = http.post("/console/sign-in", data={"token": console.token("olga", "operator"), "next": ""})
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= attributes
    assert answer.headers["location"] == "/console/inbox"


def test_behind_https_the_cookie_is_marked_secure(console: ConsoleUnderTest) -> None:
    with console_of(console.world, public_url="https://placet.example") as served, served.client() as http:
        answer = http.post("/console/sign-in", data={"token": console.token("olga", "operator"), "next": ""})
    assert answer.headers["set-cookie"].startswith("__Host-placet-")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "; Path=/;" in answer.headers["set-cookie"]
    assert "domain" not in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("token", ["", "placet_", TOKEN, "placet_0123456789abcdef_" + "A" * 43])
def test_no_other_token_signs_in_and_the_installations_own_names_nobody(console: ConsoleUnderTest, token: str) -> None:
    with console.client() as http:
        answer = http.post("/console/sign-in", data={"token": token, "next": ""})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert len(token) < 16 or token not in answer.text


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/console/runs?state=failed", "/console/runs?state=failed"),
        ("https://elsewhere.example/", "/console/inbox"),
        ("//elsewhere.example/console", "/console/inbox"),
        ("/console/../v1/runs", "/console/inbox"),
        ("/console/sign-out", "/console/inbox"),
        ("/console/x\r\nSet-Cookie: a=b", "/console/inbox"),
        ("/consolecy", "/console/inbox"),
    ],
)
def test_signing_in_leads_to_this_console_alone(console: ConsoleUnderTest, wanted: str, leads_to: str) -> None:
    with console.client() as http:
        answer = http.post("/console/sign-in", data={"token": console.token("olga", "operator"), "next": wanted})
    assert answer.headers["location"] == leads_to


def test_a_session_that_is_not_used_ends_and_one_that_is_used_goes_on(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        for _ in range(3):
            console.clock.ahead += IDLE - timedelta(minutes=2)
            assert reads(http)
        console.clock.ahead += IDLE + timedelta(seconds=1)
        assert not reads(http)


def test_a_live_page_prolongs_nothing_and_is_taken_away_when_the_session_ends(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        live = "/console/runs/run-00000000000000000000/live"
        for _ in range(2):
            console.clock.ahead += IDLE / 2 - timedelta(seconds=5)
            assert http.get(live, headers={"HX-Request": "true"}).status_code == 404
        console.clock.ahead += timedelta(minutes=1)
        gone = http.get(live, headers={"HX-Request": "true"})
    assert gone.status_code == 286
    assert "Your session has ended" in gone.text


def test_every_session_ends_after_twelve_hours(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        while console.clock.ahead < LONGEST - timedelta(minutes=20):
            console.clock.ahead += timedelta(minutes=20)
            assert reads(http)
        console.clock.ahead = LONGEST
        assert not reads(http)


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        kept, page = cookie_of(http), http.get("/console/inbox").text
        assert http.post("/console/sign-out", data={"form_token": "wrong"}).status_code == 403
        assert reads(http)
        assert http.post("/console/sign-out", data={"form_token": form_token(page)}).status_code == 303
        http.cookies.set(console.cookie, kept, path="/")
        assert not reads(http)


def test_signing_in_takes_no_session_that_was_there_before(console: ConsoleUnderTest) -> None:
    token = console.token("olga", "operator")
    with console.client() as http:
        http.cookies.set(console.cookie, "planted" + "A" * 36, path="/")
        answer = http.post("/console/sign-in", data={"token": token, "next": ""})
        first = answer.cookies[console.cookie]
        assert first != "planted" + "A" * 36
        http.cookies.clear()
        http.cookies.set(console.cookie, first, path="/")
        again = http.post("/console/sign-in", data={"token": token, "next": ""})
        assert again.cookies[console.cookie] != first
        http.cookies.clear()
        http.cookies.set(console.cookie, first, path="/")
        assert not reads(http)


def test_a_revoked_or_expired_token_is_signed_out_at_once(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        assert reads(http)
        revoke_token(console.world.database, tenant="demo", token_id=console.tokens["olga"], by="root")
        assert not reads(http)
        page = http.get("/console/inbox", follow_redirects=True)
        assert "Your session has ended" in page.text


def test_who_writes_rows_makes_no_session_and_prolongs_none(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as low, console.signed_in("root2", "administrator") as high:
        assert reads(low)
        # Another's token under one's own session, and the other's seal with it.
        assert change_rows(
            console,
            "UPDATE console_session SET token_id = :other, "
            "seal = (SELECT seal FROM console_session WHERE token_id = :other) WHERE token_id = :own",
            other=console.tokens["root2"],
            own=console.tokens["olga"],
        )
        assert not reads(low)
        assert reads(high)
        # More time.
        later = (datetime.now(UTC) + timedelta(hours=2)).replace(tzinfo=None).isoformat(" ")
        assert change_rows(
            console,
            "UPDATE console_session SET seen_at = :at WHERE token_id = :own AND began_at < :at",
            at=later,
            own=console.tokens["root2"],
        )
        assert not reads(high)


def test_another_secret_of_the_installation_ends_every_session(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        kept = cookie_of(http)
    of_another = Sessions(console.world.database, "demo", SecretStr("another secret of ours"), console.clock)
    assert of_another.visitor(kept) is None
    of_this = Sessions(console.world.database, "demo", SecretStr(TOKEN), console.clock)
    assert of_this.visitor(kept) is not None
    of_another_tenant = Sessions(console.world.database, "other", SecretStr(TOKEN), console.clock)
    assert of_another_tenant.visitor(kept) is None


def test_wrong_attempts_are_counted_for_each_address_and_in_total() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    assert [attempts.count("a") for _ in range(PER_ADDRESS + 1)] == [True] * PER_ADDRESS + [False]
    assert attempts.count("b")
    left = IN_TOTAL - PER_ADDRESS - 1
    assert [attempts.count(f"x{number}") for number in range(left + 1)] == [True] * left + [False]
    assert not attempts.count("b")
    now[0] = WINDOW_SECONDS
    assert attempts.count("a")
    assert attempts.count("b")


def test_who_tries_wrong_tokens_locks_nobody_out(console: ConsoleUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    with console_of(console.world) as served, served.client() as http:
        answers = [http.post("/console/sign-in", data={"token": "x", "next": ""}).status_code for _ in range(12)]
        good = http.post("/console/sign-in", data={"token": served.token("olga", "operator"), "next": ""})
    assert answers == [403] * 10 + [429] * 2
    assert good.status_code == 303
    assert len([one for one in caplog.messages if "a wrong token was tried" in one]) == 10


def test_two_consoles_on_one_host_end_no_session_of_each_other(console: ConsoleUnderTest) -> None:
    names = {cookie_name(database, tenant) for database in ("sqlite:///a", "sqlite:///b") for tenant in ("x", "y")}
    assert len(names) == 4
    assert console.cookie not in names
    assert cookie_name("sqlite:///a", "x") in names


def test_the_name_of_a_cookie_by_plain_http_holds_the_port(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http, console_of(console.world) as beside:
        kept = cookie_of(http)
        with beside.client() as other:
            other.cookies.set(console.cookie, kept, path="/")
            assert not reads(other)
            other.cookies.set(beside.cookie, kept, path="/")
            assert reads(other)
    assert console.cookie.endswith(f"-{console.url.rpartition(':')[2]}")


def test_a_session_planted_beside_ones_own_signs_out_and_never_in_as_another(console: ConsoleUnderTest) -> None:
    with console.signed_in("mallory", "operator") as http:
        planted = cookie_of(http)
    with console.signed_in("olga", "operator") as http:
        own = cookie_of(http)
        for order in ((own, planted), (planted, own)):
            sent = "; ".join(f"{console.cookie}={one}" for one in order)
            with console.client() as raw:
                answer = raw.get("/console/inbox", headers={"Cookie": sent})
            assert answer.status_code == 303
            assert "sign-in" in answer.headers["location"]
            # What was planted for a path is taken away, and what is kept for all paths stays.
            dropped = [one for one in answer.headers.get_list("set-cookie") if "Max-Age=0" in one]
            assert [one.partition("Path=")[2].partition(";")[0] for one in dropped] == [
                "/console",
                "/console/",
                "/console/inbox",
            ]
        assert reads(http)
