"""The page of strategies: a text in, what it says, what it would do; and how it looks on a desk and on a phone."""

import html
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from placet.entrypoints.processes.process import await_condition
from placet.interfaces.console.jobs import Busy, Jobs
from placet.interfaces.telling.strategy_example import EXAMPLE
from placet.service.strategies.checking import check_text, strategy_of
from placet.service.strategies.deciding import decide_for
from placet.service.strategies.given import LONGEST
from placet.service.strategies.previewing import preview
from tests.integration.console.flows.test_console_cohorts import CUSTOMERS, base
from tests.integration.http.live.test_http_strategies import BOMB
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest, form_token
from tests.unit.strategies.texts import SOUND, edited

__all__ = ["base"]

pytestmark = pytest.mark.xdist_group("console-browser")

TAKEN_UP = """\
  - code: app_bonus
    title: App bonus
    action:
      {kind: order_product, at_most: 1.00 USD, moves: [{offering: PO-bonus, title: App bonus, costs: 0.50 USD}]}
    because:
      - {when: app_visits_30d >= 3, code: uses_app, says: uses the app}
    value: {of: taking_up, chance: 40 %, worth: 9.00 USD, months: 12}
"""
TODAY = datetime.now(UTC).date()
WIDELY = edited(
    ("cohort: churn_percent >= 30 AND tenure_days >= 90", "cohort: app_visits_30d >= 2"),
    ("purpose: marketing", "purpose: service"),
    (
        "{first: 2026-12-01, last: 2027-02-28}",
        f"{{first: {TODAY - timedelta(days=5)}, last: {TODAY + timedelta(days=60)}}}",
    ),
    ("holdout: 10 %", "holdout: 5 %"),
    ("  - code: saver_plan\n", f"{TAKEN_UP}  - code: saver_plan\n"),
    ("treatments: [loyalty_credit]}", "treatments: [app_bonus]}"),
    ("treatments: [loyalty_credit, saver_plan]}", "treatments: [app_bonus, loyalty_credit, saver_plan]}"),
)
WRONG = edited(
    ("holdout: 10 %", "holdout: 10"), ("title: Loyalty credit", "title: <b>Loyalty</b>"), ("per_hour: 500", "x: 1")
)


def posted(http: httpx.Client, do: str, text: str, **fields: str) -> httpx.Response:
    """Press a button of the page."""
    token = form_token(http.get("/console/strategies").text)
    return http.post("/console/strategies", data={"form_token": token, "do": do, "text": text, **fields})


def typed_of(page: str) -> str:
    return html.unescape(page.partition('aria-describedby="text-help">\n')[2].partition("</textarea>")[0])


def settled(http: httpx.Client, text: str) -> str:
    """Press Preview until its work is done."""
    found: list[httpx.Response] = []

    def done() -> bool:
        found.append(posted(http, "preview", text))
        return "by itself" not in found[-1].text

    await_condition(done, seconds=GUARD, what="the base being looked through")
    assert found[-1].status_code == 200, found[-1].text
    return found[-1].text


def test_a_sound_text_is_said_in_words(base: ConsoleUnderTest) -> None:
    sound = EXAMPLE.replace("last: 2027-02-28", f"last: {TODAY + timedelta(days=60)}")
    sound = sound.replace("first: 2026-12-01", f"first: {TODAY}")
    with base.signed_in("anna", "approver") as http:
        answer = posted(http, "check", sound)
        assert answer.status_code == 200
        assert "Nothing is wrong with it" in answer.text
        for line in check_text(sound).told:
            assert line.words in html.unescape(answer.text)
        assert str(check_text(sound).digest) in answer.text


def test_what_is_wrong_has_its_line_and_what_was_typed_stays(base: ConsoleUnderTest) -> None:
    with base.signed_in("otto", "auditor") as http:
        # Browsers end lines in two characters, and drop the first line of a text area where it is empty.
        answer = posted(http, "check", ("\n" + WRONG).replace("\n", "\r\n"), customer_id="C7<", channel="sms")
        assert answer.status_code == 200
        assert "3 errors: nobody can sign it" in answer.text
        assert typed_of(answer.text) == "\n" + WRONG
        assert 'value="C7&lt;"' in answer.text
        assert '<option value="sms" selected>' in answer.text
        line = WRONG[: WRONG.index("holdout:")].count("\n") + 2
        assert f'data-line="{line}">Line {line}, column 1</a> <code>holdout</code>' in answer.text
        assert '<code class="excerpt">holdout: 10</code>' in answer.text
        for do in ("preview", "decide"):
            refused = posted(http, do, WRONG, customer_id="C1")
            assert refused.status_code == 422
            assert "It has an error, so that nothing can be asked by it." in refused.text
            assert f"Line {line - 1}, column 1" in refused.text
        assert "it is empty; write or paste one" in posted(http, "check", " \n").text
        assert posted(http, "check", SOUND + "# é\n" * 100_000).status_code == 413
        for longer in (SOUND + "#" * LONGEST, SOUND + "# é\n" * LONGEST):
            refused = posted(http, "check", longer)
            assert refused.status_code == 422
            assert "at most 32,000 are read here; use `placet strategy`" in refused.text
            assert typed_of(refused.text) == longer


