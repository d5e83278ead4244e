"""The pages of rollouts: stages, guard rails, who decided; held by anybody who operates, let on by a passkey alone."""

import html
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from placet.service.rollouts.ordering import stop_rollout, take_order
from placet.service.rollouts.showing import ShownRollout, show_rollout
from placet.storage.database import Database
from tests.integration.strategies.publishing import (
    POLICIES,
    crowd,
    crowded,
    head,
    published,
    rolled,
    signed_order,
)
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.passkeys import at_localhost, device_of, enrolled
from tests.support.pressing import challenge_at, hand_in, sign, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token

pytestmark = pytest.mark.xdist_group("console-browser")

PAGE = "/console/rollouts"
TITLE = "Keep <b>them</b>"
HEAD: dict[str, Any] = {"roles": ("retention_head",), "limit": "10000.00 USD"}


@pytest.fixture(scope="module")
def base(console: ConsoleUnderTest) -> ConsoleUnderTest:
    crowd(console.world.database)
    console.world.hilde = head(console.world.database, console.world.root, "hilde")  # type: ignore[attr-defined]
    return console


def made(base: ConsoleUnderTest, name: str, looks: int = 2) -> str:
    """Publish a strategy and roll it out; returns its version."""
    world: Any = base.world
    version = published(world.database, crowded(name, TITLE), world.hilde)
    rolled(world.database, version, looks=looks)
    return version


def stands(base: ConsoleUnderTest, version: str) -> ShownRollout:
    return show_rollout(base.world.database, "demo", version, lambda _agent: POLICIES)


def post(http: httpx.Client, version: str, what: str, **fields: str) -> httpx.Response:
    token = form_token(http.get(f"{PAGE}/{version}").text)
    return http.post(f"{PAGE}/{version}/{what}", data={"form_token": token, **fields})


def kinds(database: Database, version: str) -> list[str]:
    with database.reading() as tx:
        of = [event for event in tx.audit.read("tenant/demo") if event.kind.startswith("rollout.")]
    return [event.kind for event in of if event.body.get("version") in (version, None)]


def test_a_rollout_is_shown_with_its_stages_its_looks_and_who_decided(base: ConsoleUnderTest) -> None:
    version = made(base, "shown")
    with base.signed_in("otto", "auditor") as http:
        page = http.get(f"{PAGE}/{version}").text
        assert "Rollout of Keep &lt;b&gt;them&lt;/b&gt;" in page
        assert "<b>them" not in page
        assert '<li aria-current="step">10 %' in page
        found = stands(base, version)
        assert f"{found.counts.members:,}, {found.counts.control:,} of them in the control group" in page
        assert page.count('data-lines="4"') == 1  # of spend nothing is known yet
        assert "No look has a figure of it yet." in page
        for name in ("Seen", "At least", "At most", "Margin"):
            assert f'<th scope="col">{name}</th>' in page
        assert "Complaints may not rise by more than 0.5 points" in page
        assert (
            'href="/console/audit/entries/tenant%2Fdemo/' in page or 'href="/console/audit/entries/tenant/demo/' in page
        )
        entry = page.partition('href="/console/audit/entries/')[2].partition('"')[0]
        assert http.get(f"/console/audit/entries/{entry}").status_code == 200
        listed = http.get(PAGE).text
        assert f'href="{PAGE}/{version}"' in listed
        assert http.get(f"{PAGE}/shown").status_code == 200
        assert http.get(f"{PAGE}/unheard_of").status_code == 404
        # Whoever only reads is offered nothing.
        assert "Pause it" not in page
        for what in ("pause", "abort", "orders"):
            assert post(http, version, what, reason="x", sure="1", action="promote").status_code == 403
    with base.signed_in("olga", "operator") as http:
        assert "/console/audit/entries/" not in http.get(f"{PAGE}/{version}").text


