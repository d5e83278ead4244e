"""The ready package for new customers goes through its steps, end to end; and whoever looks sees it on every face."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import delete

from placet.contracts.money import parse_money
from placet.decisioning.strategies.packages import market_named, packages, written
from placet.errors import GovernanceError, UsageError
from placet.governance.policy.set import PolicySet
from placet.interfaces.http.app import create_app
from placet.service.journeys.showing import list_journeys, show_journey, show_strategy
from placet.service.strategies.checking import strategy_of
from placet.storage.tables import JOURNEY
from tests.integration.http.calling import TOKEN, engine_at
from tests.support.strategies.published import IN_BOTH, Shop
from tests.support.strategies.travelling import Trip, entered


def _policies(shop: Shop) -> Any:
    def policies(_agent: str) -> PolicySet:
        return shop.policies

    return policies


def test_onboarding_welcomes_waits_for_first_use_rests_helps_and_ends(shop: Shop) -> None:
    package = next(one for one in packages() if one.name == "onboarding")
    first = (datetime.now(UTC) - timedelta(days=2)).date()
    monthly = parse_money("40.00 USD")
    text = written(package, market_named("us"), name="welcome_home", monthly=monthly, first=first, days=60)
    edits = (("20000.00 USD", "100.00 USD"), ("stages: [10 %, 25 %, 50 %, 100 %]", "stages: [99 %, 100 %]"))
    for old, new in edits:
        assert old in text, text
        text = text.replace(old, new)
    of = strategy_of(text, "onboarding.yaml")
    shop.publish(of)
    trip = Trip(shop, of)
    trip.happens("customer.described", {"customer_since": _today(trip, days=20)})
    trip.enter()
    trip.treated()
    assert trip.look().step == "first_use"
    trip.happens("app.visited", {"screen": "home"})
    assert trip.look().step == "rest"
    trip.happens("support.ticket", {"ticket_id": "T-1", "status": "opened", "topic": "bill"})
    trip.happens("support.ticket", {"ticket_id": "T-1", "status": "closed", "topic": "bill"})
    assert trip.look(days=14.1).step == "help"
    trip.carry(trip.request())
    assert trip.look().phase == "over"
    assert trip.way() == ["welcome", "first_use", "rest", "which", "help", "done", "exit"]


def _today(trip: Trip, days: int) -> str:
    return (trip.now - timedelta(days=days)).date().isoformat()


def test_who_is_where_how_they_ended_and_how_fast_is_shown(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    found = show_strategy(shop.database, "demo", trip.of.name, _policies(shop))
    assert (found.inside, found.ever) == (1, 1)
    assert {one.step: one.inside for one in found.steps}["first_use"] == 1
    legs = {leg.leg: leg for leg in found.velocity}
    assert legs["entered to told"].customers == 1
    assert legs["told to accepted"].median_seconds is None
    trip.happens("customer.contacted", {"channel": "sms", "purpose": "marketing", "answer": "accepted"})
    trip.look(days=11)
    trip.look(days=4)
    found = show_strategy(shop.database, "demo", trip.of.name, _policies(shop))
    assert {one.step: [end.reason for end in one.ended] for one in found.steps}["done"] == ["they have started"]
    assert {leg.leg: leg.customers for leg in found.velocity}["told to accepted"] in (0, 1)
    shown = show_journey(shop.database, "demo", trip.of.name, IN_BOTH)
    assert (shown.fault, shown.step, shown.acts[-1].kind) == ("", "done", "journey.ended")
    with shop.database.transaction() as tx:
        tx.journeys.put("demo", IN_BOTH, trip.of.name, step="reward")
    assert "somebody changed the database" in show_journey(shop.database, "demo", trip.of.name, IN_BOTH).fault
    with shop.database.transaction() as tx:
        tx.connection.execute(delete(JOURNEY))
    with pytest.raises(GovernanceError, match=r"left strategy '.*', and their row is gone: somebody changed the"):
        show_journey(shop.database, "demo", trip.of.name, IN_BOTH)
    with pytest.raises(UsageError, match="never entered strategy"):
        show_journey(shop.database, "demo", trip.of.name, "C00099")
    with pytest.raises(UsageError, match="does not go on a list"):
        list_journeys(shop.database, "demo", after="yesterday")


def test_the_api_shows_journeys_page_by_page(shop: Shop) -> None:
    trip = entered(shop)
    other = Trip(shop, trip.of, "C00005")
    other.enter()
    app = create_app(
        shop.database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        policies=_policies(shop),
    )
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}", "X-Placet-Operator": "olga"}) as http:
        first = http.get("/v1/journeys", params={"limit": 1, "inside": True}).json()
        second = http.get("/v1/journeys", params={"limit": 1, "after": first["next"]}).json()
        listed = [one["customer_id"] for one in (*first["journeys"], *second["journeys"])]
        assert sorted(listed) == ["C00005", IN_BOTH]
        assert second["next"] is None
        assert http.get(f"/v1/journeys/{trip.of.name}").json()["inside"] == 2
        one = http.get(f"/v1/journeys/{trip.of.name}/{IN_BOTH}").json()
        assert one["step"] == "welcome"
        assert one["acts"][0]["kind"] == "journey.entered"
        unknown = http.get(f"/v1/journeys/{trip.of.name}/C99999")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_journey")
        assert http.get("/v1/journeys", params={"after": "x"}).status_code == 422
