"""The page of key figures: those of the API, to the digit; and how it looks on a desk and on a phone."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from placet.interfaces.telling.kpis import sums_in_words, value_in_words
from placet.service.kpis.kept import kept_report
from placet.service.kpis.refreshing import refresh
from tests.integration.console.flows.test_console_cohorts import base, settled
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.servers.console import ConsoleUnderTest

__all__ = ["base"]

pytestmark = pytest.mark.xdist_group("console-browser")


@pytest.fixture(scope="module")
def days(base: ConsoleUnderTest) -> ConsoleUnderTest:
    """Return a base of which a day a month ago, yesterday and today are kept."""
    now = datetime.now(UTC)
    for back in (30, 1, 0):
        assert refresh(base.world.database, "demo", now - timedelta(days=back))
    return base


@pytest.mark.parametrize("segment", [None, "postpaid"])
def test_the_page_shows_what_is_kept(days: ConsoleUnderTest, segment: str | None) -> None:
    report = kept_report(days.world.database, "demo", segment, datetime.now(UTC))
    with days.signed_in("olga", "operator") as http:
        page = settled(http, "/console/figures", **({"segment": segment} if segment else {}))
    for one in report.kpis:
        if one.value is not None:
            assert f'data-label="Value">{value_in_words(one)}<' in page
            assert sums_in_words(one) in page
    assert "Simulated data" in page
    assert "the operator gives no margin" in page
    assert "still changes" in page
    assert ("percentage points" in page) == (segment is None), "of a month ago too little is known of the segment"
    assert ("See whom it has" in page) == (segment is not None)


def test_a_segment_that_is_none_is_told(days: ConsoleUnderTest) -> None:
    with days.signed_in("otto", "auditor") as http:
        answer = http.get("/console/figures", params={"segment": "<b>nobody"})
    assert answer.status_code == 422
    assert "no segment is called" in answer.text
    assert "<b>nobody" not in answer.text


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_page_is_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, days: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    with context_of(browser, days.url, viewport=view, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto("/console/figures")
        page.get_by_label("Your token").fill(days.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="All customers")).to_be_visible()
        expect(page.locator(".plot canvas").first).to_be_visible()
        keep(page, f"figures-{width}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert faults_of(page, EVERYTHING if view is WIDE else OF_THE_SCREEN) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        too_wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
        assert page.evaluate(f"{too_wide}.map((one) => one.ariaLabel)") == []
        page.get_by_label("Of", exact=True).select_option("postpaid")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("heading", name="Billed")).to_be_visible()
