"""The pages of models of who may leave: what a person reads of them, on a desk and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.http.live.test_http_models import trained
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.servers.console import ConsoleUnderTest

pytestmark = pytest.mark.xdist_group("console-browser")


@pytest.fixture(scope="module")
def model(console: ConsoleUnderTest) -> str:
    return trained(Path(console.world.settings.home))


def test_a_person_finds_the_models_and_reads_a_card(console: ConsoleUnderTest, model: str) -> None:
    with console.signed_in("aki", "auditor") as http:
        listed = http.get("/console/models").text
        card = http.get(f"/console/models/{model}").text
        wrong = http.get("/console/models/%3Cb%3Ewrong")
        other = http.get(f"/console/models/{'0' * 64}")
    assert f'href="/console/models/{model}"' in listed
    assert "Trained last" in listed
    assert "What runs use" in listed
    for said in (
        "Of 100 pairs of one who left and one who stayed, it gives",
        "Either way",
        "Where it must not be relied on",
        "The north",
        "Tenure months",
    ):
        assert said in card
    assert "It never reads these: region." in card
    assert (wrong.status_code, "<b>wrong" in wrong.text) == (404, False)
    assert f"No churn model begins with &#39;{'0' * 64}&#39;. The list of models has those that are held." in other.text
    assert "&#39;&lt;b&gt;wrong&#39; is no digest of a model" in wrong.text


def test_a_model_that_was_changed_is_named_and_not_shown(console: ConsoleUnderTest, model: str) -> None:
    path = Path(console.world.settings.home) / "propensity" / "demo" / f"{model}.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole + b" ")
        with console.signed_in("aki", "auditor") as http:
            listed, card = http.get("/console/models"), http.get(f"/console/models/{model}")
    finally:
        path.write_bytes(whole)
    assert "it is another model, or was changed" in listed.text
    assert str(path.parent) not in listed.text
    assert (listed.status_code, card.status_code) == (200, 409)
    assert "not in order" in card.text


def test_what_is_wrong_with_the_mark_of_the_model_trained_last_is_said(console: ConsoleUnderTest, model: str) -> None:
    current = Path(console.world.settings.home) / "propensity" / "demo" / "current"
    try:
        with console.signed_in("aki", "auditor") as http:
            current.write_text("x")
            damaged = http.get("/console/models").text
            current.unlink()
            unmarked = http.get("/console/models").text
    finally:
        current.write_text(model)
    assert "Which model was trained last cannot be told: the file `current` names no model" in damaged
    assert "No model was trained last here." in unmarked
    assert model in damaged
    assert "No model was trained last here." not in damaged


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_pages_are_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, console: ConsoleUnderTest, model: str, width: str, view: dict[str, int], scheme: str
) -> None:
    with context_of(browser, console.url, viewport=view, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto("/console/customers")
        page.get_by_label("Your token").fill(console.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Customers").get_by_role("link", name="Models").click()
        expect(page.get_by_role("heading", name="Models of who may leave")).to_be_visible()
        for name in ("models", "model"):
            keep(page, f"{name}-{width}")
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            assert faults_of(page, EVERYTHING if view is WIDE else OF_THE_SCREEN) == [], name
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
            too_wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
            assert page.evaluate(f"{too_wide}.map((one) => one.ariaLabel)") == [], name
            if name == "models":
                page.locator(f'a[href="/console/models/{model}"]').click()
                expect(page.get_by_role("heading", name="How well it does")).to_be_visible()
