"""Batches, delegations, mandates and lifted halts signed with a passkey in a real browser, on a desk and on a phone."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from placet.contracts.people.access import AccessRole
from tests.support.browser import NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.passkeys import at_localhost, device_of, enrolled
from tests.support.servers.console import ConsoleUnderTest

pytestmark = [needs_chromium, pytest.mark.xdist_group("console-browser")]


@pytest.fixture
def context(browser: Browser, console: ConsoleUnderTest) -> Iterator[BrowserContext]:
    with context_of(browser, at_localhost(console.url)) as opened:
        yield opened


def at_the_desk(
    context: BrowserContext,
    console: ConsoleUnderTest,
    name: str,
    role: str = "retention_lead",
    may: tuple[AccessRole, ...] = ("approver", "operator"),
) -> Page:
    """Somebody enrolled, signed in, with their device."""
    key = enrolled(console.world, console.url, name, roles=(role,), limit="9000.00 USD")
    page = context.new_page()
    page.goto("/console/inbox")
    page.get_by_label("Your token").fill(console.token(name, *may))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    device_of(page).holds(key)
    return page


def looked_at(page: Page, name: str) -> None:
    """Keep the page at both widths, and let axe look at it."""
    keep(page, f"{name}-1280")
    assert faults_of(page) == []
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    keep(page, f"{name}-390")
    assert faults_of(page, OF_THE_SCREEN) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]


def test_one_signature_decides_what_was_chosen_on_the_inbox(context: BrowserContext, console: ConsoleUnderTest) -> None:
    runs = [console.world.pending(one, key=secrets.token_hex(6)) for one in ("C00005", "C00006")]
    page = at_the_desk(context, console, "bea")
    page.goto("/console/inbox")
    for run_id in runs:
        page.locator(f"#choose-{run_id}").check()
    page.get_by_role("button", name="Approve the chosen…").click()
    page.get_by_label("Your reason").fill("an outage")
    looked_at(page, "batch-choose")
    page.get_by_role("button", name="Approve 2 proposals …").click()
    expect(page.get_by_role("heading", name="Approve 2 proposals?")).to_be_visible()
    looked_at(page, "batch-sign")
    page.get_by_role("button", name="Approve 2 proposals with your passkey").click()
    for run_id in runs:
        assert console.world.wait(run_id, "executed").decision
    expect(page.get_by_text("Executed", exact=True)).to_have_count(2)
    looked_at(page, "batch-outcome")
    page.go_back()
    expect(page.get_by_text(re.compile("answered already"))).to_be_visible()


def test_a_mandate_is_drafted_by_one_and_signed_by_another(
    browser: Browser, context: BrowserContext, console: ConsoleUnderTest, tmp_path: Path
) -> None:
    page = at_the_desk(context, console, "moritz", "retention_head")
    page.goto("/console/governance/mandates")
    page.get_by_text("Draft a new one").click()
    page.get_by_label("Name").fill("outage-credits")
    page.get_by_label("Treatment").fill("goodwill_credit")
    page.get_by_label("At most for one customer").fill("20.00 USD")
    page.get_by_label("At most in all").fill("lots")
    page.get_by_role("button", name="Write the draft").click()
    expect(page.get_by_role("alert")).to_contain_text("write it like")
    looked_at(page, "mandate-draft")
    page.get_by_label("At most in all").fill("300.00 USD")
    with page.expect_download() as download:
        page.get_by_role("button", name="Write the draft").click()
    draft = tmp_path / "draft.json"
    download.value.save_as(draft)
    with context_of(browser, at_localhost(console.url)) as other:
        page = at_the_desk(other, console, "mara", "retention_head")
        page.goto("/console/governance/mandates")
        page.get_by_text("Sign a draft").click()
        page.get_by_label("The draft").set_input_files(draft)
        page.get_by_role("button", name="Look at it …").click()
        expect(page.get_by_role("heading", name="Put mandate outage-credits in force?")).to_be_visible()
        looked_at(page, "mandate-sign")
        page.get_by_role("button", name="Put it in force, with your passkey").click()
        expect(page.get_by_text("300.00 USD of 300.00 USD left")).to_be_visible()
        looked_at(page, "mandate-signed")


def test_somebody_lets_another_decide(context: BrowserContext, console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "dirk")
    page = at_the_desk(context, console, "dana")
    page.goto("/console/governance/delegations")
    page.get_by_text("Let somebody decide in your stead").first.click()
    page.get_by_label("Who").select_option("dirk")
    page.get_by_label("Up to, each").fill("50.00 USD")
    page.get_by_label("Why").fill("on leave")
    looked_at(page, "delegation-form")
    page.get_by_role("button", name="Let them decide …").click()
    expect(page.get_by_role("heading", name="Let dirk decide in your stead?")).to_be_visible()
    looked_at(page, "delegation-sign")
    page.get_by_role("button", name="Let dirk decide, with your passkey").click()
    expect(page.get_by_role("heading", name="dirk for dana")).to_be_visible()
    page.goto("/console/approvers")
    expect(page.get_by_text("May decide as retention lead in the stead of dana")).to_be_visible()


def test_a_halt_is_placed_by_one_and_lifted_by_another(
    browser: Browser, context: BrowserContext, console: ConsoleUnderTest
) -> None:
    page = at_the_desk(context, console, "holger", "retention_head")
    page.goto("/console/halts")
    page.get_by_label("What is stopped").select_option("kind:order_product")
    page.get_by_label("Why", exact=True).fill("prices are wrong")
    page.get_by_label("I mean it").check()
    page.get_by_role("button", name="Stop executions").click()
    expect(page.get_by_text("prices are wrong")).to_be_visible()
    page.get_by_text("Let it go on", exact=True).click()
    page.get_by_label("Why it may go on").fill("mended")
    page.get_by_role("button", name="Let it go on …").click()
    expect(page.get_by_text("may not lift")).to_be_visible()
    looked_at(page, "halt-refused")
    with context_of(browser, at_localhost(console.url)) as other:
        page = at_the_desk(other, console, "helga", "retention_head")
        page.goto("/console/halts")
        page.get_by_text("Let it go on", exact=True).click()
        page.get_by_label("Why it may go on").fill("mended")
        page.get_by_role("button", name="Let it go on …").click()
        expect(page.get_by_role("heading", name="Let it go on?")).to_be_visible()
        looked_at(page, "halt-sign")
        page.get_by_role("button", name="Let it go on, with your passkey").click()
        expect(page.get_by_text(re.compile("Lifted .* by helga"))).to_be_visible()


def test_an_administrator_issues_a_token(context: BrowserContext, console: ConsoleUnderTest) -> None:
    page = at_the_desk(context, console, "rike", "administrator", ("administrator",))
    page.goto("/console/approvers")
    page.get_by_role("link", name="Tokens", exact=True).click()
    page.get_by_label("In whose name").fill("crm")
    page.get_by_label("Operator").check()
    looked_at(page, "token-form")
    page.get_by_role("button", name="Look at it …").click()
    expect(page.get_by_role("heading", name="Let crm in?")).to_be_visible()
    looked_at(page, "token-sign")
    page.get_by_role("button", name="Let crm in, with your passkey").click()
    expect(page.locator("#token")).to_have_text(re.compile("placet_"))
    looked_at(page, "token-issued")
