"""A real browser: Debian's Chromium, driven by Playwright, that may reach this machine alone."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.support.guard import GUARD

CHROMIUM: Final = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed: apt-get install chromium")

SCREENSHOTS: Final = os.environ.get("CONSOLE_SCREENSHOTS", "")
"""A folder that keeps what the pages look like; none are taken without it."""

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


# How long a page is waited for is the machine's affair; what it then shows is the test's.
expect.set_options(timeout=GUARD * 1000)


@contextmanager
def context_of(browser: Browser, url: str, *, others: tuple[str, ...] = (), **options: Any) -> Iterator[BrowserContext]:
    """Open a profile of its own; whatever it asks of a host that is not meant fails the test."""
    context = browser.new_context(base_url=url, viewport=options.pop("viewport", WIDE), **options)
    context.set_default_timeout(15_000)
    strangers: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((url, "data:", *others)):
            strangers.append(request.url)

    context.on("request", note)
    try:
        yield context
    finally:
        context.close()
    assert strangers == []


EVERYTHING: Final = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
OF_THE_SCREEN: Final = {"type": "rule", "values": ["color-contrast", "target-size", "scrollable-region-focusable"]}
"""What another width, or other colours, can change."""


def faults_of(page: Page, asked: Mapping[str, Any] = EVERYTHING) -> list[str]:
    """Return what axe finds wrong with a page by WCAG 2.2 AA, one line each."""
    found = Axe().run(page, options={"runOnly": asked})
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


def keep(page: Page, name: str) -> None:
    """Take a picture of the whole page, where pictures are wanted."""
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)
