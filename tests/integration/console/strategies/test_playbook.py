"""The first 90 days: each step follows from the record, for a tenant with nothing and for one that scales."""

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine, text

from placet.service.rollouts.ordering import stop_rollout, take_order
from placet.service.strategies.playbook import Playbook, playbook
from tests.integration.http.calling import TOKEN
from tests.integration.strategies.publishing import (
    POLICIES,
    crowd,
    crowded,
    head,
    order_to,
    published,
    rolled,
    signed_order,
)
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.databases import disarm
from tests.support.programs.placet_process import placet
from tests.support.servers.console import ConsoleUnderTest

pytestmark = pytest.mark.xdist_group("console-browser")

PAGE = "/console/playbook"


def stands(console: ConsoleUnderTest) -> Playbook:
    return playbook(console.world.database, "demo", lambda _agent: POLICIES, ("retention",), datetime.now(UTC))


def states(console: ConsoleUnderTest) -> dict[str, str]:
    return {step.code: step.state for phase in stands(console).phases for step in phase.steps}


def found(console: ConsoleUnderTest, code: str) -> str:
    return next(step.found for phase in stands(console).phases for step in phase.steps if step.code == code)


def told(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())


def test_each_step_follows_from_the_record_and_none_is_ticked(console: ConsoleUnderTest) -> None:
    world: Any = console.world
    begun = stands(console)
    assert (begun.began_at, begun.day, begun.stands) == (None, None, "choose")
    assert begun.next_step is not None
    assert begun.next_step.code == "events"
    assert set(states(console).values()) == {"open"}
    with console.signed_in("olga", "operator") as http:
        words = told(http.get(PAGE).text)
        assert "Not begun: day 1 is when the first strategy is signed" in words
        assert "Go to Cohorts" in words
        assert "0 of 3 steps done" in words
    crowd(world.database)
    assert (states(console)["events"], stands(console).next_step.code) == ("done", "people")  # type: ignore[union-attr]
    hilde = world.hilde = head(world.database, world.root, "hilde")
    assert states(console)["people"] == "partly"
    head(world.database, world.root, "anna", roles=("retention_lead",))
    assert states(console)["people"] == "done"
    assert found(console, "people") == "2 people are enrolled, 1 of them as retention_head, who may publish"
    version = published(world.database, crowded("first"), hilde)
    assert (states(console)["published"], states(console)["control"]) == ("done", "done")
    assert (stands(console).day, stands(console).stands) == (1, "pilot")
    rolled(world.database, version, looks=1)
    now = states(console)
    assert (now["started"], now["given"], now["watched"]) == ("done", "open", "partly")
    assert found(console, "control").startswith("kept apart: 10 % of first")
    policies: Any = {"tenant": "demo", "policies": lambda _agent: POLICIES}
    assert states(console)["stopped"] == "open"
    stop_rollout(world.database, wanted=version, how="pause", by="olga", reason="a drill", **policies)
    assert states(console)["stopped"] == "partly"
    assert states(console)["half"] == "open"
    take_order(world.database, signed_order(world.database, "resume", hilde, version), **policies)
    assert (states(console)["stopped"], states(console)["half"]) == ("done", "partly")
    take_order(world.database, signed_order(world.database, "promote", hilde, version), **policies)
    assert states(console)["promoted"] == "done"
    assert order_to(world.database, "promote", hilde, version).number
    for name in ("second", "third"):
        assert states(console)["several"] == "partly"
        published(world.database, crowded(name), hilde)
    assert states(console)["several"] == "done"
    assert states(console)["outcomes"] == "open"


def test_the_page_the_api_and_the_command_say_the_same(console: ConsoleUnderTest) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Placet-Operator": "olga"}
    with console.client() as http:
        in_json = http.get("/v1/playbook", headers=headers).json()
    done = placet(console.world.settings.home, "playbook", "--json")
    assert done.returncode == 0, done.stderr
    ours = stands(console)
    assert in_json["phases"] == ours.model_dump(mode="json")["phases"]
    words = " ".join(placet(console.world.settings.home, "playbook").stdout.split())
    with console.signed_in("otto", "auditor") as http:
        page = told(http.get(PAGE).text)
    for phase in ours.phases:
        for step in phase.steps:
            assert step.found in words
            assert step.found[1:] in page


@needs_chromium
@pytest.mark.parametrize(("width", "view", "scheme"), [("1280", WIDE, "light"), ("390", NARROW, "dark")])
def test_the_page_is_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, console: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    with context_of(browser, console.url, viewport=view, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(PAGE)
        page.get_by_label("Your token").fill(console.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="The first 90 days")).to_be_visible()
        assert faults_of(page, EVERYTHING if view is WIDE else OF_THE_SCREEN) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        keep(page, f"playbook-{width}-{scheme}")


def test_a_row_that_somebody_changed_makes_no_step_done(console: ConsoleUnderTest) -> None:
    world: Any = console.world
    assert states(console)["published"] == "done"
    url = str(world.settings.database_url or f"sqlite:///{world.settings.home}/placet.db")
    disarm(url, "mandate")
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE mandate SET document = :other"), {"other": "0" * 64})
    now = states(console)
    assert (now["published"], now["several"], now["half"], now["promoted"]) == ("partly", "open", "open", "open")
    assert stands(console).stands == "choose"
