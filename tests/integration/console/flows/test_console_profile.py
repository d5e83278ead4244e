"""The page of a customer's profile: source and age of each field, keys as the visitor may see them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from placet.service.state.taking import take_events
from tests.integration.state.sending import recharge
from tests.support.browser import NARROW, context_of, faults_of, keep, needs_chromium
from tests.support.servers.console import ConsoleUnderTest

NUMBER = "+4915112345678"


@pytest.fixture(scope="module")
def customer(console: ConsoleUnderTest) -> str:
    now = datetime.now(UTC)

    def sent(number: int, kind: str, data: object) -> bytes:
        at = (now - timedelta(hours=number)).isoformat()
        return recharge(
            number, id=f"profile-{kind}", subject="customer:P1", type=kind, data=data, time=at, source="crm <b>"
        )

    events = [
        sent(1, "placet.key.declared.v1", {"key": f"msisdn:{NUMBER}"}),
        sent(2, "placet.consent.changed.v1", {"purpose": "marketing", "given": False}),
        sent(3, "placet.plan.changed.v1", {"product_id": "P1", "line": "mobile", "offering_id": "m <i>"}),
    ]
    taken = take_events(console.world.database, "demo", events, now=now, oldest=now - timedelta(days=400))
    assert taken.refused == ()
    return "P1"


def test_the_page_says_of_each_field_where_it_is_from_and_how_old(console: ConsoleUnderTest, customer: str) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/customers/{customer}/profile")
        unknown = http.get("/console/customers/NOBODY/profile")
    assert page.status_code == 200
    for said in (
        NUMBER,
        "from an event of “crm &lt;b&gt;”, 1 h ago",
        "marketing by any channel: withdrawn",
        "“m &lt;i&gt;” (mobile)",
        "Billing was not asked about this customer yet.",
        "No run about this customer was asked for.",
    ):
        assert said in page.text, said
    assert "<b>" not in page.text
    assert unknown.status_code == 404


def test_an_approver_sees_keys_masked(console: ConsoleUnderTest, customer: str) -> None:
    with console.signed_in("anna", "approver") as http:
        page = http.get(f"/console/customers/{customer}/profile").text
    assert NUMBER not in page
    assert "+49…78" in page
    assert "Your roles do not include seeing these whole." in page


def test_pages_of_the_customer_lead_to_it(console: ConsoleUnderTest, customer: str) -> None:
    with console.signed_in("olga", "operator") as http:
        assert f'href="/console/customers/{customer}/profile"' in http.get(f"/console/customers/{customer}/state").text


@pytest.fixture
def context(browser: Browser, console: ConsoleUnderTest, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    with context_of(browser, console.url, **request.param) as opened:
        yield opened


@needs_chromium
@pytest.mark.xdist_group("console-browser")
@pytest.mark.parametrize(
    "context", [{}, {"viewport": NARROW, "color_scheme": "dark"}], ids=["wide", "narrow-dark"], indirect=True
)
def test_the_page_has_no_fault_that_axe_finds(
    context: BrowserContext, console: ConsoleUnderTest, customer: str, request: pytest.FixtureRequest
) -> None:
    page = context.new_page()
    page.goto("/console/inbox")
    page.get_by_label("Your token").fill(console.token("olga", "operator"))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    page.goto(f"/console/customers/{customer}/profile")
    expect(page.get_by_role("heading", name=f"Profile of {customer}")).to_be_visible()
    keep(page, f"profile-{request.node.callspec.id}")
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
