"""The pictures in the README: three pages as they are. They are only made again when asked for (`make images`)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pydantic import SecretStr

from placet.service.sharing.walkthroughs import Walkthroughs
from tests.integration.http.calling import TOKEN
from tests.support.browser import chromium, context_of, needs_chromium
from tests.support.passkeys import at_localhost, enrolled
from tests.support.servers.console import ConsoleUnderTest

IMAGES = Path(__file__).parents[3] / "docs" / "images"
NAMES = ("inbox", "run", "walkthrough")
LARGEST = 150 * 1024
SEEN = {"width": 1100, "height": 660}
MAKE = os.environ.get("CONSOLE_IMAGES", "")
"""Where they are written to; a test run writes none."""

pytestmark = pytest.mark.xdist_group("console-browser")


def test_the_readme_shows_three_small_pictures_that_exist() -> None:
    readme = (IMAGES.parents[1] / "README.md").read_text()
    for name in NAMES:
        assert f"(docs/images/{name}.png)" in readme
        assert 1_000 < (IMAGES / f"{name}.png").stat().st_size <= LARGEST, name
    assert sorted(path.stem for path in IMAGES.iterdir()) == sorted(NAMES)


@pytest.fixture
def context(console: ConsoleUnderTest) -> Iterator[BrowserContext]:
    with (
        chromium() as browser,
        context_of(browser, at_localhost(console.url), viewport=SEEN, color_scheme="light") as opened,
    ):
        yield opened


@needs_chromium
@pytest.mark.skipif(not MAKE, reason="CONSOLE_IMAGES is not set: `make images` sets it")
def test_make_them_again(console: ConsoleUnderTest, context: BrowserContext) -> None:
    world = console.world
    executed = world.pending("C00009")
    world.approve(executed, world.approver("bert"))
    enrolled(world, console.url, "anna")
    waiting, *_ = [world.pending(customer) for customer in ("C00005", "C00006", "C00032")]
    links = Walkthroughs(world.database, "demo", SecretStr(TOKEN))
    shared, _ = links.share(executed, by="olga", days=7)
    page = context.new_page()
    page.goto("/console/sign-in")
    page.get_by_label("Your token").fill(console.token("anna", "operator", "approver"))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    take(page, "inbox")
    page.goto(f"/console/runs/{waiting}")
    expect(page.locator(".plot canvas").first).to_be_visible()
    take(page, "run")
    page.goto(f"/console/walkthrough/{links.text_of(shared)}")
    expect(page.locator(".plot canvas").first).to_be_visible()
    page.get_by_role("heading", name="It weighed what could be done").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.querySelector('.chapters .options').closest('li').offsetTop - 16)")
    take(page, "walkthrough")


def take(page: Page, name: str) -> None:
    folder = Path(MAKE)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.png"
    page.screenshot(path=file)
    assert file.stat().st_size <= LARGEST, name
