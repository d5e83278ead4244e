"""A strategy in a form: opened, changed in every section, refused where it is wrong, and its text taken along."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from placet.contracts.text import one_line
from placet.decisioning.cohorts.cohort import cohort_of
from placet.entrypoints.processes.process import await_condition
from placet.interfaces.console.jobs import Busy, Jobs
from placet.service.cohorts import preview
from placet.service.strategies.checking import check_text
from placet.service.strategies.given import LONGEST
from tests.integration.console.flows.test_console_cohorts import CUSTOMERS, base
from tests.integration.console.flows.test_console_strategies import TODAY, WIDELY, in_order, opened, typed_of
from tests.support.browser import NARROW, WIDE, needs_chromium
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest, form_token
from tests.unit.console.test_strategy_form import ELSEWHERE, HOSTILE, WRONG
from tests.unit.strategies.texts import SOUND, edited

__all__ = ["base"]

pytestmark = pytest.mark.xdist_group("console-browser")

FORM = "/console/strategies/form"


class Sent(HTMLParser):
    """The fields of the form as a browser would send them, and everything that stands at a place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._within, self._area, self._select = False, "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._within = given.get("id") == "edit"
        if not self._within:
            return
        name = given.get("name", "")
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.fields[name] = given.get("value", "")
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # A browser drops the line break after the tag.
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._within = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data


def begun(http: httpx.Client, text: str) -> dict[str, str]:
    """Open a text in the form, and return the fields that it shows."""
    token = form_token(http.get("/console/strategies").text)
    answer = http.post(FORM, data={"form_token": token, "do": "open", "text": text})
    assert answer.status_code == 200, answer.text
    return Sent(answer.text).fields


def pressed(http: httpx.Client, fields: dict[str, str], do: str, **changed: str) -> httpx.Response:
    return http.post(FORM, data={**fields, "do": do, **changed})


def text_in(page: str) -> str:
    return html.unescape(page.partition('name="text" value="')[2].partition('"')[0])


def said_at(page: str, place: str) -> str:
    found = re.search(rf'id="{re.escape(place)}-said">(.*?)</ul>', page, re.DOTALL)
    return html.unescape(re.sub("<[^>]+>", "", found[1])) if found else ""


def test_a_text_comes_back_as_the_same_version(base: ConsoleUnderTest) -> None:
    with base.signed_in("otto", "auditor") as http:
        for text in (SOUND, WIDELY):
            page = pressed(http, begun(http, text.replace("\n", "\r\n")), "check")
            assert page.status_code == 200
            assert "Nothing: it says the same as the text that you began with." in page.text
            assert check_text(text_in(page.text)).digest == check_text(text).digest


def test_a_ready_strategy_begins_in_the_form(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        page = http.get(FORM)
        assert page.status_code == 200
        fields = {"form_token": form_token(page.text), "package": "win_back", "market": "ke", "name": "ours"}
        begin = http.post(FORM, data={**fields, "do": "package", "monthly": "800.00 KES"})
        assert begin.status_code == 200
        shown = Sent(begin.text).fields
        assert (shown["name"], shown["market.currency"]) == ("ours", "KES")
        assert check_text(text_in(pressed(http, shown, "check").text)).findings == ()
        refused = http.post(FORM, data={**fields, "do": "package", "monthly": ""})
        assert refused.status_code == 422
        assert "say what a customer of this market (Kenya) spends" in refused.text
        kept = http.post(FORM, data={**fields, "do": "package", "monthly": "800.00 KES", "text": "mine"})
        assert kept.status_code == 422
        assert typed_of(kept.text) == "mine"


@pytest.mark.parametrize(
    "text", ["", "k: [", edited(("holdout: 10 %", "holdout: 10")), SOUND + "#" * LONGEST, *HOSTILE]
)
def test_a_text_that_cannot_be_a_form_is_kept_as_it_is(base: ConsoleUnderTest, text: str) -> None:
    with base.signed_in("olga", "operator") as http:
        token = form_token(http.get("/console/strategies").text)
        refused = http.post(FORM, data={"form_token": token, "do": "open", "text": text})
        assert refused.status_code == 422
        assert typed_of(refused.text) == text
        assert 'role="alert"' in refused.text


@pytest.mark.parametrize(("path", "typed", "said"), WRONG)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    base: ConsoleUnderTest, path: str, typed: str, said: str
) -> None:
    with base.signed_in("olga", "operator") as http:
        page = pressed(http, begun(http, SOUND), "check", **{path: typed})
    assert page.status_code == 200
    place = ELSEWHERE.get(path, path)
    told = said_at(page.text, place)
    assert told if said == "of the condition" else said.lower() in told.lower()
    assert Sent(page.text).fields[path] == typed
    assert f'<a href="#{place}">' in page.text
    assert "Use this text" not in page.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_a_value(base: ConsoleUnderTest, hostile: str) -> None:
    paths = ("title", "about", "cohort", "treatments.0.title", "treatments.0.eligible.0.otherwise", "rollout.hold_days")
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, SOUND)
        page = pressed(http, fields, "check", **dict.fromkeys(paths, hostile))
        assert page.status_code == 200
        shown = Sent(page.text).fields
        for path in paths:
            assert shown[path].strip() == hostile.strip()
        assert said_at(page.text, "rollout.hold_days")
        assert "<script>alert" not in page.text
        # What is told of it shows nothing unseen.
        assert "\u202e" not in page.text.replace(html.escape(hostile), "")
        alone = pressed(http, fields, "check", title=hostile)
        if "Use this text" in alone.text:
            again = check_text(text_in(alone.text))
            assert again.sound
            assert one_line(hostile) in next(line.words for line in again.told if line.heading == "is")


