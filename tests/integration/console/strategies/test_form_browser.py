"""A strategy in a form, in a real browser: every section, the keyboard, a phone, and a session that ends."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from placet.entrypoints.processes.process import await_condition
from placet.interfaces.console.sessions import IDLE
from placet.service.strategies.checking import check_text
from tests.integration.console.flows.test_console_cohorts import CUSTOMERS, base
from tests.integration.console.flows.test_console_strategies import TODAY, in_order, opened
from tests.integration.console.strategies.form_pages import FORM, form_of
from tests.support.browser import NARROW, WIDE, needs_chromium
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest

__all__ = ["base"]

pytestmark = pytest.mark.xdist_group("console-browser")

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


@needs_chromium
def test_what_was_typed_outlives_the_session(browser: Browser, base: ConsoleUnderTest) -> None:
    with form_of(browser, base) as page:
        page.locator("[id='title']").fill("Typed <b>before</b>")
        page.locator("[id='contact.channels.email']").check()
        base.clock.ahead += IDLE
        try:
            page.get_by_role("button", name="Show what changes").first.click()
            page.get_by_role("link", name="Sign in").click()
            page.get_by_label("Your token").fill(base.token("olga", "operator"))
            page.get_by_role("button", name="Sign in").click()
            said = "What you had written before your session ended is here again. Nothing was sent."
            expect(page.get_by_text(said)).to_be_visible()
            expect(page.locator("[id='title']")).to_have_value("Typed <b>before</b>")
            expect(page.locator("[id='contact.channels.email']")).to_be_checked()
            page.get_by_role("button", name="Show what changes").first.click()
            expect(page.get_by_role("heading", name="What changes")).to_be_visible()
            # It came back once: whoever begins anew begins with nothing.
            page.goto(FORM)
            expect(page.get_by_text(said)).to_have_count(0)
        finally:
            base.clock.ahead -= IDLE
