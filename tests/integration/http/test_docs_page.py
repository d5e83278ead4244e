"""The page `/docs` shows the whole API in a real browser, from our own files, and asks no other host for anything."""

import hashlib
import shutil
import tomllib
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from placet.interfaces.http.docs_page import ASSETS, OPEN_FILES
from tests.integration.http.calling import TOKEN, problem
from tests.support.servers import asking

PATIENCE_MS = 60_000
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium; `apt-get install chromium`")
    with sync_playwright() as playwright:
        # As root, in a container without user namespaces: its sandbox cannot be built.
        flags = ["--no-sandbox", "--disable-background-networking"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield running
        finally:
            running.close()


class Watched:
    """A page, what it asked for, and what it complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", self._note)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, request: Request) -> None:
        self.asked.append(request.url)

    def enter(self, url: str, token: str) -> None:
        self.page.goto(f"{url}/docs")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Show the API").click()


def test_what_is_vendored_is_what_the_package_has() -> None:
    (vendored,) = tomllib.loads((ASSETS / "vendored.toml").read_text()).values()
    assert vendored["sha256"] == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in ASSETS.glob("swagger-ui*")
    }


def test_anybody_may_load_the_page_and_nobody_the_description_without_a_token(url: str) -> None:
    for path in sorted(OPEN_FILES):
        answer = asking.get(f"{url}{path}")
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert problem(asking.get(f"{url}/openapi.json")) == (401, "unauthorized")
    for path in ("/docs/", "/docs/vendored.toml", "/docs/..%2fguard.py", "/docs/%2e%2e/guard.py"):
        assert problem(asking.get(f"{url}{path}")) == (401, "unauthorized")
        assert asking.get(f"{url}{path}", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 404


def test_the_page_shows_every_operation_and_asks_no_other_host(url: str, http: httpx.Client, browser: Browser) -> None:
    watched = Watched(browser.new_page())
    watched.enter(url, TOKEN)
    page = watched.page
    page.locator(".opblock").first.wait_for()
    described = http.get("/openapi.json").json()
    operations = sum(len(methods) for methods in described["paths"].values())
    assert page.locator(".opblock").count() == operations + len(described["webhooks"])
    # A request from the page bears the token that was entered.
    page.locator("#operations-runs-runs_list_runs").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert [asked for asked in watched.asked if not asked.startswith((f"{url}/", "data:"))] == []
    assert watched.complaints == []
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]


def test_a_wrong_token_is_said_in_one_line(url: str, browser: Browser) -> None:
    watched = Watched(browser.new_page())
    watched.enter(url, "wrong")
    watched.page.get_by_text("401: the bearer token is missing or wrong").wait_for()
    assert watched.page.locator(".opblock").count() == 0
