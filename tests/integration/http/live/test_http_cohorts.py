"""Cohorts over HTTP: what is wrong has its position, and the base is looked through for one at a time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from pydantic import SecretStr

from placet.interfaces.http.app import create_app
from placet.interfaces.http.endpoints.cohorts import CohortEndpoints
from placet.service.cohorts import fold_all
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving
from tests.integration.http.live.test_http_events import BATCH, event, sent


@pytest.fixture
def api(database: Database) -> Iterator[httpx.Client]:
    app = create_app(database, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        yield http


def test_a_cohort_is_checked_asked_of_a_customer_and_previewed(api: httpx.Client, database: Database) -> None:
    theirs = [event(number, subject=f"customer:C0000{number % 3}") for number in range(1, 10)]
    assert sent(api, theirs, BATCH).json()["accepted"] == 9
    checked = api.post("/v1/cohorts/check", json={"expression": "wallet_payments_7d = 3", "customer_id": "C00001"})
    assert checked.json()["member"] == "yes"
    assert api.post("/v1/cohorts/check", json={"expression": "nps > 3"}).json()["member"] is None
    fold_all(database, "demo")
    found = api.post("/v1/cohorts/preview", json={"expression": "wallet_payments_7d >= 3"}).json()
    assert (found["base"], found["members"], found["percent"]) == (3, 3, 100.0)
    assert found["checked"]["digest"] != checked.json()["digest"]
    assert len(found["examples"]) == 3
    early = {"segment": "wallet_user", "as_of": "2020-01-01T00:00:00Z"}
    assert api.post("/v1/cohorts/preview", json=early).json()["members"] == 0


def test_of_a_time_to_come_nothing_is_said_and_clocks_may_differ_by_minutes(api: httpx.Client) -> None:
    def at(**ahead: int) -> str:
        return (datetime.now(UTC) + timedelta(**ahead)).isoformat()

    states = ("/v1/customers/C1/state", "/v1/households/H1/state")
    asked = [partial(api.get, path, params={"as_of": at(days=40)}) for path in states]
    later = {"segment": "wallet_user", "as_of": at(minutes=20)}
    asked += [partial(api.post, f"/v1/cohorts/{of}", json=later) for of in ("preview", "kpis")]
    for ask in asked:
        refused = ask()
        assert problem(refused) == (422, "malformed")
        assert "is still to come; it is " in refused.json()["detail"]
    assert api.get(states[0], params={"as_of": at(minutes=3)}).status_code == 200


def test_what_is_wrong_has_its_place(api: httpx.Client) -> None:
    wrong = api.post("/v1/cohorts/preview", json={"expression": "nps > 3 AND shoe > 4"})
    assert problem(wrong) == (422, "cohort_expression")
    assert wrong.json()["detail"].startswith("column 13: no column is called 'shoe'")
    assert problem(api.post("/v1/cohorts/preview", json={"segment": "nobody"})) == (404, "unknown_segment")
    assert problem(api.post("/v1/cohorts/preview", json={})) == (422, "malformed")
    assert problem(api.post("/v1/cohorts/check", json={"expression": ""})) == (422, "malformed")
    half = json.dumps({"expression": "place = '\ud800'"}).encode()
    headers = {"Content-Type": "application/json"}
    assert problem(api.post("/v1/cohorts/check", content=half, headers=headers)) == (422, "malformed")
    listed = api.get("/v1/cohorts").json()["segments"]
    assert {one["name"] for one in listed if one["digest"] is None} >= {"contract_ending", "worth_most"}
    assert len(api.get("/v1/cohorts/columns").json()["columns"]) > 100


def test_a_large_base_is_refused_and_who_comes_second_is_told(
    api: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(api, [event(1), event(2, subject="customer:C2")], BATCH)
    fold_all(database, "demo")
    asked = {"expression": "wallet_payments_7d > 0"}
    monkeypatch.setattr("placet.interfaces.http.endpoints.cohorts.MOST_CUSTOMERS", 1)
    assert problem(api.post("/v1/cohorts/preview", json=asked)) == (422, "base_too_large")
    monkeypatch.undo()
    taken = CohortEndpoints.__init__

    def held(endpoints: CohortEndpoints, served: object) -> None:
        taken(endpoints, served)  # type: ignore[arg-type]
        endpoints._looking.acquire()

    monkeypatch.setattr(CohortEndpoints, "__init__", held)
    app = create_app(database, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        assert problem(http.post("/v1/cohorts/preview", json=asked)) == (503, "busy")


def test_figures_are_those_of_the_command(api: httpx.Client, database: Database) -> None:
    sent(api, [event(number, subject=f"customer:C{number}") for number in range(1, 5)], BATCH)
    fold_all(database, "demo")
    found = api.post("/v1/cohorts/kpis", json={}).json()
    figures = {one["name"]: (one["value"], one["of"], one["over"]) for one in found["kpis"]}
    assert (found["customers"], found["cohort"]) == (4, None)
    assert figures["wallet_penetration"] == (100.0, 4, 4)
    assert figures["ecosystem_arpu"] == (250.0, 1000, 4)
    one = api.post("/v1/cohorts/kpis", json={"expression": "customer_id = 'C1'"}).json()
    assert one["customers"] == 1
    assert problem(api.post("/v1/cohorts/kpis", json={"segment": "nobody"})) == (404, "unknown_segment")
