"""The page and the endpoint of outcomes: sentences, drawings with their table, a file; nothing of what was altered."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from placet.contracts.outcomes.estimate import EstimatedMeasure, NotDecided, StrategyEstimate
from placet.contracts.outcomes.figures import Between, Unknown
from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.decisioning.assignment.shares import assign
from placet.service.outcomes.counting import count_all
from placet.service.outcomes.estimating import estimate
from placet.service.outcomes.questions import control_questions
from placet.service.outcomes.reporting import show_outcomes
from placet.service.state.taking import take_events
from tests.integration.strategies.publishing import crowd, crowded, head, published, rolled, strategy_of
from tests.support.browser import EVERYTHING, NARROW, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.passkeys import at_localhost
from tests.support.servers.console import ConsoleUnderTest

pytestmark = pytest.mark.xdist_group("console-browser")

TITLE = "Keep <b>them</b>"
LATER = timedelta(days=41)
WHOLE = (
    crowded("outcomes_shown", TITLE)
    .replace("holdout: 10 %", "holdout: 40 %")
    .replace("stages: [10 %, 25 %, 50 %, 100 %]", "stages: [100 %]")
)


@pytest.fixture(scope="module")
def counted(console: ConsoleUnderTest) -> str:
    """Return the version of a strategy of which a month is counted: the treated recharge more."""
    world: Any = console.world
    crowd(world.database)
    version = published(world.database, WHOLE, head(world.database, world.root, "holly"))
    rolled(world.database, version, looks=0)
    now, of = datetime.now(UTC), strategy_of(WHOLE)
    events = []
    for number in range(400):
        customer = f"X{number:04}"
        held = assign(of.name, customer, holdout_bp=of.holdout, weights={}).held_out
        minor = 1000 + 7 * number + 13 * (number % 11) + (0 if held else 500)
        events.append(
            {
                "specversion": "1.0",
                "id": f"after-{number}",
                "source": "bss",
                "type": "placet.balance.recharged.v1",
                "subject": f"customer:{customer}",
                "time": (now + timedelta(days=4)).isoformat(),
                "data": {"amount": {"amount_minor": minor, "currency": "USD"}},
            }
        )
    texts = [json.dumps(one).encode() for one in events]
    later = now + timedelta(days=5)
    assert take_events(world.database, "demo", texts, now=later, oldest=now - timedelta(days=90)).refused == ()
    assert count_all(world.database, "demo", now + timedelta(days=40)) > 0
    return version


@pytest.fixture(autouse=True)
def in_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let people look when the days are over."""

    def later(*arguments: Any) -> Any:
        return partial(show_outcomes, now=datetime.now(UTC) + LATER)(*arguments[:5])

    def questions(*arguments: Any, **others: Any) -> Any:
        return partial(control_questions, now=datetime.now(UTC) + LATER)(*arguments[:5], **others)

    def estimates(*arguments: Any, **others: Any) -> Any:
        return partial(estimate, now=datetime.now(UTC) + LATER)(*arguments[:5], **others)

    for where in ("console.pages", "http.endpoints"):
        monkeypatch.setattr(f"placet.interfaces.{where}.live.outcomes.show_outcomes", later)
        monkeypatch.setattr(f"placet.interfaces.{where}.live.outcomes.control_questions", questions)
        monkeypatch.setattr(f"placet.interfaces.{where}.live.outcomes.estimate", estimates)


