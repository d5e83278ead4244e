"""The pages of journeys: who is in which step, how they ended, how fast; in order on a desk and on a phone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from placet.contracts.strategies.journey import JourneyAsked
from placet.gate.strategies.journey import standing_of
from placet.service.journeys.starting import Entry, record_end, record_entry
from tests.integration.console.rollouts.test_rollout_pages import in_order, opened
from tests.integration.strategies.publishing import crowded, head, published
from tests.support.browser import NARROW, WIDE, needs_chromium
from tests.support.servers.console import ConsoleUnderTest

pytestmark = pytest.mark.xdist_group("console-browser")

STEPS = """\
steps:
  - {step: welcome, treat: all}
  - {step: first_use, wait_for: app_visits_7d > 0, at_most: 10 days}
  - {step: done, exit: they have started}
rollout:
"""


def travelling(console: ConsoleUnderTest, name: str) -> None:
    """Publish a strategy of several steps, and let three customers enter it; one has left, one was told."""
    world: Any = console.world
    hilde = getattr(world, "hilde", None) or head(world.database, world.root, f"hilde.{name}")
    text = crowded(name, "Keep <b>them</b>").replace("rollout:\n", STEPS)
    version, now = published(world.database, text, hilde), datetime.now(UTC)
    for number, customer in enumerate(("C00001", "C00002", "C00003")):
        entry = Entry(
            tenant="demo",
            customer_id=customer,
            strategy=name,
            version=version,
            agent="retention",
            channel="sms",
            requested_by="olga",
            signal_at=now - timedelta(minutes=3 * number),
        )
        record_entry(world.database, entry, at=now)
    with world.database.transaction() as tx:
        of = JourneyAsked(tenant="demo", strategy=name, customer_id="C00001")
        stands = standing_of(tx, of)
        assert stands is not None
        record_end(tx, of, stands, "no_consent", "they have not agreed to marketing", now)
        tx.journeys.put("demo", "C00002", name, told_at=now + timedelta(hours=5))


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_pages_of_journeys_are_in_order(
    browser: Browser, console: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    name, wide = f"steps_{width}", view is WIDE
    travelling(console, name)
    options: dict[str, Any] = {"viewport": view, "color_scheme": scheme}
    with opened(browser, console, f"jo{width}", "auditor", **options) as page:
        expect(page.get_by_role("heading", name="Rollouts")).to_be_visible()
        page.goto("/console/journeys")
        expect(page.get_by_role("heading", name="Journeys", exact=True)).to_be_visible()
        in_order(page, f"journeys-{width}", wide=wide)
        page.locator(f'a[href="/console/journeys/{name}"]').click()
        expect(page.get_by_text("2 customers in it now, 3 ever entered")).to_be_visible()
        expect(page.get_by_text("they have not agreed to marketing").first).to_be_visible()
        expect(page.locator(".plot canvas")).to_have_count(2)
        in_order(page, f"journeys-of-{width}", wide=wide)
        page.locator(f'a[href="/console/journeys/{name}/C00001"]').click()
        expect(page.get_by_role("heading", name="Journey of C00001")).to_be_visible()
        in_order(page, f"journey-{width}", wide=wide)
