"""Deciding by passkey in a real browser: what is shown is signed, and what is signed is executed and verifies."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from placet.governance.signing import dsse
from placet.governance.signing.statement import parse_statement
from placet.interfaces.console.sessions import IDLE
from tests.support.browser import NARROW, context_of, faults_of, keep, needs_chromium
from tests.support.passkeys import Device, at_localhost, device_of, enrolled
from tests.support.pressing import with_token
from tests.support.servers.console import ConsoleUnderTest

pytestmark = [needs_chromium, pytest.mark.xdist_group("console-browser")]


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


def opened(context: BrowserContext, console: ConsoleUnderTest, name: str, run_id: str) -> tuple[Page, Device]:
    """Somebody enrolled, signed in, at a run's page, with their device."""
    key = enrolled(console.world, console.url, name)
    page = sign_in(context, console.token(name, "approver"))
    device = device_of(page)
    device.holds(key)
    page.goto(f"/console/runs/{run_id}")
    return page, device


def test_somebody_gives_less_and_is_shown_exactly_that(context: BrowserContext, console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00006")
    page, _ = opened(context, console, "lars", run_id)
    page.get_by_text("Approve something else").click()
    page.get_by_label(re.compile("A smaller amount than")).fill("100000")
    page.get_by_role("button", name="Approve this instead").click()
    expect(page.get_by_text("is not less than")).to_be_visible()
    page.go_back()
    page.get_by_text("Approve something else").click()
    page.get_by_label(re.compile("A smaller amount than")).fill("2.00")
    keep(page, "amend-1280")
    page.get_by_role("button", name="Approve this instead").click()
    expect(page.get_by_role("heading", name="Approve this instead?")).to_be_visible()
    expect(page.get_by_text("2.00 USD").first).to_be_visible()
    keep(page, "sign-amend-1280")
    page.get_by_role("button", name="Approve the change with your passkey").click()
    expect(page.locator(".head .badge")).to_have_text("Executed")
    assert str(console.world.proposal(run_id).cost) == "2.00 USD"


def test_somebody_rejects(context: BrowserContext, console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00009")
    page, _ = opened(context, console, "mia", run_id)
    page.get_by_label("Your reason").fill("<b>no</b> \u202eevil")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.get_by_role("heading", name="Reject this?")).to_be_visible()
    assert "\u202e" not in page.content()
    assert page.locator("main b").count() == 0
    keep(page, "sign-reject-1280")
    page.get_by_role("button", name="Reject with your passkey").click()
    expect(page.locator(".head .badge")).to_have_text("Rejected")
    (entry,) = console.world.events(run_id, "approve.decided")
    assert (entry.actor, entry.body["verdict"]) == ("mia", "reject")


def test_of_two_people_at_once_the_second_is_told(browser: Browser, console: ConsoleUnderTest) -> None:
    run_id, url = console.world.pending("C00032"), at_localhost(console.url)
    with context_of(browser, url) as one, context_of(browser, url) as other:
        first, _ = opened(one, console, "noor", run_id)
        second, _ = opened(other, console, "omar", run_id)
        for page in (first, second):
            page.get_by_role("button", name="Reject", exact=True).click()
            expect(page.get_by_role("heading", name="Reject this?")).to_be_visible()
        first.get_by_role("button", name="Reject with your passkey").click()
        expect(first.locator(".head .badge")).to_have_text("Rejected")
        second.get_by_role("button", name="Reject with your passkey").click()
        expect(second.get_by_text("does not wait for a decision")).to_be_visible()
    assert [event.actor for event in console.world.events(run_id, "approve.decided")] == ["noor"]


def test_a_prompt_that_is_closed_or_of_another_person_signs_nothing_and_may_be_tried_again(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    run_id = console.world.pending("C00037")
    page, device = opened(context, console, "pete", run_id)
    page.get_by_role("button", name="Reject", exact=True).click()
    device.verifies(who=False)
    page.get_by_role("button", name="Reject with your passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")
    keep(page, "cancelled-1280")
    assert faults_of(page) == []
    (held,) = device.credentials()
    device.send("WebAuthn.removeCredential", credentialId=held["credentialId"])
    device.verifies(who=True)
    device.holds(enrolled(console.world, console.url, "quentin"))
    page.get_by_role("button", name="Reject with your passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("this device holds no passkey of pete")
    assert not console.world.events(run_id, "approve.decided")
    device.send("WebAuthn.addCredential", credential=held)
    page.get_by_role("button", name="Reject with your passkey").dblclick()
    expect(page.locator(".head .badge")).to_have_text("Rejected")
    assert len(console.world.events(run_id, "approve.decided")) == 1


def test_a_session_that_ends_meanwhile_decides_nothing(context: BrowserContext, console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00005", key="ends")
    page, _ = opened(context, console, "ravi", run_id)
    page.get_by_role("button", name="Reject", exact=True).click()
    console.clock.ahead += IDLE
    try:
        page.get_by_role("button", name="Reject with your passkey").click()
        expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
        expect(page.get_by_text("Nothing was done")).to_be_visible()
    finally:
        console.clock.ahead -= IDLE
    assert not console.world.events(run_id, "approve.decided")


def test_a_reason_that_is_being_written_outlives_a_refresh(context: BrowserContext, console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00006", key="typing")
    page, _ = opened(context, console, "sara", run_id)
    page.get_by_label("Your reason").fill("half a sent")
    with page.expect_response(lambda answer: "/live" in answer.url and answer.status == 200):
        enrolled(console.world, console.url, "sven")
        with with_token(console, "sven", "approver") as other:
            other.get(f"/console/runs/{run_id}")  # a look is an entry, and news to every open page
    expect(page.get_by_label("Your reason")).to_have_value("half a sent")
    console.world.send(run_id, console.world.sign(run_id, console.world.approver("tess"), verdict="reject"))
    # What is over takes the form away: nothing is left to write.
    expect(page.locator(".head .badge")).to_have_text("Rejected", timeout=30_000)


def test_without_javascript_the_page_says_what_deciding_needs(browser: Browser, console: ConsoleUnderTest) -> None:
    run_id, url = console.world.pending("C00009", key="nojs"), at_localhost(console.url)
    enrolled(console.world, console.url, "theo")
    with context_of(browser, url, java_script_enabled=False) as context:
        page = sign_in(context, console.token("theo", "approver"))
        expect(page.get_by_text("A passkey needs JavaScript")).to_have_count(0)
        page.goto(f"/console/runs/{run_id}")
        page.get_by_role("button", name="Reject", exact=True).click()
        expect(page.get_by_text("A passkey needs JavaScript")).to_be_visible()
        expect(page.get_by_role("button", name="Reject with your passkey")).to_have_count(0)


def test_the_pages_of_keys_fit_a_phone_in_the_dark(browser: Browser, console: ConsoleUnderTest) -> None:
    run_id, url = console.world.pending("C00032", key="phone"), at_localhost(console.url)
    enrolled(console.world, console.url, "uma", roles=("administrator", "retention_lead"))
    faults: dict[str, list[str]] = {}
    with context_of(browser, url, viewport=NARROW, color_scheme="dark") as context:
        page = sign_in(context, console.token("uma", "approver", "administrator"))
        for name, path in {"approvers": "approvers", "setup": "setup", "no-such-link": "join/x"}.items():
            page.goto(f"/console/{path}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            keep(page, f"{name}-390")
            faults[name] = faults_of(page)
        page.goto(f"/console/runs/{run_id}")
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(page.get_by_role("heading", name="Approve this?")).to_be_visible()
        keep(page, "sign-dark-390")
        faults["sign"] = faults_of(page)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert {name: found for name, found in faults.items() if found} == {}


def ended_while_writing(page: Page, console: ConsoleUnderTest, run_id: str) -> None:
    """Write a reason, and press after the session has ended."""
    page.goto(f"/console/runs/{run_id}")
    page.get_by_label("Your reason").fill("a good customer")
    console.clock.ahead += IDLE
    try:
        page.get_by_role("button", name="Reject", exact=True).click()
        expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    finally:
        console.clock.ahead -= IDLE
    page.get_by_role("link", name="Sign in").click()


def signed_in_again(page: Page, token: str) -> None:
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_reason_outlives_the_end_of_a_session_and_is_kept_no_longer(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    run_id = console.world.pending("C00006", key="kept")
    page, _ = opened(context, console, "vera", run_id)
    ended_while_writing(page, console, run_id)
    signed_in_again(page, console.token("vera", "approver"))
    expect(page).to_have_url(re.compile(re.escape(f"/console/runs/{run_id}") + "$"))
    expect(page.get_by_label("Your reason")).to_have_value("a good customer")
    expect(page.get_by_text("Nothing was sent.")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('placet-typed')") is None
    page.reload()
    expect(page.get_by_label("Your reason")).to_have_value("")
    page.get_by_label("Your reason").fill("another")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.get_by_text("another")).to_be_visible()
    page.get_by_role("link", name="Do not sign").click()
    expect(page.get_by_label("Your reason")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('placet-typed')") is None


def test_what_one_person_wrote_is_shown_to_no_other_in_the_same_tab(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    run_id = console.world.pending("C00009", key="other-tab")
    page, _ = opened(context, console, "walt", run_id)
    enrolled(console.world, console.url, "xenia")
    ended_while_writing(page, console, run_id)
    signed_in_again(page, console.token("xenia", "approver"))
    expect(page.get_by_role("heading", name="Decide", exact=True)).to_be_visible()
    expect(page.get_by_label("Your reason")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('placet-typed')") is None


def test_a_page_that_is_taken_away_while_somebody_writes_keeps_it_for_them(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    run_id = console.world.pending("C00032", key="taken-away")
    page, _ = opened(context, console, "yara", run_id)
    page.clock.install()
    page.goto(f"/console/runs/{run_id}")
    page.get_by_label("Your reason").fill("half a sent")
    console.clock.ahead += IDLE
    try:
        page.clock.run_for(11_000)
        expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    finally:
        console.clock.ahead -= IDLE
    page.get_by_role("link", name="Sign in").click()
    signed_in_again(page, console.token("yara", "approver"))
    expect(page.get_by_label("Your reason")).to_have_value("half a sent")


def test_the_page_says_that_the_device_asks_and_comes_back_when_it_was_cancelled(
    context: BrowserContext, console: ConsoleUnderTest
) -> None:
    run_id = console.world.pending("C00037", key="waits")
    page, _ = opened(context, console, "zoe", run_id)
    page.get_by_role("button", name="Reject", exact=True).click()
    button = page.get_by_role("button", name="Reject with your passkey")
    # The browser itself cannot be told to close its prompt: what it then does is to refuse.
    page.evaluate(
        "() => { navigator.credentials.get = () => new Promise((_, refuse) => {"
        "  window.cancel = () => refuse(new DOMException('', 'NotAllowedError')); }); }"
    )
    button.click()
    expect(page.get_by_text("Confirm on your device")).to_be_visible()
    expect(button).to_be_disabled()
    keep(page, "device-asks-1280")
    assert faults_of(page) == []
    page.evaluate("() => window.cancel()")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")
    expect(page.get_by_text("Confirm on your device")).to_be_hidden()
    expect(button).to_be_enabled()
    expect(button).to_be_focused()
    assert not console.world.events(run_id, "approve.decided")