def test_the_page_says_what_changed_and_offers_a_table(console: ConsoleUnderTest, counted: str) -> None:
    page = f"/console/strategies/{counted}/outcomes"
    with console.signed_in("otto", "auditor") as http:
        shown = http.get(page).text
        assert "Outcomes of Keep &lt;b&gt;them&lt;/b&gt;" in shown
        assert "<b>them" not in shown
        assert "Customers who were treated spent " in shown
        assert " USD more a month than the control group; with 95 % confidence between " in shown
        assert '<svg class="interval"' in shown
        assert "Figures of Spend in 30 days, treated less control group" in shown
        assert "(what it is for)" in shown
        assert "placet strategy outcomes outcomes_shown --days 30 --verify" in shown
        assert "Five standing questions" in shown
        assert "Is it better to do something than nothing?" in shown
        assert "can never be said from customers who fell out" in shown
        assert f'href="{page}"' in http.get(f"/console/strategies/{counted}").text
        table = http.get(f"{page}.csv?days=30")
        assert table.headers["content-type"].startswith("text/csv")
        assert 'filename="outcomes-outcomes_shown-30.csv"' in table.headers["content-disposition"]
        assert len(list(csv.DictReader(io.StringIO(table.text)))) > 5
        assert "no customer&#39;s 365 days are over" in http.get(f"{page}?days=365").text.lower()
        assert http.get("/console/strategies/unheard_of/outcomes").status_code == 404
    with console.client() as nobody:
        assert nobody.get(page).status_code in (303, 401)


def test_what_was_altered_is_shown_to_nobody(console: ConsoleUnderTest, counted: str) -> None:
    world: Any = console.world
    alter = "UPDATE outcome SET marks = marks + :by WHERE customer_id = 'X0007' AND days = 7"
    try:
        with world.database.transaction() as tx:
            tx.connection.execute(text(alter), {"by": 4})
            # The report on the record has its own digest: without it the rows are read, and not believed.
            tx.connection.execute(text("UPDATE outcome SET batch = 2 WHERE customer_id = 'X0007' AND days = 7"))
        with console.signed_in("otto", "auditor") as http:
            answer = http.get(f"/console/strategies/{counted}/outcomes?days=7")
            assert answer.status_code == 422
            assert "No figure is shown" in answer.text
            assert http.get(f"/console/strategies/{counted}/outcomes.csv?days=7").status_code >= 400
    finally:
        with world.database.transaction() as tx:
            tx.connection.execute(text(alter), {"by": -4})
            tx.connection.execute(text("UPDATE outcome SET batch = 1 WHERE customer_id = 'X0007' AND days = 7"))


def test_the_api_answers_the_same_as_json_and_as_a_table(console: ConsoleUnderTest, counted: str) -> None:
    with console.client() as http:
        path, token = f"/v1/strategies/{counted}/outcomes", console.token("otto", "auditor")
        own = {"Authorization": f"Bearer {token}"}
        found = http.get(path, params={"by": "arm"}, headers=own)
        assert found.status_code == 200
        group = next(one for one in found.json()["groups"] if one["kind"] == "all")
        assert group["measures"][0]["primary"] is True
        assert any(one["said"].startswith("Customers who were treated spent") for one in group["measures"])
        table = http.get(path, headers={**own, "Accept": "text/csv"})
        assert table.headers["content-type"].startswith("text/csv")
        assert http.get(path, params={"days": "31"}, headers=own).status_code == 422
        assert http.get("/v1/strategies/unheard_of/outcomes", headers=own).status_code == 404
        assert http.get(path).status_code == 401
        asked = http.get(f"/v1/strategies/{counted}/questions", params={"days": "30"}, headers=own)
        assert asked.status_code == 200
        assert [one["question"] for one in asked.json()["answers"]] == [
            "any_action", "ranking", "levers", "score", "rules"
        ]  # fmt: skip
        assert all(one["said"] for one in asked.json()["answers"])
        assert http.get("/v1/strategies/unheard_of/questions", headers=own).status_code == 404