def test_an_operator_starts_a_published_strategy_and_its_publisher_does_not(base: ConsoleUnderTest) -> None:
    world: Any = base.world
    version = published(world.database, crowded("begun", TITLE), world.hilde)
    fields = {"strategy": version, "channel": "push", "sure": "1"}
    with base.signed_in("hilde", "operator") as http:
        page = http.get(f"/console/strategies/{version}").text
        assert "another person must start its rollout" in page
        refused = http.post(PAGE, data={"form_token": form_token(http.get(PAGE + "/begun").text) or "", **fields})
        assert refused.status_code == 403
    with base.signed_in("olga", "operator") as http:
        page = http.get(f"/console/strategies/{version}").text
        assert "Start the rollout" in page
        assert http.post(PAGE, data=fields).status_code == 403  # without the session's token
        token = form_token(page)
        assert http.post(PAGE, data={"form_token": token, **fields, "sure": ""}).status_code == 422
        assert http.post(PAGE, data={"form_token": token, **fields, "channel": "store"}).status_code == 422
        done = http.post(PAGE, data={"form_token": token, **fields})
        assert (done.status_code, done.headers["location"]) == (303, f"{PAGE}/{version}")
        assert "in the control group" in http.get(done.headers["location"]).text
        assert stands(base, version).row.asked.channel == "push"
        assert post(http, version, "abort", reason="end of the test", sure="1").status_code == 303


def test_it_is_held_with_a_reason_and_let_on_by_a_passkey(base: ConsoleUnderTest) -> None:
    version = made(base, "held")
    hera = enrolled(base.world, base.url, "rhea", **HEAD)
    lead = enrolled(base.world, base.url, "rolf")
    with base.signed_in("olga", "operator") as http:
        assert post(http, version, "pause", reason="", sure="1").status_code == 422
        unsure = post(http, version, "pause", reason="<b>wrong</b> list")
        assert unsure.status_code == 422
        assert 'value="&lt;b&gt;wrong&lt;/b&gt; list"' in unsure.text
        assert post(http, version, "pause", reason="<b>wrong</b> list", sure="1").status_code == 303
        page = http.get(f"{PAGE}/{version}").text
        assert "Held: &lt;b&gt;wrong&lt;/b&gt; list" in page
        assert "held already" in html.unescape(post(http, version, "pause", reason="again", sure="1").text)
    assert stands(base, version).reached == 0
    with with_token(base, "rolf", "approver") as http:
        refused = post(http, version, "orders", action="resume", reason="kept")
        assert refused.status_code == 422
        assert "may not" in refused.text
        assert 'value="kept"' in refused.text
    assert lead.credential_id
    with with_token(base, "rhea", "approver") as http:
        assert post(http, version, "orders", action="destroy").status_code == 422
        place = post(http, version, "orders", action="resume", reason="mended").headers["location"]
        shown = http.get(place).text
        assert "Let the rollout of held go on?" in shown
        assert "Keep &lt;b&gt;them&lt;/b&gt;" in shown
        assert sign(http, place, hera).headers["location"] == f"{PAGE}/{version}"
        assert stands(base, version).reached == 1000
        place = post(http, version, "orders", action="promote", reason="well").headers["location"]
        shown = http.get(place).text
        assert "Roll strategy held out to 25 %?" in shown
        assert "Nothing asks for the next stage yet: " in shown
        assert sign(http, place, hera).status_code == 303
    assert (stands(base, version).stage, stands(base, version).reached) == (1, 2500)
    with base.signed_in("olga", "operator") as http:
        assert post(http, version, "abort", reason="enough", sure="1").status_code == 303
        page = http.get(f"{PAGE}/{version}").text
        assert "Ended for good: enough" in page
        assert "Pause it" not in page


def test_an_order_counts_for_what_was_shown_and_nothing_else(base: ConsoleUnderTest) -> None:
    one, other = made(base, "first_one", 0), made(base, "other_one", 0)
    device, world = enrolled(base.world, base.url, "runa", **HEAD), base.world
    hilde: Any = world.hilde  # type: ignore[attr-defined]
    with with_token(base, "runa", "approver") as http, with_token(base, "rolf", "approver") as stranger:
        place = post(http, one, "orders", action="promote").headers["location"]
        answer = device.asserted(challenge_at(http, place))
        assert stranger.get(place).status_code in (404, 409)
        elsewhere = post(http, other, "orders", action="promote").headers["location"]
        # The answer to one prompt is none to another.
        assert hand_in(http, elsewhere, answer).status_code == 422
        # Somebody orders it on meanwhile: what was shown is no longer what would happen.
        envelope = signed_order(world.database, "promote", hilde, one)
        take_order(world.database, envelope, tenant="demo", policies=lambda _agent: POLICIES)
        assert hand_in(http, place, answer).status_code == 422
        assert (stands(base, one).stage, stands(base, other).stage) == (1, 0)
        assert hand_in(http, place, answer).status_code in (404, 409)  # a prompt is answered once
        assert http.post(f"{PAGE}/{one}/orders", data={"action": "promote"}).status_code == 403
        cross = {"Sec-Fetch-Site": "cross-site"}
        token = form_token(http.get(f"{PAGE}/{one}").text)
        refused = http.post(f"{PAGE}/{one}/orders", data={"form_token": token, "action": "promote"}, headers=cross)
        assert refused.status_code == 403
    assert kinds(world.database, one).count("rollout.moved") == 1
    assert "rollout.order_refused" in kinds(world.database, one)


