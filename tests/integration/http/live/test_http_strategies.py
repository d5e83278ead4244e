"""Strategies over HTTP: the answers of the command line, faults in words, and texts that mean harm."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import SecretStr

from placet.contracts.strategies.plan import StrategyPlan
from placet.contracts.text import is_plain
from placet.decisioning.strategies.hints import Here
from placet.interfaces.http.app import create_app
from placet.interfaces.http.endpoints.live.strategies import StrategyEndpoints
from placet.interfaces.http.served import Served
from placet.interfaces.telling.strategy_example import EXAMPLE
from placet.service.cohorts import fold_all
from placet.service.strategies.checking import check_text, strategy_of
from placet.service.strategies.given import LONGEST
from placet.service.strategies.planning import plan
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving
from tests.integration.http.live.test_http_events import BATCH, event, sent
from tests.unit.strategies.texts import SOUND, edited

COHORT = "churn_percent >= 30 AND tenure_days >= 90"
EVERYBODY = edited(
    (COHORT, "wallet_payments_7d > 0"), ("purpose: marketing", "purpose: service"), ("holdout: 10 %", "holdout: 1 %")
)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join(f'*{before}' for _ in range(9))}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


def all_texts(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from all_texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from all_texts(value)
    elif isinstance(document, str):
        yield document


@pytest.fixture
def api(database: Database) -> Iterator[httpx.Client]:
    app = create_app(database, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        yield http


@pytest.fixture
def five(api: httpx.Client, database: Database) -> httpx.Client:
    theirs = [event(number, subject=f"customer:C{number % 5}") for number in range(20)]
    assert sent(api, theirs, BATCH).json()["accepted"] == 20
    fold_all(database, "demo")
    return api


def test_a_text_is_checked_and_what_is_wrong_with_it_is_the_answer(api: httpx.Client) -> None:
    found = api.post("/v1/strategies/check", json={"text": SOUND})
    assert found.status_code == 200
    assert found.json() == check_text(SOUND, Here(datetime.now(UTC), ("retention",))).model_dump(mode="json")
    over = edited(("first: 2026-12-01, last: 2027-02-28", "first: 2024-12-01, last: 2025-02-28"))
    odd = api.post("/v1/strategies/check", json={"text": over.replace("agent: retention", "agent: nobody")}).json()
    assert odd["digest"] is not None
    assert [one["where"] for one in odd["findings"]] == ["agent", "term.last"]
    wrong = api.post("/v1/strategies/check", json={"text": edited(("holdout: 10 %", "holdout: 10"))})
    assert wrong.status_code == 200
    assert wrong.json()["digest"] is None
    [finding] = wrong.json()["findings"]
    line = SOUND[: SOUND.index("holdout:")].count("\n") + 1
    assert (finding["line"], finding["where"]) == (line, "holdout")
    # Where an answer needs a strategy, the first fault is told, and where the others are.
    asked = [
        ("preview", {"text": edited(("holdout: 10 %", "holdout: 10"))}, f"line {line}, column 1 (holdout): "),
        ("compare", {"before": SOUND, "after": "form: x"}, "after, line 1, column 1 (form): "),
        ("decide", {"customer_id": "C1", "channel": "sms", "texts": [SOUND, "{"]}, "texts.1, line "),
    ]
    for path, body, begins in asked:
        refused = api.post(f"/v1/strategies/{path}", json=body)
        assert problem(refused) == (422, "strategy_unsound")
        assert refused.json()["detail"].startswith(begins)
        assert refused.json()["detail"].endswith("`POST /v1/strategies/check` lists them")


def test_a_text_that_is_not_sent_as_json_is_told_how_to_send_it(api: httpx.Client) -> None:
    for kind in ("application/yaml", "text/plain"):
        refused = api.post("/v1/strategies/check", content=SOUND, headers={"Content-Type": kind})
        assert problem(refused) == (422, "malformed")
        assert refused.json()["detail"].endswith("it is not read as JSON; send it with Content-Type: application/json")


def test_the_base_is_asked_what_a_strategy_would_do(five: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = five.post("/v1/strategies/preview", json={"text": EVERYBODY}).json()
    assert (found["base"], found["members"], found["control"]) == (5, 5, 0)
    assert [one["treated"] for one in found["stages"]][-1] == 5
    assert [one["could_get"] for one in found["treatments"]] == [5, 0]
    assert found["treatments"][1]["removed"][0]["customers"] + found["treatments"][1]["other_arm"] == 5
    monkeypatch.setattr("placet.interfaces.http.endpoints.live.strategies.MOST_CUSTOMERS", 4)
    refused = five.post("/v1/strategies/preview", json={"text": EVERYBODY})
    assert problem(refused) == (422, "base_too_large")
    assert "`placet strategy preview`" in refused.json()["detail"]


def test_the_base_is_looked_through_for_one_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, served = StrategyEndpoints.__init__, list[Served]()

    def noted(endpoints: StrategyEndpoints, of: Served) -> None:
        taken(endpoints, of)
        served.append(of)

    monkeypatch.setattr(StrategyEndpoints, "__init__", noted)
    app = create_app(database, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http, served[0].looking:
        assert problem(http.post("/v1/strategies/preview", json={"text": SOUND})) == (503, "busy")
        asked = {"channel": "sms", "texts": [SOUND]}
        assert problem(http.post("/v1/strategies/plan", json=asked)) == (503, "busy")
        assert problem(http.post("/v1/cohorts/preview", json={"expression": "nps > 3"})) == (503, "busy")
        assert http.post("/v1/strategies/check", json={"text": SOUND}).status_code == 200


def test_two_versions_are_compared_in_words(api: httpx.Client) -> None:
    after = edited(("holdout: 10 %", "holdout: 5 %"))
    found = api.post("/v1/strategies/compare", json={"before": SOUND, "after": after}).json()
    assert [one["heading"] for one in found["changes"]] == ["control group"]
    assert found["consequences"]
    same = api.post("/v1/strategies/compare", json={"before": SOUND, "after": f"# why\n{SOUND}"}).json()
    assert same["before"] == same["after"]
    assert same["changes"] == []


def test_the_next_best_action_says_where_all_others_fall(five: httpx.Client) -> None:
    other = EVERYBODY.replace("name: keep_at_risk", "name: another").replace("wallet_payments_7d > 0", "nps > 3")
    asked = {"customer_id": "C1", "channel": "agent", "texts": [EVERYBODY, other]}
    found = five.post("/v1/strategies/decide", json=asked).json()
    assert {one["strategy"] for one in found["weighed"]} == {"keep_at_risk", "another"}
    assert all(one["fell"] and one["reason"]["detail"] for one in found["weighed"])
    refusals: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"customer_id": "C99"}, (404, "unknown_customer")),
        ({"texts": [EVERYBODY, EVERYBODY]}, (422, "strategy_twice")),
        ({"texts": []}, (422, "malformed")),
        ({"texts": [SOUND] * 51}, (422, "malformed")),
        ({"channel": "pigeon"}, (422, "malformed")),
        ({"customer_id": "\u202ex"}, (422, "malformed")),
    ]
    for change, said in refusals:
        assert problem(five.post("/v1/strategies/decide", json={**asked, **change})) == said, change


def test_a_plan_counts_what_strategies_together_would_do(
    five: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = EVERYBODY.replace("name: keep_at_risk", "name: another").replace("loyalty_credit", "other_credit")
    asked: dict[str, Any] = {"channel": "agent", "texts": [EVERYBODY, other]}
    found = five.post("/v1/strategies/plan", json=asked)
    assert found.status_code == 200
    told = StrategyPlan.model_validate_json(found.text)
    strategies = [strategy_of(text, "text") for text in asked["texts"]]
    assert told == plan(database, "demo", strategies, "agent", told.as_of)
    assert told.base == 5
    assert [one.name for one in told.strategies] == ["another", "keep_at_risk"]
    for treatment in (each for one in told.strategies for each in one.treatments):
        assert treatment.chosen + sum(one.customers for one in treatment.fallen) == 5
    refusals: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"texts": [EVERYBODY, EVERYBODY]}, (422, "strategy_twice")),
        ({"texts": [EVERYBODY, "{"]}, (422, "strategy_unsound")),
        ({"texts": []}, (422, "malformed")),
        ({"channel": "any"}, (422, "malformed")),
        ({"tenant": "other"}, (422, "malformed")),
    ]
    for change, said in refusals:
        assert problem(five.post("/v1/strategies/plan", json={**asked, **change})) == said, change
    monkeypatch.setattr("placet.interfaces.http.endpoints.live.strategies.MOST_CUSTOMERS", 4)
    refused = five.post("/v1/strategies/plan", json=asked)
    assert problem(refused) == (422, "base_too_large")
    assert "`placet strategy plan`" in refused.json()["detail"]


def test_the_schema_holds_what_the_description_shows(api: httpx.Client) -> None:
    schema = api.get("/v1/strategies/schema").json()
    Draft202012Validator.check_schema(schema)
    assert schema["properties"].keys() >= {"cohort", "treatments", "rollout"}
    assert check_text(EXAMPLE).sound
    assert check_text(EXAMPLE).findings == ()


@pytest.mark.parametrize(
    "text",
    [
        edited(("title: Loyalty credit", "title: <script>alert(1)</script>")),
        edited(("title: Loyalty credit", 'title: "\\u202ekcilc\\u200b"')),
        edited((COHORT, "\"place = '\\u202e'\"")),
        f'{SOUND}"\\u202e{"k" * 900}": 1\n',
        "{" * 999,
        "[" * LONGEST,
        BOMB,
        "".join(f"k{number}: 1\n" for number in range(LONGEST // 9)),
        "a: !!python/object/apply:os.system [id]",
        "\x00",
        "\x1b[31m",
        "\ufeff\u2028: \u202e",
        "form: placet-strategy/1\n" * 1000,
        edited(("at_most: 20.00 USD", f"at_most: {'9' * 5000}.00 USD")),
    ],
    ids=range(14),
)
def test_a_text_that_means_harm_is_answered_within_bounds_and_in_sight(api: httpx.Client, text: str) -> None:
    assert len(text) <= LONGEST
    found = api.post("/v1/strategies/check", json={"text": text})
    assert found.status_code == 200
    assert len(found.content) < 100_000
    assert all(map(is_plain, all_texts(found.json())))
    asked = {"customer_id": "C1", "channel": "agent", "texts": [text]}
    refused = api.post("/v1/strategies/decide", json=asked)
    assert refused.status_code in (404, 422)
    assert is_plain(refused.json()["detail"])


def test_many_and_large_texts_are_bounded_and_half_a_character_is_refused(api: httpx.Client) -> None:
    filler = "# filler\n" * ((LONGEST - len(SOUND)) // 9)
    largest = SOUND + filler + "#" * (LONGEST - len(SOUND) - len(filler))
    assert api.post("/v1/strategies/check", json={"text": largest}).json()["digest"] == check_text(SOUND).digest
    assert problem(api.post("/v1/strategies/check", json={"text": f"{largest}#"})) == (422, "malformed")
    # What JSON must escape fits all the same; fifty of the largest do not.
    escaped = json.dumps({"text": SOUND + "#" + "é" * (LONGEST - len(SOUND) - 1)}).encode()
    headers = {"Content-Type": "application/json"}
    assert api.post("/v1/strategies/check", content=escaped, headers=headers).status_code == 200
    many = {"customer_id": "C1", "channel": "agent", "texts": [largest] * 50}
    assert problem(api.post("/v1/strategies/decide", json=many)) == (413, "too_large")
    fewer = {**many, "texts": [largest] * 7}  # a body of the size that is read, and more than is looked at
    refused = api.post("/v1/strategies/decide", json=fewer)
    assert problem(refused) == (422, "texts_too_long")
    assert refused.json()["detail"].startswith("the 7 texts have 224,000 characters together, and at most 200,000 are")
    half = b'{"text": "\\ud800"}'
    assert problem(api.post("/v1/strategies/check", content=half, headers=headers)) == (422, "malformed")
    named = [SOUND.replace("name: keep_at_risk", f"name: keep_{number}") for number in range(50)]
    assert problem(api.post("/v1/strategies/decide", json={**many, "texts": named})) == (404, "unknown_customer")
