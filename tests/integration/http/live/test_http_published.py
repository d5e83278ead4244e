"""Published strategies over HTTP: signed, listed, carried out by runs, asked for the next best action."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agents.catalogue import declared_facts
from placet.governance.signing.canonical import digest
from placet.governance.signing.keys import Signer
from placet.interfaces.http.app import create_app
from placet.service.cohorts import fold_all
from placet.service.documents.mandates import revoke_mandate
from placet.storage.database import Database
from tests.integration.http.calling import OPERATOR, TOKEN, client_of, engine_at, order, problem, serving
from tests.integration.http.live.test_http_events import BATCH, event, sent
from tests.integration.strategies.publishing import POLICIES, current, head, signed_mandate, strategy_of
from tests.support.databases import migrated, sqlite_url
from tests.support.enrolment import trusted

COHORT = "churn_percent >= 30 AND tenure_days >= 90"
EVERYBODY = (
    (COHORT, "wallet_payments_7d > 0"),
    ("purpose: marketing", "purpose: service"),
    ("holdout: 10 %", "holdout: 1 %"),
)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path)) as database:
        yield database


@pytest.fixture
def hanna(own: Database, tmp_path: Path) -> Signer:
    return head(own, trusted(own, tmp_path))


@pytest.fixture
def api(own: Database, temporal_address: str) -> Iterator[httpx.Client]:
    app = create_app(
        own,
        engine_at(temporal_address),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        policies=lambda agent: POLICIES,
        facts=declared_facts,
    )
    with serving(app) as url, client_of(url) as client:
        yield client


def publish(api: httpx.Client, text: str, by: Signer, given: dict[str, Any] | None = None) -> httpx.Response:
    mandate = given or json.loads(signed_mandate(text, by))
    body = {"text": text, "mandate": mandate}
    return api.post("/v1/strategies", json=body, headers=OPERATOR)


def test_a_strategy_is_published_by_its_text_and_its_signed_mandate(api: httpx.Client, hanna: Signer) -> None:
    assert api.get("/v1/strategies").json() == {"strategies": [], "altered": [], "next": None}
    text = current()
    version = digest(strategy_of(text))
    body = {"text": text, "mandate": json.loads(signed_mandate(text, hanna))}
    done = api.post("/v1/strategies", json=body, headers=OPERATOR)
    assert done.status_code == 201, done.text
    assert (done.json()["published"]["version"], done.json()["published"]["state"]) == (version, "valid")
    again = api.post("/v1/strategies", json=body, headers=OPERATOR)
    assert (again.status_code, again.json()) == (201, done.json())
    [listed] = api.get("/v1/strategies").json()["strategies"]
    assert (listed["record"]["mandate"]["signer"], listed["reached"], listed["signature"]) == ("hanna", 1000, "good")
    assert listed["left"] == {"amount_minor": 500_000, "currency": "USD"}
    for wanted in ("keep_at_risk", version, version[:8]):
        shown = api.get(f"/v1/strategies/{wanted}").json()
        assert shown["published"] == listed
        assert shown["strategy"]["title"] == "Keep customers who are likely to leave"
        assert shown["told"]
    assert problem(api.get("/v1/strategies/another")) == (404, "unknown_strategy")
    assert problem(api.get(f"/v1/strategies/{version[:7]}x")) == (422, "malformed")


def test_a_later_version_replaces_the_one_before(api: httpx.Client, hanna: Signer) -> None:
    assert publish(api, current(), hanna).status_code == 201
    assert publish(api, current(("holdout: 10 %", "holdout: 5 %")), hanna).status_code == 201
    first = api.get("/v1/strategies?limit=1").json()
    second = api.get("/v1/strategies", params={"limit": 1, "after": first["next"]}).json()
    assert [one["state"] for one in first["strategies"] + second["strategies"]] == ["valid", "revoked"]
    assert second["next"] is None
    newest = api.get("/v1/strategies/keep_at_risk").json()
    assert newest["published"]["version"] == first["strategies"][0]["version"]


def test_a_text_that_was_not_signed_is_not_published(api: httpx.Client, own: Database, hanna: Signer) -> None:
    mine, other = current(), current(("holdout: 10 %", "holdout: 5 %"))
    mandate = json.loads(signed_mandate(mine, hanna))
    refused = publish(api, other, hanna, mandate)
    assert problem(refused) == (422, "other_version")
    assert digest(strategy_of(other)) in refused.json()["detail"]
    with own.reading() as tx, pytest.raises(Exception, match=digest(strategy_of(other))[:8]):
        tx.artifacts.get(digest(strategy_of(other)), tenant="demo")
    forged = json.loads(json.dumps(mandate))
    forged["signatures"][0]["sig"] = "A" * 86 + "=="
    assert problem(publish(api, mine, hanna, forged))[0] == 422
    assert problem(publish(api, "form: x", hanna, mandate)) == (422, "strategy_unsound")
    by_the_author = json.loads(signed_mandate(mine, hanna, drafted_by="hanna"))
    assert problem(publish(api, mine, hanna, by_the_author))[0] == 422
    of_another = json.loads(signed_mandate(mine, hanna, tenant="rival"))
    assert problem(publish(api, mine, hanna, of_another)) == (422, "wrong_tenant")
    assert api.get("/v1/strategies").json()["strategies"] == []


def test_a_run_carries_a_published_strategy_out(api: httpx.Client, own: Database, hanna: Signer) -> None:
    asked = {"customer_id": "C00042", "strategy": "keep_at_risk"}
    assert problem(api.post("/v1/runs", json=asked, headers=OPERATOR)) == (404, "unknown_strategy")
    version = publish(api, current(), hanna).json()["published"]["version"]
    done = api.post("/v1/runs", json={**asked, "channel": "push"}, headers=OPERATOR)
    assert done.status_code == 201, done.text
    run = done.json()["run"]
    assert (run["agent"], run["strategy"], run["channel"]) == ("retention", version, "push")
    refusals: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"channel": "store"}, (422, "other_channel")),
        ({"agent": "advance"}, (422, "other_agent")),
        ({"strategy": None}, (422, "malformed")),
        ({"strategy": None, "agent": "retention", "channel": "sms"}, (422, "malformed")),
    ]
    for change, said in refusals:
        assert problem(api.post("/v1/runs", json={**asked, **change}, headers=OPERATOR)) == said, change
    mandate_id = api.get("/v1/strategies").json()["strategies"][0]["record"]["mandate"]["document_id"]
    revoke_mandate(own, tenant="demo", mandate_id=mandate_id, by="olga", reason="wrong")
    assert problem(api.post("/v1/runs", json=asked, headers=OPERATOR)) == (409, "strategy_unpublished")
    assert api.post("/v1/runs", json=order(), headers=OPERATOR).status_code == 201


def test_the_next_best_action_is_by_all_published_strategies_as_far_as_each_has_reached(
    api: httpx.Client, own: Database, hanna: Signer
) -> None:
    theirs = [event(number, subject=f"customer:C{number % 5}") for number in range(20)]
    assert sent(api, theirs, BATCH).json()["accepted"] == 20
    fold_all(own, "demo")
    nothing = api.get("/v1/decisions/C1?channel=agent")
    assert nothing.json()["strategies"] == nothing.json()["decision"]["weighed"] == []
    for name, stages in (("keep_at_risk", "[10 %, 100 %]"), ("for_all", "[100 %]")):
        edits = (*EVERYBODY, ("stages: [10 %, 25 %, 50 %, 100 %]", f"stages: {stages}"))
        text = current(*edits).replace("name: keep_at_risk", f"name: {name}")
        assert publish(api, text, hanna).status_code == 201
    fell = {}
    for number in range(5):
        found = api.get(f"/v1/decisions/C{number}?channel=agent").json()
        assert [(one["name"], one["reached"], one["silent"]) for one in found["strategies"]] == [
            ("for_all", 10_000, ""),
            ("keep_at_risk", 1000, ""),
        ]
        for one in found["decision"]["weighed"]:
            fell[one["strategy"], number] = one["fell"]
    assert "rollout" in {fell["keep_at_risk", number] for number in range(5)}
    assert "rollout" not in {fell["for_all", number] for number in range(5)}
    refusals = {
        "C99?channel=agent": (404, "unknown_customer"),
        "C1": (422, "malformed"),
        "C1?channel=any": (422, "malformed"),
        "C1?channel=pigeon": (422, "malformed"),
        "C1?channel=agent&at=2999-01-01T00:00:00Z": (422, "malformed"),
        "C1?channel=agent&at=2026-01-01": (422, "malformed"),
    }
    for path, said in refusals.items():
        assert problem(api.get(f"/v1/decisions/{path}")) == said, path


def test_a_decision_has_the_same_etag_until_something_that_it_stands_on_changes(
    api: httpx.Client, own: Database, hanna: Signer
) -> None:
    assert sent(api, [event(number, subject="customer:C1") for number in range(3)], BATCH).status_code == 200
    publish(api, current(*EVERYBODY), hanna)
    noon = (datetime.now(UTC) + timedelta(days=1)).replace(hour=18, minute=5)
    at = {"at": noon.isoformat()}

    def asked(**changes: str) -> httpx.Response:
        return api.get("/v1/decisions/C1", params={"channel": "agent", **at, **changes})

    first = asked()
    tag = first.headers["etag"]
    assert tag.startswith(f'W/"3.agent.{noon:%Y-%m-%dT%H}Z.')
    assert asked(at=noon.replace(minute=6).isoformat()).headers["etag"] == tag
    path = "/v1/decisions/C1"
    same = api.get(path, params={"channel": "agent", **at}, headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    others = {asked(channel="sms").headers["etag"], asked(at=noon.replace(hour=19).isoformat()).headers["etag"]}
    assert sent(api, [event(7, subject="customer:C1")], BATCH).status_code == 200
    others.add(asked().headers["etag"])
    publish(api, current(*EVERYBODY, ("stages: [10 %, ", "stages: [11 %, ")), hanna)
    others.add(asked().headers["etag"])
    assert len(others | {tag}) == 5
    # At night nobody is told anything, whatever the state: it is asked of the time of the decision.
    night = asked(at=noon.replace(hour=6).isoformat()).json()["decision"]
    fell = {one["fell"] for one in night["weighed"]}
    assert fell <= {"contact", "control_group", "rollout", "cohort"}
    assert night["as_of"] <= datetime.now(UTC).isoformat()


def test_a_strategy_that_counts_no_longer_has_no_say_and_says_why(
    api: httpx.Client, own: Database, hanna: Signer
) -> None:
    assert sent(api, [event(1, subject="customer:C1")], BATCH).status_code == 200
    later = datetime.now(UTC).date() + timedelta(days=2)
    text = current(*EVERYBODY)
    begins = text[text.index("term: {first: ") : text.index(", last:")]
    assert publish(api, text.replace(begins, f"term: {{first: {later}"), hanna).status_code == 201
    found = api.get("/v1/decisions/C1?channel=agent").json()
    assert [one["silent"] for one in found["strategies"]] == ["it is not yet valid"]
    assert found["decision"]["weighed"] == []