def test_a_changed_text_is_estimated_over_http_and_on_the_page(console: ConsoleUnderTest, counted: str) -> None:
    changed = WHOLE.replace("title: ", "title: Now ")
    with console.client() as http:
        own = {"Authorization": f"Bearer {console.token('otto', 'auditor')}"}
        found = http.post("/v1/strategies/estimate", json={"text": changed}, headers=own)
        assert found.status_code == 200, found.text
        said = found.json()
        assert (said["version"], said["measures"], said["why_not"]["code"]) == (counted, [], "nobody")
        assert said["not_decided"][0]["why"] == "undecided"
        assert http.post("/v1/strategies/estimate", json={"text": "form: none"}, headers=own).status_code == 422
        other = {"text": changed.replace("outcomes_shown", "unheard_of")}
        assert http.post("/v1/strategies/estimate", json=other, headers=own).status_code == 404
        assert http.post("/v1/strategies/estimate", json={"text": changed}).status_code == 401
    with console.signed_in("otto", "auditor") as http:
        token = re.search(r'name="form_token" value="([^"]+)"', http.get("/console/strategies").text)
        assert token is not None
        form = {"form_token": token[1], "do": "estimate", "text": changed}
        shown = http.post("/console/strategies", data=form)
        for _ in range(50):
            if "Decisions are being made again" not in shown.text:
                break
            shown = http.post("/console/strategies", data=form)
        assert "What it would bring cannot be said: no decision of the published version" in shown.text


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_used_by_everybody(
    console: ConsoleUnderTest, counted: str, browser: Browser, scheme: Any
) -> None:
    url, narrow = at_localhost(console.url), scheme == "dark"
    viewport = NARROW if narrow else WIDE
    with context_of(browser, url, color_scheme=scheme, viewport=viewport) as context:
        page = context.new_page()
        page.goto("/console/rollouts")
        page.get_by_label("Your token").fill(console.token("otto", "auditor"))
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.goto(f"/console/strategies/{counted}/outcomes")
        expect(page.get_by_role("heading", name="What it changed in 30 days")).to_be_visible()
        keep(page, f"outcomes-{scheme}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert faults_of(page, EVERYTHING) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_estimate_can_be_read_by_everybody(
    console: ConsoleUnderTest, counted: str, browser: Browser, scheme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = an_estimate(counted)
    monkeypatch.setattr("placet.interfaces.console.pages.live.outcomes.estimate", lambda *_, **__: made)
    url, viewport = at_localhost(console.url), NARROW if scheme == "dark" else WIDE
    with context_of(browser, url, color_scheme=scheme, viewport=viewport) as context:
        page = context.new_page()
        page.goto("/console/strategies")
        page.get_by_label("Your token").fill(console.token("otto", "auditor"))
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.goto("/console/strategies")
        page.get_by_label("Text of the strategy").fill(WHOLE.replace("title: ", f"title: {scheme.title()} "))
        page.get_by_role("button", name="Estimate", exact=True).click()
        expect(page.get_by_role("heading", name="What it would bring in 30 days")).to_be_visible()
        expect(page.get_by_role("cell", name="Cannot be said: too few").first).to_be_visible()
        keep(page, f"estimate-{scheme}")
        assert faults_of(page, EVERYTHING) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def an_estimate(version: str) -> StrategyEstimate:
    """Return an estimate with a figure and with one that is not known."""
    figure = OffPolicyEstimate(
        estimator="dr", unit="amount", decisions=400, matched=70, effective=60, logged=5 * 10**9, rule=5 * 10**9,
        value=6 * 10**9, between=Between(low=5 * 10**9, high=7 * 10**9), difference=10**9,
        difference_between=Between(low=10**8, high=2 * 10**9), confidence_bp=9_500,
    )  # fmt: skip
    few = Unknown(code="too_few", detail="too few")
    spend = EstimatedMeasure(measure="spend", title="Spend", unit="amount", primary=True, ips=few, snips=few, dr=figure)
    churn = EstimatedMeasure(measure="churn", title="Churn", unit="share", primary=False, ips=few, snips=few, dr=few)
    return StrategyEstimate(
        strategy="outcomes_shown", title=TITLE, version=version, changed="a" * 64, days=30, currency="USD", counted=420,
        decisions=410, not_decided=(NotDecided(why="undecided", customers=10),), alike=300, never=10, tried=30,
        simulated=420, why_not=None, more=None, measures=(spend, churn),
    )  # fmt: skip