def test_what_is_tampered_with_is_refused_or_told(base: ConsoleUnderTest) -> None:
    with base.client() as http:
        assert http.get(FORM).status_code == 303
        assert http.post(FORM, data={"do": "open", "text": SOUND}).status_code == 401
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, SOUND)
        assert pressed(http, {**fields, "form_token": "x"}, "check").status_code == 403
        foreign = http.post(FORM, data={**fields, "do": "check"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
        for began in ("", "k: &a [*a]", "<b>", SOUND + "#" * LONGEST):
            page = pressed(http, fields, "check", began=began)
            assert page.status_code == 200
            assert "The text that you began with has errors: what changed is not told." in page.text
            assert check_text(text_in(page.text)).digest == check_text(SOUND).digest
        for do in ("", "publish", "add title 0", "remove treatments.9", "up ../x", "add treatments 9"):
            page = pressed(http, fields, do)
            assert page.status_code == 422
            assert "No button of this page asks for that" in page.text
            assert {**Sent(page.text).fields, "began": ""} == {**fields, "began": ""}
        assert pressed(http, fields, "effect", text="k: [").status_code == 422
        kind = pressed(http, fields, "check", **{"treatments.0.action.kind": "wire_money"})
        assert "Use this text" not in kind.text
        many = {f"treatments.{number}.title": "x" for number in range(999)}
        assert "Use this text" not in pressed(http, {**fields, **many}, "check").text
        assert http.post(FORM, data={**fields, **{f"x{number}": "" for number in range(5_000)}}).status_code == 400
        assert pressed(http, fields, "check", about="é" * 400_000).status_code == 413
        long = pressed(http, fields, "check", about="x" * (LONGEST + 1))
        assert long.status_code == 422
        assert "at most 32,000 are read" in long.text
        assert len(Sent(long.text).fields["about"]) == LONGEST + 1


def test_lists_grow_shrink_and_are_arranged(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, SOUND)

        def press(do: str, **changed: str) -> dict[str, str]:
            page = pressed(http, fields, do, **changed)
            assert page.status_code == 200, page.text
            return Sent(page.text).fields

        # Nothing of what was typed is lost on the way, though it is wrong.
        fields = press("add rollout.guard_rails 0", **{"budget.total": "much"})
        assert fields["budget.total"] == "much"
        assert fields["rollout.guard_rails.2.sample"] == "500"
        fields = press("add treatments 0", **{"budget.total": "5000"})
        assert fields["treatments.2.action.kind"] == "adjust_balance"
        fields = press("up treatments.2")
        assert fields["treatments.2.code"] == "saver_plan"
        fields = press("remove treatments.1")
        fields = press("down treatments.0")
        assert [fields[f"treatments.{number}.code"] for number in (0, 1)] == ["saver_plan", "loyalty_credit"]
        fields = press("remove rollout.guard_rails.2")
        fields = press("add treatments.1.eligible 0")
        fields |= {"treatments.1.eligible.1.when": "refusals_90d < 2", "treatments.1.eligible.1.otherwise": "Is tired"}
        fields = press("up treatments.1.eligible.1")
        after = text_in(pressed(http, fields, "check").text)
        codes = re.findall(r"code: (\w+)", after)
        assert codes == [
            "us",
            "saver_plan",
            "no_internet",
            "loyalty_credit",
            "is_tired",
            "open_ticket",
            "disputes",
            "high_risk",
        ]
        assert check_text(after).sound
        arms = after.partition("arms:")[2]
        assert re.findall(r"treatments: (\[.*\])", arms) == ["[loyalty_credit]", "[loyalty_credit, saver_plan]"]


def test_conditions_come_from_lists_and_are_counted(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, WIDELY)
        fields = Sent(pressed(http, fields, "segment", target="cohort", segment="postpaid").text).fields
        wanted = {"target": "cohort", "column": "tenure_days", "compared": ">=", "wanted": "0"}
        fields = Sent(pressed(http, fields, "column", **wanted).text).fields
        assert fields["cohort"] == "app_visits_30d >= 2 AND bills_issued_90d > 0 AND tenure_days >= 0"
        wrong = pressed(http, fields, "column", **{**wanted, "wanted": "many"})
        assert wrong.status_code == 422
        assert "write a number, such as 30" in wrong.text
        assert Sent(wrong.text).fields["cohort"] == fields["cohort"]
        one, found = cohort_of("app_visits_30d >= 2"), list[str]()
        members = preview(base.world.database, "demo", one, datetime.now(UTC)).members

        def counted() -> bool:
            found.append(pressed(http, fields, "count", cohort=one.written).text)
            return "They are being counted" not in found[-1]

        await_condition(counted, seconds=GUARD, what="the condition being counted")
        assert f"It has {members} of {CUSTOMERS} customers now." in found[-1]
        assert "have simulated events: nothing of them is real" in found[-1]
        fault = pressed(http, fields, "count", cohort="npz > 3")
        assert fault.status_code == 422
        assert "no column is called" in fault.text.partition('id="count"')[2]


def test_where_too_much_is_asked_for_at_once_what_was_typed_stays(
    base: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_check_room", lambda _jobs: (_ for _ in ()).throw(Busy))
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, WIDELY)
        refused = pressed(http, fields, "preview", name="never_seen", title="As I typed it")
    assert refused.status_code == 503
    assert "other long work is under way here" in refused.text
    assert Sent(refused.text).fields["title"] == "As I typed it"


@contextmanager
def form_of(browser: Browser, base: ConsoleUnderTest, text: str = WIDELY, **options: Any) -> Iterator[Page]:
    """Open a text in the form, as somebody does it."""
    with opened(browser, base, **options) as page:
        page.get_by_label("Text of the strategy").fill(text)
        page.get_by_role("button", name="Change it in a form").press("Enter")
        expect(page.get_by_role("heading", name="Edit a strategy")).to_be_visible()
        yield page


CHANGED = {
    "title": "A thank-you for those who visit the app",
    "about": "A smaller credit, and a bonus in the app.",
    "cohort": "app_visits_30d >= 1",
    "treatments.0.title": "Thank-you credit",
    "treatments.0.action.of_monthly": "12.5",
    "contact.most_per_period": "1",
    "contact.quiet_hours": "20:00 to 10:00",
    "budget.total": "4000.00",
    "value.margin": "40",
    "holdout": "15",
    "arms.0.share": "40",
    "arms.1.share": "60",
    "rollout.stages": "20, 100",
    "rollout.hold_days": "10",
    "rollout.guard_rails.0.by_more_than": "1",
    "rollout.guard_rails.1.sample": "600",
    "term.last": str(TODAY.replace(year=TODAY.year + 1, day=1)),
}
"""Something in every section of the form."""


@needs_chromium
@pytest.mark.parametrize(
    ("width", "view", "scheme", "script"),
    [("1280", WIDE, "light", True), ("390", NARROW, "dark", True), ("plain", WIDE, "dark", False)],
)
def test_every_section_is_changed_and_the_text_is_sound(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str, script: bool
) -> None:
    options: dict[str, Any] = {"viewport": view, "color_scheme": scheme, "java_script_enabled": script}
    with form_of(browser, base, **options) as page:
        if script:
            in_order(page, f"strategy-form-{width}", wide=view is WIDE)
        page.locator("#treatments\\.0 > summary").click() if not script else None
        for path, value in CHANGED.items():
            field(page, path).fill(value)
        field(page, "objective.within_days").select_option("30")
        field(page, "contact.channels.email").check()
        field(page, "contact.channels.sms").uncheck()
        page.get_by_role("button", name="Show what changes").first.press("Enter")
        expect(page.get_by_role("heading", name="What changes")).to_be_visible()
        changed = page.get_by_role("region", name="Changes in words")
        for words in ("Thank-you credit", "12.5 % of what they spend", "4000.00 USD in all", "15 % of them are never"):
            expect(changed.get_by_text(words).first).to_be_visible()
        expect(page.get_by_text("The control group grows")).to_be_visible()
        if script:
            in_order(page, f"strategy-form-changed-{width}", wide=view is WIDE)
        page.get_by_role("button", name="Preview").first.click()
        if not script:
            look_again(page)
        effect = page.get_by_role("region", name="Figures side by side")
        expect(effect.get_by_role("row", name="Customers for whom it is")).to_contain_text(f"of {CUSTOMERS}")
        expect(effect.get_by_role("row", name="Budget")).to_contain_text("4000.00 USD, enough for that")
        if script:
            in_order(page, f"strategy-form-effect-{width}", wide=view is WIDE)
        page.get_by_role("button", name="Use this text").press("Enter")
        expect(page.get_by_role("heading", name="What the text says")).to_be_visible()
        checked = check_text(page.get_by_label("Text of the strategy").input_value())
        assert checked.sound, checked.findings
        words = " ".join(line.words for line in checked.told)
        assert "push, agent, email" in words
        assert "20 %, 100 % of those outside the control group, each watched 10 days" in words
        assert "complaints may not rise by more than 1 point against" in words
        assert "measured 30 days after each decision" in words


def field(page: Page, path: str) -> Any:
    found = page.locator(f'#edit [name="{path}"]')
    if path.startswith("treatments.") and not found.is_visible():
        page.locator(f'[id="{".".join(path.split(".")[:2])}"] > summary').click()
    return found


def look_again(page: Page) -> None:
    """Without scripts the page shows by a button what is under way."""
    again = page.get_by_role("button", name="Look again")

    def shown() -> bool:
        if again.count():
            again.click()
        return again.count() == 0

    await_condition(shown, seconds=GUARD, what="the base being looked through")


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "dark"), ("390", NARROW, "light")])
def test_what_is_wrong_is_found_by_keyboard_and_is_in_order(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    with form_of(browser, base, viewport=view, color_scheme=scheme) as page:
        page.get_by_role("button", name="Add money on the balance").press("Enter")
        expect(field(page, "treatments.3.title")).to_be_focused()
        page.keyboard.type("Extra credit")
        # Enter in a field shows what changes, and removes nothing.
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="What is wrong")).to_be_visible()
        expect(field(page, "treatments.3.title")).to_have_value("Extra credit")
        field(page, "budget.total").fill("much")
        field(page, "rollout.stages").fill("50, 20")
        page.get_by_role("button", name="Show what changes").first.press("Enter")
        expect(page.get_by_text("beside its field")).to_be_visible()
        in_order(page, f"strategy-form-wrong-{width}", wide=view is WIDE)
        page.get_by_role("link", name="How much money, In all, at most").press("Enter")
        expect(field(page, "budget.total")).to_be_focused()
        expect(field(page, "budget.total")).to_have_attribute("aria-invalid", "true")
        page.get_by_role("link", name="Treatment 4, Never more than").press("Enter")
        expect(field(page, "treatments.3.action.at_most")).to_be_focused()
        page.locator('[id="treatments.3"]').get_by_role("button", name="Remove Treatment 4").press("Enter")
        expect(page.locator('[id="treatments.3"]')).to_have_count(0)
        page.get_by_role("button", name="How many does it have now?").press("Enter")
        expect(page.get_by_text(f"of {CUSTOMERS} customers now.")).to_be_visible()
        expect(field(page, "budget.total")).to_have_value("much")


@needs_chromium
def test_somebody_begins_with_a_ready_strategy_on_the_page_of_strategies(
    browser: Browser, base: ConsoleUnderTest
) -> None:
    with opened(browser, base) as page:
        page.get_by_text("Begin with a ready strategy").click()
        page.get_by_label("Ready strategy").select_option("churn_prevention")
        page.get_by_label("What a customer spends in a month").fill("80.00 USD")
        page.get_by_label("Name of the strategy").fill("ours")
        page.get_by_role("button", name="Open it in a form").click()
        expect(page.get_by_role("heading", name="Edit a strategy")).to_be_visible()
        expect(field(page, "name")).to_have_value("ours")
        keeps = field(page, "treatments.0.value.of")
        expect(field(page, "treatments.0.value.removes")).to_be_visible()
        expect(page.locator('[name="treatments.0.value.chance"]')).to_be_hidden()
        keeps.select_option("taking_up")
        expect(page.locator('[name="treatments.0.value.removes"]')).to_be_hidden()
        expect(page.locator('[name="treatments.0.value.chance"]')).to_be_visible()
