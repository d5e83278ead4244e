"""The pages of governance and of the record in a real browser, on a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from placet.entrypoints.processes.process import await_condition
from placet.governance.log.bundle import parse_bundle, verify_bundle
from placet.governance.log.checkpoints import open_checkpoint
from placet.governance.log.key import load_or_create_log_identity
from placet.service.documents.delegations import sign_delegation, take_delegation
from placet.service.keeping.log import record_anchoring, signed_head
from placet.service.reversals import request_reversal, reverse_run
from tests.security.gate.mandates.mandating import mandated
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
from tests.support.databases import disarm, outsider
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest

pytestmark = [needs_chromium, pytest.mark.xdist_group("console-rooms-browser")]

PAGES = {
    "policies": "/console/governance/policies",
    "what-if": "/console/governance/what-if",
    "what-if-answer": "/console/governance/what-if?agent=retention&treatment=goodwill_credit&cost=9.00+USD",
    "what-if-denied": "/console/governance/what-if?agent=retention&treatment=nothing_like_it&cost=90000.00+USD",
    "mandates": "/console/governance/mandates",
    "mandate": "/console/governance/mandates/{mandate}",
    "delegations": "/console/governance/delegations",
    "reversals": "/console/governance/reversals",
    "reverse": "/console/governance/reversals/new?run_id={executed}",
    "notifications": "/console/governance/notifications",
    "oversight": "/console/governance/oversight?days=7",
    "audit": "/console/audit",
    "audit-none": "/console/audit?kind=record.restored",
    "audit-entry": "/console/audit/entries/{executed}/7",
    "verification": "/console/audit/verification?verify=1",
    "replay": "/console/audit/replays/{executed}",
    "inbox-largest": "/console/inbox?order=largest",
    "batch": "/console/batches/new?verdict=approve&run={pending}&run={other}",
    "batch-none": "/console/batches/new?verdict=reject&run={executed}&run={pending}",
    "halts": "/console/halts",
    "run-executed": "/console/runs/{executed}",
    "customer": "/console/customers/C00005",
}
HOSTILE = '<img src=x onerror="document.title=1"> \u202eevil\u202c <script>document.title=2</script>'


@pytest.fixture(scope="module")
def things(console: ConsoleUnderTest) -> dict[str, str]:
    world = console.world
    executed = world.pending("C00005")
    world.approve(executed, world.approver("anna"))
    hanna = world.approver("hanna", roles=("retention_head",), limit="9000.00 USD")
    mandate = mandated(world, hanna, name="summer-save", cohort=({"field": "tenure_months", "op": "ge", "value": 12},))
    mandated(world, hanna, name="altered")
    disarm(world.settings.database, "mandate")
    with outsider(world.settings.database) as shell:
        shell('UPDATE mandate SET budget_minor = 9999999 WHERE mandate LIKE \'%"name":"altered"%\'')
    dora, _ = world.approver("dora"), world.approver("emil")
    take_delegation(
        world.database,
        sign_delegation(
            tenant="demo",
            delegator="dora",
            delegate="emil",
            roles=("retention_lead",),
            limit="50.00 USD",
            days=3,
            reason=HOSTILE,
            key=dora.key,
        ),
        tenant="demo",
    )
    asked = request_reversal(world.database, run_id=executed, tenant="demo", requested_by="olga", reason=HOSTILE)
    world.run(reverse_run(world.database, world.engine, asked))
    pending, other = world.pending("C00009"), world.pending("C00006")
    identity = load_or_create_log_identity(world.settings.log_name, world.settings.log_key, world.settings.home / "log")
    head = open_checkpoint(signed_head(world.database, identity, "demo"), identity.verifiers("demo"))
    record_anchoring(world.database, "demo", head, "https://witness.example/add", "root")
    signed_head(world.database, identity, "demo")
    return {"executed": executed, "mandate": mandate.mandate.document_id, "pending": pending, "other": other}


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


@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_screen(
    browser: Browser, console: ConsoleUnderTest, things: dict[str, str], width: str, view: dict[str, int], scheme: str
) -> None:
    faults: dict[str, list[str]] = {}
    token = console.token("olga", "operator", "approver", "auditor")
    with context_of(browser, console.url, viewport=view, color_scheme=scheme) as context:
        page = sign_in(context, token)
        for name, path in PAGES.items():
            page.goto(path.format(**things))
            expect(page.get_by_text("the page shows it by itself")).to_have_count(0)
            keep(page, f"{name}-{width}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            faults[name] = faults_of(page, EVERYTHING if view is WIDE else OF_THE_SCREEN)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults[name].append("it is wider than the screen")
            if page.evaluate(
                "[...document.querySelectorAll('.scroll')].some((one) => one.scrollWidth > one.clientWidth)"
            ):
                faults[name].append("a table is wider than its place")
            assert page.title().endswith("· Placet"), "nothing foreign ran"
    assert {name: found for name, found in faults.items() if found} == {}


def test_what_others_wrote_is_inert_on_each_page(
    context: BrowserContext, console: ConsoleUnderTest, things: dict[str, str]
) -> None:
    page = sign_in(context, console.token("otto", "auditor"))
    for path in ("/console/governance/delegations", f"/console/audit?run_id={things['executed']}"):
        page.goto(path)
        expect(page.get_by_text("<img src=x onerror=").first).to_be_visible()
        assert "\u202e" not in page.content()
        assert "«U+202E»" in page.content()
        assert page.locator("main img, main script").count() == 0


def test_a_proof_that_was_downloaded_verifies_offline(
    context: BrowserContext, console: ConsoleUnderTest, things: dict[str, str], tmp_path: Path
) -> None:
    settings = console.world.settings
    page = sign_in(context, console.token("otto", "auditor"))
    page.get_by_role("link", name="Audit").click()
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Run", exact=True).fill(things["executed"])
    page.get_by_label("Kind").select_option("approve.decided")
    page.get_by_role("button", name="Apply").click()
    page.locator("td[data-label=Entry] a").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the proof").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    identity = load_or_create_log_identity(settings.log_name, settings.log_key, settings.home / "log")
    bundle = parse_bundle(file.read_text())
    verify_bundle(bundle, identity.verifiers("demo"))
    assert bundle.entries[0].entry.kind == "approve.decided"


def test_the_inbox_follows_by_itself_and_what_was_chosen_stays_chosen(
    context: BrowserContext, console: ConsoleUnderTest, things: dict[str, str]
) -> None:
    world = console.world
    page = sign_in(context, console.token("anna", "approver"))
    page.clock.install()
    page.goto("/console/inbox")
    before = page.locator(".waiting .item").count()
    page.locator(f"#choose-{things['pending']}").check()
    page.locator(f"#choose-{things['other']}").check()
    gone = world.pending("C00032")
    page.clock.run_for(11_000)
    expect(page.locator(".waiting .item")).to_have_count(before + 1)
    expect(page.locator(f"#choose-{things['pending']}")).to_be_checked()
    page.get_by_role("button", name="Approve the chosen").click()
    expect(page.get_by_role("heading", name="2 proposals")).to_be_visible()
    world.cancel(gone)
    world.wait(gone, "cancelled")


def test_an_operator_takes_back_what_a_run_did(browser: Browser, console: ConsoleUnderTest) -> None:
    world = console.world
    run_id = world.pending("C00037")
    world.approve(run_id, world.approver("carl"))
    with context_of(browser, console.url, viewport=NARROW, has_touch=True) as context:
        page = sign_in(context, console.token("olga", "operator"))
        page.goto(f"/console/runs/{run_id}")
        page.get_by_role("link", name="Take it back").tap()
        page.get_by_label("Why").fill("it was the wrong customer")
        page.get_by_role("button", name="Ask for the reversal").tap()
        expect(page.get_by_text("It takes back")).to_be_visible()
    await_condition(lambda: len(world.events(run_id, "run.reversal_requested")) == 1, seconds=GUARD, what="the request")
