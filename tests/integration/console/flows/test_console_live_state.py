"""The page of a customer's live state: what it says, how it is drawn, and that it keeps up with events."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from placet.contracts.billing import Evidence
from placet.contracts.state import CustomerState, StateRead
from placet.governance.policy.set import PolicySet
from placet.service.documents.merges import sign_merge, take_merge
from placet.service.policy_files import read_policy_files
from placet.service.state.taking import take_events
from placet.simulation.sample import sample_rows
from placet.simulation.streams import as_line, simulate
from tests.integration.state.sending import recharge
from tests.support.browser import NARROW, context_of, faults_of, keep, needs_chromium
from tests.support.servers.console import ConsoleUnderTest

NOW = datetime.now(UTC)
YESTERDAY = (NOW - timedelta(days=1)).date()
HOSTILE = "urn:<script>alert(1)</script>"


def sent(subject: str, number: int, kind: str, data: object, source: str = "bss") -> bytes:
    at = (NOW - timedelta(hours=number)).isoformat()
    changes = {"subject": f"customer:{subject}", "type": kind, "data": data, "time": at, "source": source}
    return recharge(number, id=f"{subject}-{kind}-{number}", **changes)


@pytest.fixture(scope="module")
def family(console: ConsoleUnderTest) -> str:
    events = [as_line(one).encode() for one in simulate(sample_rows(1), last=YESTERDAY, days=60, seed=1)]
    for customer in ("K1", "K2"):
        events += [sent(customer, 30, "placet.household.changed.v1", {"household_id": "H1"})]
        events += [
            sent(customer, hour, "placet.balance.recharged.v1", {"amount": {"amount_minor": 500, "currency": "USD"}})
            for hour in range(3)
        ]
    events += [
        sent("K1", 5, "placet.plan.changed.v1", {"product_id": "P1", "line": "mobile", "offering_id": "m <b>"}),
        sent("K1", 6, "placet.device.seen.v1", {"device_id": "D1", "kind": "tv", "network": "home", "has_line": False}),
        sent("K1", 7, "placet.competitor.signal.v1", {"sign": "porting_asked"}, HOSTILE),
        sent("K1", 8, "placet.support.ticket.v1", {"ticket_id": "T1", "status": "opened", "topic": "bill"}),
        sent("K1", 9, "placet.consent.changed.v1", {"purpose": "marketing", "given": False}),
        sent("K1", 2, "placet.event.corrected.v1", {
            "source": "bss", "id": "K1-placet.balance.recharged.v1-0", "reason": "wrong"}),
    ]  # fmt: skip
    take(console, *events)
    return "K1"


def take(console: ConsoleUnderTest, *events: bytes) -> None:
    now = datetime.now(UTC)
    taken = take_events(console.world.database, "demo", events, now=now, oldest=now - timedelta(days=400))
    assert [one.reason for one in taken.refused if one.code != "from_the_future"] == []


def test_the_page_says_what_stands_out_who_said_so_and_what_happened(console: ConsoleUnderTest, family: str) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/customers/{family}/state").text
    for said in (
        "a code to take the number away was asked for in the last 30 days",
        "1 support ticket is open",
        "marketing by any channel: withdrawn",
        "Household H1",
        "tv without a line of ours, on the home network",
        "Taken back",
        "10.00 USD recharged",
    ):
        assert said in page, said
    assert "<script>alert" not in page
    assert "m &lt;b&gt;" in page
    assert 'href="/console/customers/K2/state"' in page
    assert page.count('<svg class="bars"') >= 2
    for table in re.findall(r"<svg.*?</svg>.*?</table>", page, re.DOTALL):
        for shown in re.findall(r'<text x="[0-9]+" y="[0-9]+">([0-9.,]+)</text>', table):
            assert f"<td>{shown}</td>" in table, "the table says what the drawing says"


def test_simulated_events_are_said_to_be_simulated(console: ConsoleUnderTest, family: str) -> None:
    with console.signed_in("olga", "operator") as http:
        real = http.get(f"/console/customers/{family}/state").text
        simulated = http.get("/console/customers/C00001/state").text
    assert "Simulated data" not in real
    assert "Simulated data" in simulated
    assert "“simulated”, which is not real" in simulated


def test_of_a_customer_without_events_the_page_says_so(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/customers/C99999/state")
        bad = http.get("/console/customers/a%20b/state")
    assert page.status_code == 200
    assert "No event of this customer is known" in page.text
    assert bad.status_code == 404


def test_of_whom_only_words_are_known_the_page_calls_them_no_events(console: ConsoleUnderTest) -> None:
    take(console, sent("K7", 4, "placet.churn.scored.v1", {"basis_points": 2550, "model": "a" * 64}))
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/customers/K7/state").text
        cohort = http.get("/console/cohorts", params={"expression": "churn_percent >= 25"}).text
    for said in (
        "1 word about them taken",
        "none is known",
        "Nothing that happened to this customer is known, only what was said about them, such as a score",
        "What was said last",
        "The newest 1 word about them that is kept.",
        "25.5 %",
    ):
        assert said in page, said
    assert "1 event" not in page
    assert "Nothing stands out." not in page
    assert "only what was said about them is known, such as a score, and no event" in cohort


def test_the_live_part_changes_with_an_event_and_says_nothing_otherwise(console: ConsoleUnderTest, family: str) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/customers/K2/state").text
        path = re.search(r'hx-get="([^"]+)"', page)
        assert path is not None
        assert http.get(path[1]).status_code == 204
        take(console, sent("K2", 1, "placet.app.visited.v1", {}))
        fresh = http.get(path[1])
        assert fresh.status_code == 200
        assert "the app was opened (home)" in fresh.text


def test_of_a_merged_customer_page_api_and_evidence_of_a_run_say_of_which_ids_the_state_is(
    console: ConsoleUnderTest,
) -> None:
    world = console.world
    hana = world.approver("hana", roles=("retention_head",))
    take(console, *(sent(one, 3, "placet.app.visited.v1", {}) for one in ("C00006", "K9")))
    with console.signed_in("olga", "operator") as http:
        before = http.get("/console/customers/C00006/state").text
        path = re.search(r'hx-get="([^"]+)"', before)
        assert path is not None
        policies = {"retention": PolicySet(read_policy_files(world.policy_file))}
        named = {"customer_id": "C00006", "merged_id": "K9", "drafted_by": "olga", "reason": "same"}
        envelope = sign_merge(tenant="demo", name=hana.name, key=hana.key, **named)
        take_merge(world.database, envelope, tenant="demo", policies=policies)
        run_id = world.pending("C00006")
        said = "counts events of C00006, K9: one person since "
        assert said not in before
        assert said in http.get(path[1]).text
        assert said in http.get(f"/console/runs/{run_id}").text
        assert http.get("/console/customers/K9/state").text.count(said) == 1
    with world.database.reading() as tx:
        kept = tx.artifacts.get_model(str(world.record(run_id).evidence), Evidence).state
        assert kept is not None
        state = tx.artifacts.get_model(kept.digest, CustomerState)
    assert kept.one_person is not None
    assert (kept.one_person.ids, kept.version) == (("C00006", "K9"), 2)
    assert StateRead.of(state, kept.digest) == kept


@pytest.fixture
def context(browser: Browser, console: ConsoleUnderTest, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    with context_of(browser, console.url, **request.param) as opened:
        yield opened


@needs_chromium
@pytest.mark.xdist_group("console-browser")
@pytest.mark.parametrize(
    "context",
    [{}, {"color_scheme": "dark"}, {"viewport": NARROW}, {"viewport": NARROW, "color_scheme": "dark"}],
    ids=["wide", "wide-dark", "narrow", "narrow-dark"],
    indirect=True,
)
def test_the_page_has_no_fault_that_axe_finds_in_both_themes_and_on_a_phone(
    context: BrowserContext, console: ConsoleUnderTest, family: str, request: pytest.FixtureRequest
) -> None:
    page = context.new_page()
    page.goto("/console/inbox")
    page.get_by_label("Your token").fill(console.token("olga", "operator"))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    for customer in (family, "C00001", "C99999"):
        page.goto(f"/console/customers/{customer}/state")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        keep(page, f"live-state-{customer}-{request.node.callspec.id}")
        assert faults_of(page) == [], customer
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), customer
