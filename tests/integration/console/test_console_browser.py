"""The console in a real browser: signing in, deciding, looking, on a desk and on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr

from placet.interfaces.console.sessions import IDLE
from placet.service.documents.access import revoke_token
from placet.service.sharing.walkthroughs import Walkthroughs
from tests.integration.http.calling import TOKEN
from tests.integration.tmf.requests import ORDER, move_item, order
from tests.support.browser import (
    EVERYTHING,
    NARROW,
    OF_THE_SCREEN,
    WIDE,
    context_of,
    faults_of,
    keep,
    needs_chromium,
)
from tests.support.servers import asking
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
    "share": "/console/runs/{executed}/walkthroughs",
    "walkthrough": "{walkthrough}",
    "walkthrough-waits": "{waiting_walkthrough}",
    "walkthrough-wrong": "/console/walkthrough/wrong",
    "customers": "/console/customers",
    "customer": "/console/customers/C00005",
    "cohorts": "/console/cohorts",
    "cohorts-fault": "/console/cohorts?expression=recharge_30d+%3E+1",
    "strategies": "/console/strategies",
    "strategy-begin": "/console/strategies/form",
    "figures-fault": "/console/figures?segment=nobody",
    "halts": "/console/halts?which=all",
    "approvers": "/console/approvers",
    "sessions": "/console/sessions",
    "health": "/console/health",
    "components": "/console/components",
    "no-such-run": "/console/runs/run-00000000000000000000",
    "nothing-waits": "/console/inbox?customer_id=C99999",
    "unknown-customer": "/console/customers/C99999",
    "not-permitted": "/console/runs/new?as=auditor",
    "diagnosis": "/console/health?diagnose=1",
    "tokens": "/console/tokens",
}
PRICE = [{"priceType": "recurring", "price": {"taxIncludedAmount": {"unit": "USD", "value": 20}}}]
HOSTILE = '<img src=x onerror="document.title=1"> \u202eevil\u202c <script>document.title=2</script>'


@pytest.fixture(scope="module")
def runs(console: ConsoleUnderTest) -> dict[str, str]:
    world = console.world
    executed = world.pending("C00005")
    world.approve(executed, world.approver("anna"))
    nothing = world.start("C00002")
    world.wait(nothing, "no_action")
    pending = world.pending("C00009")
    links = Walkthroughs(world.database, "demo", SecretStr(TOKEN))
    shared = {
        name: f"/console/walkthrough/{links.text_of(links.share(run_id, by='olga', days=7)[0])}"
        for name, run_id in (("walkthrough", executed), ("waiting_walkthrough", pending))
    }
    return {"pending": pending, "executed": executed, "nothing": nothing, **shared}


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


def open_all(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_screen(
    browser: Browser, console: ConsoleUnderTest, runs: dict[str, str], width: str, view: dict[str, int], scheme: str
) -> None:
    faults: dict[str, list[str]] = {}
    tokens = {"olga": console.token("olga", "operator", "approver"), "auditor": console.token("otto", "auditor")}
    with context_of(browser, console.url, viewport=view, color_scheme=scheme) as context:
        first = context.new_page()
        first.goto("/console/sign-in?ended=1")
        keep(first, f"sign-in-{width}")
        faults["sign-in"] = faults_of(first)
        first.evaluate("document.querySelector('label').remove()")
        assert any(fault.startswith("label:") for fault in faults_of(first)), "axe finds what is wrong"
        page = sign_in(context, tokens["olga"])
        for name, path in PAGES.items():
            if name == "not-permitted":
                page.get_by_role("button", name="Sign out").click()
                page = sign_in(context, tokens["auditor"])
            page.goto(path.format(**runs))
            keep(page, f"{name}-{width}")
            open_all(page)
            faults[name] = faults_of(page, EVERYTHING if view is WIDE else OF_THE_SCREEN)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults[name].append("it is wider than the screen")
    assert {name: found for name, found in faults.items() if found} == {}


def test_somebody_signs_in_reads_and_hands_in_a_decision_that_is_executed(
    context: BrowserContext, console: ConsoleUnderTest, tmp_path: Path
) -> None:
    world, ben = console.world, console.world.approver("ben")
    run_id = world.pending("C00006")
    page = sign_in(context, console.token("ben", "approver"))
    page.locator(f'a[href="/console/runs/{run_id}"]').click()
    expect(page.get_by_role("heading", name="The exact change")).to_be_visible()
    expect(page.locator(".plot canvas").first).to_be_visible()
    file = tmp_path / "decision.json"
    file.write_text(world.sign(run_id, ben))
    page.get_by_label("Hand in a signed decision").set_input_files(file)
    page.get_by_role("button", name="Hand it in").click()
    expect(page.get_by_text("ben APPROVED the proposal").first).to_be_visible()
    expect(page.locator(".head .badge")).to_have_text("Executed")  # the page follows the run by itself
    assert world.record(run_id).state == "executed"
    (seen,) = world.events(run_id, "approve.seen")
    assert (seen.actor, seen.body["channel"]) == ("ben", "console")


def test_a_run_is_started_and_its_page_fills_by_itself(context: BrowserContext, console: ConsoleUnderTest) -> None:
    page = sign_in(context, console.token("olga", "operator"))
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("link", name="Start a run").first.click()
    page.get_by_label("Customer").fill("no such id!")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("customer")
    page.get_by_label("Customer").fill("C00032")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Start this run?")).to_be_visible()
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator(".head .badge")).to_have_text("Waits for a decision")
    expect(page.get_by_role("heading", name="The exact change")).to_be_visible()


def test_the_inbox_is_filtered_and_says_what_is_wrong_with_a_filter(
    context: BrowserContext, console: ConsoleUnderTest, runs: dict[str, str]
) -> None:
    page = sign_in(context, console.token("olga", "operator"))
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Customer").fill("C00009")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".waiting .item")).to_have_count(1)
    expect(page.locator(".total")).to_contain_text("1 run waits within this filter")
    page.get_by_label("Costs at least").fill("five dollars")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("write it like '12.50 EUR'")


def test_words_of_the_billing_system_do_nothing_and_are_marked(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    world = console.world
    named = {"productOffering": {"id": "PO-odd", "name": HOSTILE}, "itemPrice": PRICE}
    asking.post(f"{world.settings.bss_url}{ORDER}", json=order("C00037", move_item("P-C00037-voice", "PO-odd") | named))
    run_id = world.pending("C00037")
    page = sign_in(context, console.token("olga", "operator"))
    page.goto(f"/console/runs/{run_id}")
    shown = page.get_by_text("<img src=x onerror=").first
    expect(shown).to_be_visible()
    assert "\u202e" not in page.content()
    assert "«U+202E»" in page.content()
    assert page.title() == f"Run {run_id} · Placet"
    assert page.locator("main img, main script").count() == 0


def test_a_link_is_made_given_to_a_stranger_and_withdrawn(
    browser: Browser, context: BrowserContext, console: ConsoleUnderTest, runs: dict[str, str]
) -> None:
    page = sign_in(context, console.token("olga", "operator"))
    page.goto(f"/console/runs/{runs['executed']}")
    page.get_by_role("link", name="Share a walkthrough").click()
    page.get_by_label("Days until it ends").fill("2")
    page.get_by_role("button", name="Make the link").click()
    address = page.locator(".link .copied a").first.get_attribute("href")
    assert address is not None
    with context_of(browser, console.url, viewport=NARROW) as stranger:
        shown = stranger.new_page()
        shown.goto(address)
        expect(shown.get_by_role("heading", name="A decision about a customer, step by step")).to_be_visible()
        expect(shown.locator(".plot canvas").first).to_be_visible()
        expect(shown.get_by_text("What is left out here")).to_be_visible()
        assert "C00005" not in shown.content()
        page.get_by_role("button", name="Withdraw the link").first.click()
        expect(page.locator(".link .badge").first).to_have_text("Withdrawn")
        shown.reload()
        expect(shown.get_by_role("heading", name="This link leads nowhere")).to_be_visible()


def test_a_session_that_ends_takes_the_page_away_and_leads_back_to_it(
    context: BrowserContext, console: ConsoleUnderTest, runs: dict[str, str]
) -> None:
    token = console.token("olga", "operator")
    page = sign_in(context, token)
    page.clock.install()
    page.goto(f"/console/runs/{runs['pending']}")
    console.clock.ahead += IDLE
    try:
        page.clock.run_for(11_000)
        expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
        expect(page.get_by_text("The exact change")).to_have_count(0)
    finally:
        console.clock.ahead -= IDLE
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(re.escape(f"/console/runs/{runs['pending']}") + "$"))


def test_a_revoked_token_is_signed_out_in_plain_words(context: BrowserContext, console: ConsoleUnderTest) -> None:
    page = sign_in(context, console.token("olga", "operator"))
    revoke_token(console.world.database, tenant="demo", token_id=console.tokens["olga"], by="root")
    page.get_by_role("link", name="Customers").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Your session has ended")).to_be_visible()


def test_without_javascript_everything_can_be_read_and_handed_in(
    browser: Browser, console: ConsoleUnderTest, runs: dict[str, str]
) -> None:
    with context_of(browser, console.url, java_script_enabled=False) as context:
        page = sign_in(context, console.token("anna", "approver"))
        page.goto(f"/console/runs/{runs['pending']}")
        expect(page.get_by_role("heading", name="The exact change")).to_be_visible()
        page.locator("summary", has_text="Figures of Bills").click()
        expect(page.locator("#chart1-data tbody tr").first).to_be_visible()
        expect(page.get_by_role("button", name="Hand it in")).to_be_visible()
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_the_keyboard_alone_is_enough(context: BrowserContext, console: ConsoleUnderTest, runs: dict[str, str]) -> None:
    page = context.new_page()
    page.goto("/console/inbox")
    page.get_by_label("Your token").focus()
    page.keyboard.type(console.token("olga", "operator"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.locator(":focus").evaluate("one => one.matches('.waiting a')"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Who did what, when")).to_be_visible()


def test_on_a_phone_the_decision_is_one_tap_away(
    browser: Browser, console: ConsoleUnderTest, runs: dict[str, str]
) -> None:
    with context_of(browser, console.url, viewport=NARROW, has_touch=True) as context:
        page = sign_in(context, console.token("anna", "approver"))
        page.locator(".waiting a").first.tap()
        page.get_by_role("link", name="Go to the decision").tap()
        expect(page.get_by_role("heading", name="Decide", exact=True)).to_be_in_viewport()


def test_the_first_page_is_small(context: BrowserContext, console: ConsoleUnderTest, runs: dict[str, str]) -> None:
    page = sign_in(context, console.token("olga", "operator"))
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(f"/console/runs/{runs['pending']}", wait_until="networkidle")
    assert len(sizes) >= 6
    assert sum(sizes) <= 100 * 1024
