"""Deciding by passkey in a real browser: what is shown is signed, and what is signed is executed and verifies."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from placet.governance.signing import dsse
from placet.governance.signing.statement import parse_statement
from tests.support.browser import chromium, context_of, faults_of, keep, needs_chromium
from tests.support.passkeys import at_localhost, device_of, enrolled
from tests.support.servers.console import ConsoleUnderTest

pytestmark = [needs_chromium, pytest.mark.xdist_group("console-browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser: Browser, console: ConsoleUnderTest) -> Iterator[BrowserContext]:
    with context_of(browser, at_localhost(console.url)) as opened:
        yield opened


def sign_in(context: BrowserContext, token: str) -> Page:
    page = context.new_page()
    page.goto("/console/inbox")
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    return page


def test_somebody_approves_with_a_passkey_and_the_envelope_verifies_offline(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    world = console.world
    key = enrolled(world, console.url, "paula")
    run_id = world.pending("C00005")
    page = sign_in(context, console.token("paula", "approver"))
    device_of(page).holds(key)
    page.goto(f"/console/runs/{run_id}")
    keep(page, "decide-1280")
    page.get_by_label("Your reason").fill("a good customer")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_role("heading", name="Approve this?")).to_be_visible()
    keep(page, "sign-1280")
    assert faults_of(page) == []
    shown = page.locator("main").inner_text()
    page.get_by_role("button", name="Approve with your passkey").click()
    expect(page.get_by_text("paula APPROVED the proposal").first).to_be_visible()
    record = world.wait(run_id, "executed")
    assert record.decision is not None
    with world.database.reading() as tx:
        text = tx.artifacts.get(record.decision, tenant="demo").decode()
    statement = dsse.verify(dsse.parse(text), key.public_key, key.passkey)
    predicate = parse_statement(statement).predicate
    assert (predicate.approver, predicate.verdict, predicate.reason) == ("paula", "approve", "a good customer")
    for said in (run_id, "C00005", "a good customer", world.proposal(run_id).mutation.describe()):
        assert said in shown
    (seen,) = world.events(run_id, "approve.seen")
    assert seen.body["token"] == console.tokens["paula"]
    page.go_back()
    expect(page.get_by_text(re.compile("answered already"))).to_be_visible()
    assert len(world.events(run_id, "approve.decided")) == 1
