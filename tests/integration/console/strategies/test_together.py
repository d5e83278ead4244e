"""The page of strategies: several planned for the whole base, and versions compared, as the command line does."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from placet.interfaces.console.pages.live import planning
from placet.service.documents.mandates import revoke_mandate
from placet.service.strategies.checking import compare
from placet.service.strategies.planning import plan
from placet.service.strategies.publishing import PublishedStrategy, publications
from tests.integration.strategies.publishing import POLICIES, crowd, crowded, head, published, strategy_of
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.servers.console import ConsoleUnderTest, form_token

pytestmark = pytest.mark.xdist_group("console-browser")

PAGE = "/console/strategies"
SERVICE = ("purpose: marketing", "purpose: service")
TAKEN_UP = ("value: {of: staying, removes: 15 %}", "value: {of: taking_up, chance: 50 %, worth: 5.00 USD, months: 12}")


def wanted(name: str, title: str) -> str:
    """Return the text of a strategy that has something for everybody."""
    text = crowded(name, title)
    for old, new in (SERVICE, TAKEN_UP, ("stages: [10 %, 25 %, 50 %, 100 %]", "stages: [10 %, 100 %]")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def base(console: ConsoleUnderTest) -> ConsoleUnderTest:
    world: Any = console.world
    crowd(world.database)
    world.hilde = head(world.database, world.root, "hilde")
    world.first = published(world.database, wanted("first", "Keep <b>them</b>"), world.hilde)
    world.second = published(world.database, wanted("second", "Thank them"), world.hilde)
    return console


def posted(http: httpx.Client, do: str, text: str = "", **fields: str) -> httpx.Response:
    token = form_token(http.get(PAGE).text)
    answer = http.post(PAGE, data={"form_token": token, "do": do, "text": text, **fields})
    while "All customers are being looked at" in answer.text:
        answer = http.post(PAGE, data={"form_token": token, "do": do, "text": text, **fields})
    return answer


def told(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())


def test_the_whole_base_is_planned_as_the_command_line_does(base: ConsoleUnderTest) -> None:
    world: Any = base.world
    texts = [strategy_of(wanted("first", "Keep <b>them</b>")), strategy_of(wanted("second", "Thank them"))]
    found = plan(world.database, "demo", texts, "push", datetime.now(UTC))
    assert found.chosen > 300
    assert found.several > 200
    with base.signed_in("olga", "operator") as http:
        form = http.get(PAGE).text
        assert f'name="with.{world.first}" value="1" checked' in form
        ticks = {f"with.{world.first}": "1", f"with.{world.second}": "1", "plan_channel": "push"}
        answer = posted(http, "plan", **ticks)
        assert answer.status_code == 200, answer.text
        page = told(answer.text)
        assert f"{found.chosen:,} of 400 customers would get something" in page
        assert f"Claimed by more than one treatment {found.several:,} (" in page
        assert "<b>them" not in answer.text
        for one in found.strategies:
            cost = f"{one.chosen:,} customers cost {one.cost} at most"
            assert cost in page
            for treatment in one.treatments:
                assert f"{treatment.title} {treatment.chosen:,} {treatment.cost} {treatment.value}" in page
        # A text takes the place of the published version of its name, and need not be published.
        alone = posted(http, "plan", wanted("first", "Mine"), **ticks)
        assert "stands in the place of the published version of first" in told(alone.text)
        assert "Mine first" in told(alone.text)


def test_a_budget_that_is_not_enough_is_said(base: ConsoleUnderTest) -> None:
    poor = wanted("poor", "Poor").replace("total: 5000.00 USD", "total: 40.00 USD")
    assert poor != wanted("poor", "Poor")
    with base.signed_in("olga", "operator") as http:
        page = told(posted(http, "plan", poor, plan_channel="push").text)
    assert "The budget is not enough for everybody: Poor." in page
    assert "40.00 USD IS NOT ENOUGH" in page


def test_what_cannot_be_planned_or_compared_is_said_and_the_text_stays(
    base: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = wanted("first", "Kept")
    with base.signed_in("olga", "operator") as http:
        for do, given, fields, said in (
            ("plan", "", {}, "Nothing to plan: tick a published strategy, or write one above"),
            ("plan", "", {f"with.{'0' * 64}": "1"}, "is not in force now: load the page again"),
            ("plan", "form: x", {}, "line 1, column 1 (form)"),
            ("plan", text, {"plan_channel": "pigeon"}, "Where they would be told"),
            ("plan", text, {"plan_channel": "any"}, "'any' is no channel"),
            ("compare", text, {}, "Nothing to compare with"),
            ("compare", text, {"against": "nobody"}, "no published strategy 'nobody'"),
            ("compare", text, {"other": "form: x"}, "the other text, line 1, column 1 (form)"),
            ("compare", text, {"other": "x" * 32_001}, "The other text has 32,001 characters"),
            ("compare", "form: x", {"other": text}, "It has an error, so that nothing can be asked by it."),
        ):
            refused = posted(http, do, given, **fields)
            assert refused.status_code == 422, (do, fields)
            assert said in html.unescape(refused.text), (do, fields)
            assert html.escape(given, quote=False)[:200] in refused.text.replace("&#34;", '"').replace("&#39;", "'")
        monkeypatch.setattr(planning, "MOST_CUSTOMERS", 3)
        assert "`placet strategy plan`" in html.unescape(posted(http, "plan", text, plan_channel="push").text)


def test_versions_are_compared_in_words(base: ConsoleUnderTest) -> None:
    world: Any = base.world
    before, after = (
        wanted("first", "Keep <b>them</b>"),
        wanted("first", "Keep <b>them</b>").replace("holdout: 10 %", "holdout: 5 %"),
    )
    found = compare(strategy_of(before), strategy_of(after))
    with base.signed_in("olga", "operator") as http:
        for fields in ({"against": world.first}, {"other": before}):
            page = told(posted(http, "compare", after, **fields).text)
            assert "What the text above changes" in page
            assert "5 % of them" in page
            for said in found.consequences:
                assert said[1:] in page
        assert "Nothing: both say the same." in posted(http, "compare", before, against=world.first).text


@contextmanager
def opened(browser: Browser, base: ConsoleUnderTest, **options: Any) -> Iterator[Page]:
    with context_of(browser, base.url, **options) as context:
        page = context.new_page()
        page.goto(PAGE)
        page.get_by_label("Your token").fill(base.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        yield page


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_page_is_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    with opened(browser, base, viewport=view, color_scheme=scheme) as page:
        page.get_by_label("Where customers would be told").select_option("push")
        page.get_by_role("button", name="Plan for all customers").click()
        expect(page.get_by_role("heading", name="What they would do together")).to_be_visible()
        expect(page.locator(".plot canvas")).to_have_count(1)
        in_order(page, f"strategies-plan-{width}-{scheme}", wide=view is WIDE)
        text = wanted("first", "Keep <b>them</b>").replace("holdout: 10 %", "holdout: 5 %")
        page.get_by_label("Text of the strategy").fill(text)
        page.get_by_label("A published version").select_option(index=1)
        page.get_by_role("button", name="Show what changes").click()
        expect(page.get_by_role("heading", name="What the text above changes")).to_be_visible()
        in_order(page, f"strategies-compare-{width}-{scheme}", wide=view is WIDE)


def in_order(page: Page, name: str, *, wide: bool) -> None:
    keep(page, name)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert faults_of(page, EVERYTHING if wide else OF_THE_SCREEN) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    too_wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{too_wide}.map((one) => one.ariaLabel)") == []


def test_a_version_that_was_withdrawn_is_planned_with_no_more(base: ConsoleUnderTest) -> None:
    world: Any = base.world
    with world.database.reading() as tx:
        known = publications(tx, "demo", lambda _agent: POLICIES, datetime.now(UTC))
    gone = next(one for one in known if isinstance(one, PublishedStrategy) and one.version == world.second)
    mandate_id = gone.record.mandate.document_id
    revoke_mandate(world.database, tenant="demo", mandate_id=mandate_id, by="olga", reason="enough")
    with base.signed_in("olga", "operator") as http:
        assert f'name="with.{world.second}"' not in http.get(PAGE).text
        refused = posted(http, "plan", **{f"with.{world.second}": "1"})
        assert (refused.status_code, "is not in force now" in refused.text) == (422, True)
