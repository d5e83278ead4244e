"""From an empty installation to a decision that verifies, in real browsers: setup, invitation, enrolment, sign-in."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from placet.governance.signing import dsse
from placet.replay.trust import Trusted
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from placet.storage.projections.verification import verify_projections
from tests.support.browser import NARROW, context_of, faults_of, keep, needs_chromium
from tests.support.passkeys import at_localhost, device_of
from tests.support.servers.console import ConsoleUnderTest, console_of
from tests.support.world import world

pytestmark = [needs_chromium, pytest.mark.xdist_group("console-browser")]


@pytest.fixture
def fresh(tmp_path: Path, temporal_address: str) -> Iterator[ConsoleUnderTest]:
    """An installation without any administrator."""
    with (
        running(SandboxConfig()) as bss,
        world(tmp_path, temporal_address, bss) as made,
        console_of(made) as served,
    ):
        yield served


def look_at(page: Page, name: str) -> None:
    keep(page, name)
    assert faults_of(page) == [], name
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name


def set_up(root: Page, code: str) -> None:
    """Become the first administrator."""
    device_of(root)
    root.goto("/console/setup")
    root.get_by_label("Code").fill(code.lower())
    root.get_by_label("Your name").fill("root")
    look_at(root, "setup-1280")
    root.get_by_role("button", name="Register a passkey").click()
    expect(root.get_by_role("heading", name="Become the first administrator?")).to_be_visible()
    look_at(root, "setup-sign-1280")
    root.get_by_role("button", name="Sign with your passkey").click()
    expect(root.get_by_role("heading", name="Approvers")).to_be_visible()


def invite(root: Page, name: str) -> str:
    """Invite somebody; returns the link."""
    root.goto("/console/approvers")
    root.get_by_label("Name", exact=True).fill(name)
    root.get_by_label("Retention lead").check()
    root.get_by_label("May decide up to").fill("500.00 USD")
    root.get_by_role("button", name="Make the invitation").click()
    return root.locator("#link").inner_text()


def join(page: Page, link: str) -> str:
    """Register a passkey; returns the fingerprint that the page shows."""
    page.goto(link)
    expect(page.get_by_role("heading", name="root invites you to decide")).to_be_visible()
    look_at(page, "join-390")
    page.get_by_role("button", name="Register a passkey").click()
    expect(page.get_by_role("heading", name="Your passkey waits for a signature")).to_be_visible()
    look_at(page, "waits-390")
    return page.locator(".fingerprint").inner_text()


def enroll(root: Page, name: str, fingerprint: str) -> None:
    """Sign that a passkey is somebody's."""
    root.goto("/console/approvers")
    expect(root.locator(".fingerprint").first).to_have_text(fingerprint)
    look_at(root, "approvers-1280")
    root.get_by_role("button", name=f"Enroll {name}").click()
    expect(root.get_by_role("heading", name=f"Enroll {name}?")).to_be_visible()
    expect(root.get_by_text(fingerprint)).to_be_visible()
    look_at(root, "enroll-1280")
    root.get_by_role("button", name=f"Enroll {name} with your passkey").click()
    expect(root.get_by_text("The key counts from now on.")).to_be_visible()


def test_from_the_printed_code_to_a_decision_on_a_phone(browser: Browser, fresh: ConsoleUnderTest) -> None:
    world, url = fresh.world, at_localhost(fresh.url)
    code = fresh.setup.issue()
    with context_of(browser, url) as desk, context_of(browser, url, viewport=NARROW, has_touch=True) as phone:
        root, paula = desk.new_page(), phone.new_page()
        set_up(root, code)
        assert not fresh.setup.is_open()
        link = invite(root, "paula")
        expect(root.get_by_role("heading", name="Send this link to paula")).to_be_visible()
        look_at(root, "invited-1280")
        device_of(paula)
        enroll(root, "paula", join(paula, link))
        paula.get_by_role("link", name="Look again").tap()
        expect(paula.get_by_role("heading", name="You are enrolled, paula")).to_be_visible()
        paula.get_by_role("link", name="Sign in").tap()
        expect(paula.get_by_role("heading", name="Sign in")).to_be_visible()
        look_at(paula, "sign-in-390")
        paula.get_by_role("button", name="Use your passkey").tap()
        expect(paula.get_by_role("heading", name="Inbox")).to_be_visible()
        run_id = world.pending("C00005")
        paula.goto("/console/inbox")
        paula.locator(".waiting a").first.tap()
        expect(paula.get_by_role("heading", name="The exact change")).to_be_visible()
        look_at(paula, "decide-390")
        paula.get_by_role("button", name="Approve", exact=True).tap()
        expect(paula.get_by_role("heading", name="Approve this?")).to_be_visible()
        look_at(paula, "sign-390")
        paula.get_by_role("button", name="Approve with your passkey").tap()
        expect(paula.get_by_text("paula APPROVED the proposal").first).to_be_visible()
        record = world.wait(run_id, "executed")
        expect(paula.locator(".head .badge")).to_have_text("Executed")  # nothing is swapped under axe any more
        look_at(paula, "decided-390")
    check_record(fresh, run_id, str(record.decision))


def check_record(fresh: ConsoleUnderTest, run_id: str, decision: str) -> None:
    """The envelope verifies with what was enrolled alone, and the record says who did what, vouched how."""
    with fresh.world.database.reading() as tx:
        text = tx.artifacts.get(decision, tenant="demo").decode()
        (key,) = [one for one in tx.approvers.list("demo") if one.name == "paula"]
        kinds = [event.kind for event in tx.audit.read("tenant/demo")]
        assert tuple(verify_projections(tx, "demo")) == ()
    assert key.passkey is not None
    auditors = Trusted({key.key_id: base64.b64decode(key.public_key)}, passkeys={key.key_id: key.passkey})
    auditors.check(dsse.parse(text), "paula")
    assert dsse.verify(dsse.parse(text), base64.b64decode(key.public_key), key.passkey)
    (seen,) = fresh.world.events(run_id, "approve.seen")
    assert seen.body["passkey"] == key.key_id
    # Counters stand between: this device counts.
    made = [kind for kind in kinds if kind.split(".")[0] in ("key", "invitation", "session")]
    assert made == ["key.enrolled", "invitation.made", "invitation.answered", "key.enrolled", "session.began"]
