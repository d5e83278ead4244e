"""The page of cohorts: a condition in, whom it has out; and how it looks on a desk and on a phone."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, expect

from placet.entrypoints.processes.process import await_condition
from placet.service.cohorts import fold_all
from placet.service.state.taking import take_events
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest

pytestmark = pytest.mark.xdist_group("console-browser")

CUSTOMERS = 60
CONDITION = "bills_issued_90d > 0 AND app_visits_30d >= 2"


@pytest.fixture(scope="module")
def base(console: ConsoleUnderTest) -> ConsoleUnderTest:
    now, database = datetime.now(UTC), console.world.database
    last = now.date() - timedelta(days=1)
    events = [json.dumps(one).encode() for one in simulate(sample_rows(CUSTOMERS), last=last, days=40, seed=3)]
    take_events(database, "demo", events, now=now, oldest=now - timedelta(days=400))
    fold_all(database, "demo")
    return console


def settled(http: httpx.Client, path: str = "/console/cohorts", **query: str) -> str:
    """Ask for a page until its work is done."""
    found: list[httpx.Response] = []

    def done() -> bool:
        found.append(http.get(path, params=query))
        return "by itself" not in found[-1].text

    await_condition(done, seconds=GUARD, what="the base being looked through")
    assert found[-1].status_code == 200, found[-1].text
    return found[-1].text


def test_a_condition_shows_whom_it_has(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        page = settled(http, expression=CONDITION)
        assert f"of {CUSTOMERS}: " in page
        assert "have simulated events: nothing of them is real" in page
        assert "Segments that they are in" in page
        assert 'href="/console/cohorts?segment=postpaid"' in page
        assert "bills_issued_90d &gt; 0" in page
        both = http.get("/console/cohorts", params={"segment": "postpaid", "expression": "recharges_30d > 0"})
        assert both.status_code == 422
        assert "give an expression, or the name of a segment" in both.text
        # The list of segments says it as well: no other condition stands under a segment's name.
        assert both.text.count("A bill was issued in the last 90 days.") == 1
        named = settled(http, segment="postpaid")
        assert named.count("A bill was issued in the last 90 days.") == 2
        assert "bills_issued_90d &gt; 0</textarea>" in named
        assert "Left out: there is no <code>lifetime_value_decile</code> yet." in named


def test_what_is_wrong_is_said_and_what_was_written_stays(base: ConsoleUnderTest) -> None:
    with base.signed_in("otto", "auditor") as http:
        wrong = http.get("/console/cohorts", params={"expression": "<b>nps</b> > 3"})
        assert wrong.status_code == 422
        assert "&lt;b&gt;nps&lt;/b&gt; &gt; 3</textarea>" in wrong.text
        assert "column " in wrong.text.partition('role="alert"')[2].partition("</p>")[0]
        misspelt = http.get("/console/cohorts", params={"expression": "npz > 3"})
        assert "no column is called &#39;npz&#39;; did you mean nps?" in misspelt.text
        assert http.get("/console/cohorts", params={"segment": "nobody"}).status_code == 422


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_page_is_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    with context_of(browser, base.url, viewport=view, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto("/console/cohorts")
        page.get_by_label("Your token").fill(base.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Condition").fill(CONDITION)
        page.get_by_role("button", name="See whom it has").click()
        expect(page.get_by_role("heading", name="This condition")).to_be_visible()
        expect(page.locator(".plot canvas")).to_have_count(2)
        keep(page, f"cohort-{width}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert faults_of(page, EVERYTHING if view is WIDE else OF_THE_SCREEN) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        too_wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
        assert page.evaluate(f"{too_wide}.map((one) => one.ariaLabel)") == []