@contextmanager
def opened(browser: Browser, base: ConsoleUnderTest, name: str, *roles: Any, **options: Any) -> Iterator[Page]:
    url = at_localhost(base.url)
    with context_of(browser, url, **options) as context:
        page = context.new_page()
        page.goto("/console/rollouts")
        page.get_by_label("Your token").fill(base.token(name, *roles))
        page.get_by_role("button", name="Sign in", exact=True).click()
        yield page


def in_order(page: Page, name: str, *, wide: bool) -> None:
    keep(page, name)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert faults_of(page, EVERYTHING if wide else OF_THE_SCREEN) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_pages_are_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    wide, version = view is WIDE, made(base, f"seen_{width}", 4)
    device = enrolled(base.world, base.url, f"hella{width}", **HEAD)
    options: dict[str, Any] = {"viewport": view, "color_scheme": scheme}
    with opened(browser, base, f"hella{width}", "approver", "operator", **options) as page:
        device_of(page).holds(device)
        expect(page.get_by_role("heading", name="Rollouts")).to_be_visible()
        in_order(page, f"rollouts-{width}", wide=wide)
        page.locator(f'a[href="{PAGE}/{version}"]').click()
        expect(page.locator(".plot canvas")).to_have_count(1)
        in_order(page, f"rollout-{width}", wide=wide)
        page.get_by_role("button", name="Roll it out to 25 % …").click()
        expect(page.get_by_role("heading", name=f"Roll strategy seen_{width} out to 25 %?")).to_be_visible()
        in_order(page, f"rollout-sign-{width}", wide=wide)
        page.get_by_role("button", name="Roll it out to 25 %, with your passkey").click()
        expect(page.get_by_text("Reaches 25 %", exact=True)).to_be_visible()
        page.get_by_text("Pause it").click()
        page.locator("#reason-pause").fill("the list is wrong")
        page.locator("#sure-pause").check()
        page.get_by_role("button", name="Pause the rollout").click()
        expect(page.get_by_text("Held: the list is wrong")).to_be_visible()
        in_order(page, f"rollout-held-{width}", wide=wide)
        page.goto(f"/console/strategies/{version}")
        expect(page.get_by_role("heading", name="What it says")).to_be_visible()
        in_order(page, f"strategy-published-{width}", wide=wide)
        page.goto("/console/strategies")
        in_order(page, f"strategies-published-{width}", wide=wide)
        page.get_by_label("Text of the strategy").fill(crowded(f"fresh_{width}"))
        page.get_by_role("button", name="Check").click()
        page.get_by_label("Who wrote it").fill("olga")
        in_order(page, f"strategy-publish-{width}", wide=wide)
        page.get_by_role("button", name="Look at it …").click()
        expect(page.get_by_role("heading", name=f"Publish strategy fresh_{width}?")).to_be_visible()
        in_order(page, f"strategy-sign-{width}", wide=wide)
        page.get_by_role("button", name="Publish it, with your passkey").click()
        expect(page.get_by_text("You published it: another person must start its rollout.")).to_be_visible()
    assert stands(base, version).reached == 0


def test_a_rollout_that_the_record_holds_is_shown_as_held(base: ConsoleUnderTest) -> None:
    version = made(base, "recorded", 0)
    stop = {"tenant": "demo", "wanted": version, "by": "olga", "reason": "stop", "policies": lambda _agent: POLICIES}
    stop_rollout(base.world.database, how="pause", **stop)  # type: ignore[arg-type]
    with base.signed_in("olga", "operator") as http:
        page = http.get(f"{PAGE}/{version}").text
        assert '<span class="badge bad">Held</span>' in page
        assert "Nobody has looked yet." in page