def test_a_preview_says_what_the_command_says(base: ConsoleUnderTest) -> None:
    found = preview(base.world.database, "demo", strategy_of(WIDELY, "text"), datetime.now(UTC))
    assert found.members > found.control > 0
    with base.signed_in("olga", "operator") as http:
        page = html.unescape(settled(http, WIDELY))
    assert f"It is for {found.members} of {CUSTOMERS} customers: " in page
    assert "have simulated events: nothing of them is real" in page
    assert "too few of the treated or the control group (500 for complaints, 500 for spend)" in page
    for treatment in found.treatments:
        assert f"Costs {treatment.would_cost} for all of them, by what each spends; at most " in page
        assert f"at most {treatment.at_most} each, {treatment.in_all_at_most} in all." in page
        assert all(fell.otherwise in page for fell in treatment.removed)
    assert f"{found.budget} is enough: {found.most_cost} at most" in page


def test_the_next_best_action_has_a_card_and_all_others_a_reason(base: ConsoleUnderTest) -> None:
    database, strategy = base.world.database, strategy_of(WIDELY, "text")
    with database.reading() as tx:
        everybody = tx.states.ids("demo", "", CUSTOMERS)
    decided = [
        decide_for(database, "demo", one, [strategy], channel="agent", at=datetime.now(UTC)) for one in everybody
    ]
    chosen = next(one for one in decided if one.chosen is not None and one.chosen.because)
    nothing = next(one for one in decided if one.chosen is None)
    with base.signed_in("olga", "operator") as http:
        page = html.unescape(posted(http, "decide", WIDELY, customer_id=chosen.customer_id, channel="agent").text)
        assert "<h3>App bonus</h3>" in page
        assert "“uses the app”" in page
        assert "about 4 in 10 take it up (40 %, an assumption of the strategy)" in page
        assert "Simulated data" in page
        assert page.count('<td data-label="Why">') == len(chosen.weighed) - 1
        left = html.unescape(posted(http, "decide", WIDELY, customer_id=nothing.customer_id, channel="agent").text)
        assert "Leave them alone" in left
        for customer, channel, said in (
            ("C99999", "agent", "no event of customer 'C99999' is known"),
            ("", "agent", "Customer: "),
            ("<script>", "agent", "Customer: "),
            (chosen.customer_id, "pigeon", "Channel: "),
        ):
            refused = posted(http, "decide", WIDELY, customer_id=customer, channel=channel)
            assert refused.status_code == 422
            assert said in html.unescape(refused.text)
            assert typed_of(refused.text) == WIDELY


@pytest.mark.parametrize("text", [BOMB, "{" * 999, "\u202e\x1b[31m", f'"\\u202e{"k" * 900}": 1', "k: &a [*a]"])
def test_a_text_that_means_harm_is_shown_as_a_text(base: ConsoleUnderTest, text: str) -> None:
    with base.signed_in("olga", "operator") as http:
        answer = posted(http, "check", text)
    assert answer.status_code == 200
    assert "nobody can sign it" in answer.text
    assert "\u202e" not in answer.text.replace(html.escape(text), "")


def test_the_text_of_another_session_or_site_is_refused(base: ConsoleUnderTest) -> None:
    with base.client() as http:
        assert http.get("/console/strategies").status_code == 303
        assert http.post("/console/strategies", data={"text": SOUND}).status_code == 401
    with base.signed_in("olga", "operator") as http:
        assert http.post("/console/strategies", data={"form_token": "x", "text": SOUND}).status_code == 403


