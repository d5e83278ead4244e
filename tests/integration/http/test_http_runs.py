"""Runs over HTTP on a real server, Temporal and database: started, shown, decided, cancelled."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowExecutionStatus

from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Proposal
from placet.engine.client import Engine
from placet.governance.signing.canonical import sha256_hex
from placet.service.runs import build_request
from placet.storage.database import Database
from placet.storage.pending import PROPOSED
from tests.integration.http.calling import (
    OPERATOR,
    app_for,
    client_of,
    engine_at,
    envelope,
    on_temporal,
    order,
    problem,
    serving,
    start,
)

pytestmark = pytest.mark.xdist_group("http_runs")


def test_a_new_run_is_created_and_really_started_in_temporal(http: httpx.Client, temporal_address: str) -> None:
    answer = http.post("/v1/runs", json=order(key="crm-1"), headers=OPERATOR)
    assert answer.status_code == 201
    run = answer.json()["run"]
    assert answer.json()["new"] is True
    assert answer.headers["location"] == f"/v1/runs/{run['run_id']}"
    assert (run["tenant"], run["customer_id"], run["agent"], run["key"]) == ("demo", "C00042", "retention", "crm-1")
    assert (run["requested_by"], run["state"]) == ("olga.ops", "analysing")

    async def described(engine: Engine) -> WorkflowExecutionStatus | None:
        return (await engine.handle(run["run_id"]).describe()).status

    assert on_temporal(temporal_address, described) is WorkflowExecutionStatus.RUNNING


def test_the_same_key_is_the_same_run(http: httpx.Client) -> None:
    wanted = order()
    first = http.post("/v1/runs", json=wanted, headers=OPERATOR)
    again = http.post("/v1/runs", json=wanted, headers=OPERATOR)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {"new": False, "run": first.json()["run"]}


def test_a_key_used_for_another_customer_is_a_conflict(http: httpx.Client) -> None:
    wanted = order()
    assert http.post("/v1/runs", json=wanted, headers=OPERATOR).status_code == 201
    other = http.post("/v1/runs", json={**wanted, "customer_id": "C00043"}, headers=OPERATOR)
    assert problem(other) == (409, "run_key_conflict")


def test_without_a_key_every_request_is_a_new_run(http: httpx.Client) -> None:
    assert start(http, key=None) != start(http, key=None)


def test_runs_are_listed_newest_first_page_by_page(http: httpx.Client) -> None:
    customer = f"C-{secrets.token_hex(4)}"
    started = [start(http, customer_id=customer) for _ in range(3)]
    first = http.get("/v1/runs", params={"customer_id": customer, "limit": 2}).json()
    assert [run["run_id"] for run in first["runs"]] == started[:0:-1]
    assert first["next"] == started[1]
    rest = http.get("/v1/runs", params={"customer_id": customer, "limit": 2, "after": first["next"]}).json()
    assert [run["run_id"] for run in rest["runs"]] == started[:1]
    assert rest["next"] is None
    assert http.get("/v1/runs", params={"customer_id": customer, "state": "executed"}).json()["runs"] == []
    assert problem(http.get("/v1/runs", params={"state": "asleep"})) == (422, "malformed")


def test_a_run_shows_its_state_and_its_record(http: httpx.Client) -> None:
    run_id = start(http, customer_id="C00007")
    assert http.get(f"/v1/runs/{run_id}").json()["customer_id"] == "C00007"
    audit = http.get(f"/v1/runs/{run_id}/audit").json()
    assert [(entry["kind"], entry["actor"]) for entry in audit["events"]] == [("run.requested", "olga.ops")]
    assert problem(http.get(f"/v1/runs/{run_id}/proposal")) == (404, "no_proposal")


def test_an_unknown_run_and_a_malformed_run_id_are_told_apart(http: httpx.Client) -> None:
    unknown = f"/v1/runs/run-{'0' * 20}"
    for path in (unknown, f"{unknown}/audit", f"{unknown}/proposal"):
        assert problem(http.get(path)) == (404, "unknown_run")
    assert problem(http.post(f"{unknown}/cancel", headers=OPERATOR)) == (404, "unknown_run")
    assert problem(http.get("/v1/runs/42")) == (422, "malformed")


def test_the_proposal_comes_with_the_digest_an_approver_signs(http: httpx.Client, records: Database) -> None:
    run_id = start(http)
    proposal = Proposal(
        run_id=run_id,
        tenant="demo",
        customer_id="C00042",
        agent="retention",
        triggered_by="olga.ops",
        treatment="goodwill_credit",
        mutation=AdjustBalance(
            customer_id="C00042", bucket_id="B1", amount=Money(amount_minor=500, currency="USD"), reason="goodwill"
        ),
        cost=Money(amount_minor=500, currency="USD"),
        expected_value_minor=900,
        rationale="",
        candidates=(),
        preconditions=(),
        evidence="0" * 64,
        assessment="0" * 64,
    )
    with records.transaction() as tx:
        digest = tx.artifacts.put_model("demo", proposal)
        tx.runs.set_state(run_id, "awaiting_decision", at=datetime.now(UTC), proposal=digest)
    unsaid = http.get(f"/v1/runs/{run_id}/proposal")
    assert (unsaid.status_code, unsaid.json()["code"]) == (409, "row_contradicts_record")
    with records.transaction() as tx:
        tx.audit.append(
            stream=run_id,
            tenant="demo",
            run_id=run_id,
            kind=PROPOSED,
            actor="agent:retention",
            step_key=PROPOSED,
            at=datetime.now(UTC),
            body={"proposal": digest},
        )
    answer = http.get(f"/v1/runs/{run_id}/proposal").json()
    assert (answer["run_id"], answer["digest"]) == (run_id, digest)
    assert Proposal.model_validate(answer["proposal"]) == proposal


def test_a_decision_is_delivered_to_the_workflow_unchanged(http: httpx.Client, temporal_address: str) -> None:
    run_id = start(http)
    signed = envelope(run_id)
    typed = {"Content-Type": "application/json"}
    answer = http.post(f"/v1/runs/{run_id}/decisions", content=signed, headers=typed)
    assert answer.status_code == 202
    assert answer.json() == {"run_id": run_id, "envelope": sha256_hex(signed.encode())}

    async def signals(engine: Engine) -> int:
        history = await engine.history(run_id)
        return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)

    assert on_temporal(temporal_address, signals) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []},
        {"payload": "e30=", "payloadType": "text/plain", "signatures": [{"keyid": "0" * 64, "sig": "AA=="}]},
        {"payload": "\ud800", "payloadType": "text/plain", "signatures": [{"keyid": "0" * 64, "sig": "AA=="}]},
        {"\ud800": "e30="},
    ],
)
def test_what_is_no_signed_decision_is_not_delivered(http: httpx.Client, body: dict[str, Any]) -> None:
    typed = {"Content-Type": "application/json"}  # as bytes: httpx encodes no half a character
    sent = http.post(f"/v1/runs/{start(http)}/decisions", content=json.dumps(body).encode(), headers=typed)
    assert problem(sent)[0] == 422


def test_a_decision_after_the_end_is_late_and_recorded(http: httpx.Client, temporal_address: str) -> None:
    run_id = start(http)

    async def end(engine: Engine) -> None:
        await engine.handle(run_id).terminate("the test ends it")

    on_temporal(temporal_address, end)
    signed = envelope(run_id)
    typed = {"Content-Type": "application/json"}
    assert problem(http.post(f"/v1/runs/{run_id}/decisions", content=signed, headers=typed)) == (409, "late")
    entry = http.get(f"/v1/runs/{run_id}/audit").json()["events"][-1]
    assert (entry["kind"], entry["body"]["code"]) == ("approve.refused", "late")
    assert entry["body"]["envelope"] == sha256_hex(signed.encode())


def test_a_cancellation_reaches_temporal_and_names_who_asked(http: httpx.Client, temporal_address: str) -> None:
    run_id = start(http)
    assert problem(http.post(f"/v1/runs/{run_id}/cancel")) == (422, "malformed")
    assert problem(http.post(f"/v1/runs/{run_id}/cancel", headers={"X-Placet-Operator": ""})) == (422, "malformed")
    why = {"reason": "asked for twice"}
    answer = http.post(f"/v1/runs/{run_id}/cancel", headers={"X-Placet-Operator": "maria"}, json=why)
    assert (answer.status_code, answer.json()) == (202, {"run_id": run_id})
    entry = http.get(f"/v1/runs/{run_id}/audit").json()["events"][-1]
    assert (entry["kind"], entry["actor"]) == ("run.cancel_requested", "maria")
    assert entry["body"]["reason"] == "asked for twice"

    async def asked(engine: Engine) -> bool:
        events = (await engine.history(run_id)).events
        return any(e.HasField("workflow_execution_cancel_requested_event_attributes") for e in events)

    assert on_temporal(temporal_address, asked)


def test_what_has_ended_or_never_started_cannot_be_cancelled(http: httpx.Client, records: Database) -> None:
    ended = start(http)
    waiting = build_request(
        tenant="demo", customer_id="C1", agent="retention", requested_by="olga", key=None, agents=("retention",)
    )
    with records.transaction() as tx:
        tx.runs.set_state(ended, "rejected", at=datetime.now(UTC))
        tx.runs.request(waiting)
    for run_id in (ended, waiting.run_id):
        assert problem(http.post(f"/v1/runs/{run_id}/cancel", headers=OPERATOR)) == (409, "not_running")


def test_another_tenants_runs_do_not_exist(http: httpx.Client, records: Database, temporal_address: str) -> None:
    run_id = start(http)
    with serving(app_for(records, engine_at(temporal_address), tenant="rival")) as other, client_of(other) as rival:
        assert rival.get("/v1/runs").json() == {"runs": [], "next": None}
        for path in (f"/v1/runs/{run_id}", f"/v1/runs/{run_id}/audit", f"/v1/runs/{run_id}/proposal"):
            assert problem(rival.get(path)) == (404, "unknown_run")
        assert problem(rival.post(f"/v1/runs/{run_id}/decisions", content=envelope(run_id)))[0] == 422
        typed = {"Content-Type": "application/json"}
        sent = rival.post(f"/v1/runs/{run_id}/decisions", content=envelope(run_id), headers=typed)
        assert problem(sent) == (404, "unknown_run")
