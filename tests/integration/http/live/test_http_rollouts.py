"""Rollouts over HTTP: started by another person, held and ended at once, let on by signed orders alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agents.catalogue import declared_facts
from placet.governance.signing.keys import Signer
from placet.interfaces.http.app import create_app
from placet.service.rollouts.ordering import record_start
from placet.storage.database import Database
from tests.integration.http.calling import OPERATOR, TOKEN, client_of, engine_at, problem, serving
from tests.integration.http.live.test_http_published import publish
from tests.integration.strategies.publishing import POLICIES, current, head, order_to, signed_order
from tests.support.databases import migrated, sqlite_url
from tests.support.enrolment import new_signer, trusted

PATH = "/v1/rollouts/keep_at_risk"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path)) as database:
        yield database


@pytest.fixture
def hanna(own: Database, tmp_path: Path) -> Signer:
    return head(own, trusted(own, tmp_path))


def served(own: Database, temporal: str, tenant: str = "demo") -> Any:
    return create_app(
        own,
        engine_at(temporal),
        tenant=tenant,
        agents=("retention",),
        token=SecretStr(TOKEN),
        policies=lambda agent: POLICIES,
        facts=declared_facts,
    )


@pytest.fixture
def api(own: Database, temporal_address: str) -> Iterator[httpx.Client]:
    with serving(served(own, temporal_address)) as url, client_of(url) as client:
        yield client


@pytest.fixture
def started(api: httpx.Client, own: Database, hanna: Signer) -> str:
    """The version of a strategy whose rollout is on the record; no workflow carries it."""
    version = publish(api, current(), hanna).json()["published"]["version"]
    record_start(own, tenant="demo", wanted=version, by="olga.ops", policies=lambda _agent: POLICIES)
    return str(version)


def post(api: httpx.Client, path: str, body: Any) -> httpx.Response:
    return api.post(path, json=body, headers=OPERATOR)


def test_a_rollout_is_started_once_by_somebody_else_than_who_published(
    api: httpx.Client, own: Database, hanna: Signer
) -> None:
    assert problem(post(api, "/v1/rollouts", {"strategy": "keep_at_risk"})) == (404, "unknown_strategy")
    version = publish(api, current(), hanna).json()["published"]["version"]
    assert problem(api.get(PATH)) == (404, "unknown_rollout")
    by_hanna = {"X-Placet-Operator": "hanna"}
    refused = api.post("/v1/rollouts", json={"strategy": "keep_at_risk"}, headers=by_hanna)
    assert problem(refused) == (403, "four_eyes")
    wrong = post(api, "/v1/rollouts", {"strategy": "keep_at_risk", "channel": "store"})
    assert problem(wrong) == (422, "other_channel")
    done = post(api, "/v1/rollouts", {"strategy": "keep_at_risk", "channel": "push"})
    assert done.status_code == 201, done.text
    assert done.headers["location"] == f"/v1/rollouts/{version}"
    shown = done.json()
    assert (shown["reached"], shown["stages"], shown["stage"]) == (1000, [1000, 2500, 5000, 10_000], 0)
    assert (shown["row"]["asked"]["requested_by"], shown["row"]["asked"]["channel"]) == ("olga.ops", "push")
    again = post(api, "/v1/rollouts", {"strategy": version[:8], "channel": "push"})
    assert again.status_code == 200, again.text
    [listed] = api.get("/v1/rollouts").json()["rollouts"]
    assert (listed["row"]["asked"]["version"], listed["title"]) == (version, "Keep customers who are likely to leave")
    post(api, f"{PATH}/abort", {"reason": "end of the test"})
    with own.reading() as tx:
        assert [event.kind for event in tx.audit.read("tenant/demo")].count("rollout.started") == 1


def test_a_rollout_is_held_and_ended_by_anybody_and_let_on_by_a_signature(
    api: httpx.Client, own: Database, hanna: Signer, started: str
) -> None:
    held = post(api, f"{PATH}/pause", {"reason": "the price list is wrong"})
    assert held.status_code == 200, held.text
    assert (held.json()["rollout"]["reached"], held.json()["rollout"]["stands"]) == (0, "held: the price list is wrong")
    assert problem(post(api, f"{PATH}/pause", {"reason": "again"})) == (409, "already_held")
    resume = json.loads(signed_order(own, "resume", hanna))
    on = post(api, f"{PATH}/orders", resume)
    assert on.status_code == 200, on.text
    assert on.json()["rollout"]["reached"] == 1000
    assert post(api, f"{PATH}/orders", resume).json() == on.json()  # the answer was lost: the same again
    moved = post(api, f"/v1/rollouts/{started}/orders", json.loads(signed_order(own, "promote", hanna)))
    assert (moved.json()["rollout"]["stage"], moved.json()["rollout"]["reached"]) == (1, 2500)
    assert [event["kind"] for event in moved.json()["rollout"]["acts"]] == [
        "rollout.started",
        "rollout.held",
        "rollout.resumed",
        "rollout.moved",
    ]
    ended = post(api, f"{PATH}/abort", {"reason": "enough"})
    assert ended.json()["rollout"]["stands"] == "ended for good: enough"
    for path in ("pause", "abort"):
        assert problem(post(api, f"{PATH}/{path}", {})) == (409, "rollout_over")
    assert problem(post(api, "/v1/rollouts", {"strategy": "keep_at_risk"})) == (409, "rollout_over")


def test_an_order_that_does_not_count_moves_nothing_and_is_on_the_record(
    api: httpx.Client, own: Database, hanna: Signer, started: str
) -> None:
    other = current().replace("name: keep_at_risk", "name: another")
    publish(api, other, hanna)
    record_start(own, tenant="demo", wanted="another", by="olga.ops", policies=lambda _agent: POLICIES)
    promote = json.loads(signed_order(own, "promote", hanna))
    refusals = [
        ("/v1/rollouts/another/orders", promote, "wrong_strategy"),
        (f"{PATH}/orders", json.loads(signed_order(own, "promote", hanna, "another")), "wrong_strategy"),
        (f"{PATH}/orders", json.loads(signed_order(own, "promote", new_signer("hanna"))), "unknown_key"),
    ]
    for path, envelope, code in refusals:
        assert problem(post(api, path, envelope)) == (422, code)
    twice = [json.loads(signed_order(own, "promote", hanna)) for _ in range(2)]
    assert post(api, f"{PATH}/orders", twice[0]).status_code == 200
    assert problem(post(api, f"{PATH}/orders", twice[1])) == (422, "order_overtaken")
    assert api.get("/v1/rollouts/another").json()["stage"] == 0
    assert api.get(PATH).json()["stage"] == 1
    with own.reading() as tx:
        refused = [
            event.body["code"] for event in tx.audit.read("tenant/demo") if event.kind == "rollout.order_refused"
        ]
    assert refused == ["wrong_strategy", "wrong_strategy", "unknown_key", "order_overtaken"]
    assert order_to(own, "promote", hanna).number == 2


def test_a_hold_counts_while_temporal_is_away(own: Database, hanna: Signer, started: str) -> None:
    with serving(served(own, "127.0.0.1:1")) as url, client_of(url) as api:
        held = post(api, f"{PATH}/pause", {"reason": "stop"}).json()
    assert (held["told"], held["rollout"]["reached"]) == (False, 0)


def test_another_tenants_rollouts_do_not_exist(own: Database, started: str) -> None:
    with serving(served(own, "127.0.0.1:1", tenant="rival")) as url, client_of(url) as api:
        assert api.get("/v1/rollouts").json() == {"rollouts": [], "next": None}
        assert api.get("/v1/strategies").json()["strategies"] == []
        for path in ("/v1/rollouts", "/v1/strategies"):
            assert problem(api.get(f"{path}/{started}")) == (404, "unknown_strategy")
        assert problem(post(api, f"/v1/rollouts/{started}/abort", {})) == (404, "unknown_strategy")
    with own.reading() as tx:
        assert tx.rollouts.get("demo", started) is not None


def test_rollouts_come_in_pages(api: httpx.Client, own: Database, hanna: Signer) -> None:
    for name in ("one", "two", "three"):
        publish(api, current().replace("name: keep_at_risk", f"name: {name}"), hanna)
        record_start(own, tenant="demo", wanted=name, by="olga.ops", policies=lambda _agent: POLICIES)
    found, after = [], None
    while True:
        page = api.get("/v1/rollouts", params={"limit": 1, **({"after": after} if after else {})}).json()
        found += [one["row"]["asked"]["strategy"] for one in page["rollouts"]]
        after = page["next"]
        if after is None:
            break
    assert found == ["three", "two", "one"]
    assert api.get("/v1/rollouts", params={"after": "0" * 64}).json()["rollouts"] == []