@contextmanager
def opened(browser: Browser, base: ConsoleUnderTest, **options: Any) -> Iterator[Page]:
    with context_of(browser, base.url, **options) as context:
        page = context.new_page()
        page.goto("/console/strategies")
        page.get_by_label("Your token").fill(base.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        yield page


def in_order(page: Page, name: str, *, wide: bool) -> None:
    keep(page, name)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert faults_of(page, EVERYTHING if wide else OF_THE_SCREEN) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    too_wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{too_wide}.map((one) => one.ariaLabel)") == []


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_page_is_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    wide = view is WIDE
    with opened(browser, base, viewport=view, color_scheme=scheme) as page:
        text = page.get_by_label("Text of the strategy")
        text.fill(WRONG)
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text("3 errors: nobody can sign it")).to_be_visible()
        in_order(page, f"strategy-faults-{width}", wide=wide)
        page.get_by_role("link", name="Line 44,").click()
        marked = "(text) => text.value.slice(text.selectionStart, text.selectionEnd)"
        expect(text).to_be_focused()
        assert text.evaluate(marked) == WRONG.split("\n")[43]
        text.fill(WIDELY)
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text("No error; 1 warning for whoever signs it")).to_be_visible()
        expect(page.get_by_text("must not sell, and this offers 'App bonus', 'Saver plan'")).to_be_visible()
        in_order(page, f"strategy-words-{width}", wide=wide)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="Who could get what")).to_be_visible()
        expect(page.locator(".plot canvas")).to_have_count(2)
        in_order(page, f"strategy-preview-{width}", wide=wide)
        with base.world.database.reading() as tx:
            [first] = tx.states.ids("demo", "", 1)
        page.get_by_label("Customer", exact=True).fill(first)
        page.get_by_label("Customer", exact=True).press("Enter")
        expect(page.get_by_role("heading", name=f"Next best action for {first}")).to_be_visible()
        assert text.input_value() == WIDELY
        in_order(page, f"strategy-decision-{width}", wide=wide)


def test_where_too_much_is_asked_for_at_once_the_text_stays(
    base: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_check_room", lambda _jobs: (_ for _ in ()).throw(Busy))
    busy = WIDELY.replace("name: keep_at_risk", "name: keep_busy")
    with base.signed_in("olga", "operator") as http:
        refused = posted(http, "preview", busy)
    assert refused.status_code == 503
    assert "other long work is under way here" in refused.text
    assert typed_of(refused.text) == busy


@needs_chromium
def test_what_is_typed_while_customers_are_looked_at_is_not_lost(
    browser: Browser, base: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slowly(*asked: Any) -> Any:
        assert go_on.wait(GUARD)
        return preview(*asked)

    monkeypatch.setattr("placet.interfaces.console.pages.live.strategies.preview", slowly)
    slow = WIDELY.replace("name: keep_at_risk", "name: keep_slowly")
    with opened(browser, base) as page:
        text = page.get_by_label("Text of the strategy")
        text.fill(slow)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="All customers are being looked at")).to_be_visible()
        assert faults_of(page) == []
        text.fill(f"{slow}# more")
        go_on.set()
        expect(page.get_by_role("heading", name="Who could get what")).to_be_visible()
        expect(page.locator(".plot canvas")).to_have_count(2)
        assert text.input_value() == f"{slow}# more"


def test_a_ready_strategy_is_written_into_the_empty_field_and_over_nothing(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        fields = {"package": "win_back", "market": "ke", "monthly": "800.00 KES", "name": "ours"}
        page = posted(http, "package", "", **fields)
        assert page.status_code == 200
        checked = check_text(typed_of(page.text))
        assert (checked.name, checked.findings) == ("ours", ())
        assert "Nothing is wrong with it" in page.text
        full = posted(http, "package", "mine", **fields)
        assert full.status_code == 422
        assert (typed_of(full.text), "The text field is not empty" in full.text) == ("mine", True)
        for wrong, said in (
            ({**fields, "monthly": ""}, "say what a customer of this market (Kenya) spends"),
            ({**fields, "monthly": "much"}, "amount 'much' is malformed"),
            ({**fields, "package": ""}, "no package is called ''"),
            ({**fields, "name": "<b>"}, "'<b>' is no name of a strategy"),
        ):
            page = posted(http, "package", "", **wrong)
            assert page.status_code == 422
            assert said in html.unescape(page.text)


@needs_chromium
def test_a_newcomer_begins_with_a_ready_strategy_in_a_browser(browser: Browser, base: ConsoleUnderTest) -> None:
    with opened(browser, base) as page:
        page.get_by_text("Begin with a ready strategy").click()
        page.get_by_label("Ready strategy").select_option("win_back")
        # The text field must be filled for every other button, and is empty for this one.
        page.get_by_role("button", name="Write it").click()
        expect(page.get_by_text("Nothing is wrong with it")).to_be_visible()
        assert check_text(page.get_by_label("Text of the strategy").input_value()).name == "win_back"
