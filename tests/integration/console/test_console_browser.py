"""The console in a real browser: signing in, deciding, looking, on a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser import NARROW, SCREENSHOTS, WIDE, chromium, context_of, faults_of, keep, needs_chromium
from tests.support.servers.console import ConsoleUnderTest

pytestmark = [needs_chromium, pytest.mark.xdist_group("console-browser")]

PAGES = {
    "inbox": "/console/inbox",
    "runs": "/console/runs",
    "new-run": "/console/runs/new",
    "confirm-run": "/console/runs/confirm?customer_id=C00009&agent=retention",
    "run-waits": "/console/runs/{pending}",
    "run-executed": "/console/runs/{executed}",
    "run-nothing": "/console/runs/{nothing}",
    "customers": "/console/customers",
    "customer": "/console/customers/C00005",
    "halts": "/console/halts?which=all",
    "health": "/console/health?diagnose=1",
    "components": "/console/components",
    "no-such-run": "/console/runs/run-00000000000000000000",
    "empty": "/console/inbox?customer_id=C99999",
}


@pytest.fixture(scope="module")
def runs(console: ConsoleUnderTest) -> dict[str, str]:
    world = console.world
    executed = world.pending("C00005")
    world.approve(executed, world.approver("anna"))
    nothing = world.start("C00002")
    world.wait(nothing, "no_action")
    return {"pending": world.pending("C00016"), "executed": executed, "nothing": nothing}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser: Browser, console: ConsoleUnderTest) -> Iterator[BrowserContext]:
    with context_of(browser, console.url) as opened:
        yield opened


def sign_in(context: BrowserContext, token: str) -> Page:
    page = context.new_page()
    page.goto("/console")
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    return page


@pytest.mark.parametrize(("width", "view"), [("1280", WIDE), ("390", NARROW)])
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_screen(
    browser: Browser, console: ConsoleUnderTest, runs: dict[str, str], width: str, view: dict[str, int]
) -> None:
    faults: dict[str, list[str]] = {}
    with context_of(browser, console.url, viewport=view) as context:
        first = context.new_page()
        first.goto("/console/sign-in?ended=1")
        keep(first, f"sign-in-{width}")
        faults["sign-in"] = faults_of(first)
        first.close()
        page = sign_in(context, console.token("olga", "operator", "approver"))
        for name, path in PAGES.items():
            page.goto(path.format(**runs))
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            faults[name] = faults_of(page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults[name].append("it is wider than the screen")
            page.evaluate("for (const one of document.querySelectorAll('details:not(.filter)')) one.open = false")
            keep(page, f"{name}-{width}")
    assert {name: found for name, found in faults.items() if found} == {}


def test_somebody_signs_in_reads_and_hands_in_a_decision_that_is_executed(
    context: BrowserContext, console: ConsoleUnderTest, tmp_path: Path
) -> None:
    world, ben = console.world, console.world.approver("ben")
    run_id = world.pending("C00009")
    page = sign_in(context, console.token("ben", "approver"))
    page.locator(f'a[href="/console/runs/{run_id}"]').click()
    expect(page.get_by_role("heading", name="The exact change")).to_be_visible()
    file = tmp_path / "decision.json"
    file.write_text(world.sign(run_id, ben))
    page.get_by_label("Hand in a signed decision").set_input_files(file)
    page.get_by_role("button", name="Hand it in").click()
    expect(page.get_by_text("ben APPROVED the proposal").first).to_be_visible()
    expect(page.locator(".head .badge")).to_have_text("Executed")  # the page follows the run by itself
    assert world.record(run_id).state == "executed"


if SCREENSHOTS:
    Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
