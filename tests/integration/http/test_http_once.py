"""What a request starts, it starts once under its Idempotency-Key, however often it is sent."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from placet.contracts.audit import ENDED
from placet.errors import UsageError
from placet.service.runs import find_run, record_cancellation
from placet.storage.database import Database
from placet.storage.transaction import Transaction
from tests.integration.http.calling import OPERATOR, client_of, order, problem, start

pytestmark = pytest.mark.xdist_group("http_runs")


def keyed(key: str = "") -> dict[str, str]:
    return {**OPERATOR, "Idempotency-Key": key or secrets.token_hex(8)}


def end(records: Database, run_id: str, state: Any) -> None:
    """Write down that a run ended."""
    with records.transaction() as tx:
        now = datetime.now(UTC)
        tx.audit.append(
            stream=run_id,
            tenant="demo",
            run_id=run_id,
            kind="run.ended",
            actor="worker",
            step_key=ENDED,
            at=now,
            body={"state": state, "code": None, "detail": ""},
        )
        tx.runs.set_state(run_id, state, at=now)


def entries(records: Database, stream: str, kind: str) -> int:
    with records.reading() as tx:
        return sum(event.kind == kind for event in tx.audit.read(stream))


def test_a_run_is_started_once_under_its_key_wherever_it_stands(http: httpx.Client) -> None:
    once = keyed()
    wanted = order(key=None)
    first, again = (http.post("/v1/runs", json=wanted, headers=once) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["run"]["run_id"] == again.json()["run"]["run_id"]
    same = {**wanted, "key": once["Idempotency-Key"]}
    assert http.post("/v1/runs", json=same, headers=OPERATOR).json() == again.json()
    assert http.post("/v1/runs", json=same, headers=once).status_code == 200
    other = http.post("/v1/runs", json={**wanted, "customer_id": "C00043"}, headers=once)
    assert problem(other) == (409, "run_key_conflict")
    assert problem(http.post("/v1/runs", json=order(), headers=once)) == (422, "malformed")


@pytest.mark.parametrize("key", ["", "x" * 121, "caf\xe9", "reverse/run-1"])
def test_a_key_that_is_none_is_refused(http: httpx.Client, key: str) -> None:
    headers = [*OPERATOR.items(), ("Idempotency-Key", key.encode("latin-1"))]
    assert problem(http.post("/v1/runs", json=order(key=None), headers=headers))[0] == 422  # type: ignore[arg-type]


def test_two_keys_are_one_too_many(http: httpx.Client) -> None:
    twice = [*OPERATOR.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert problem(http.post("/v1/runs", json=order(key=None), headers=twice)) == (422, "malformed")


def test_a_halt_is_placed_once_under_its_key(url: str, http: httpx.Client, records: Database) -> None:
    once = keyed()
    body = {"scope": "kind", "subject": "order_product", "reason": "the list is wrong"}

    def place(_: int) -> httpx.Response:
        with client_of(url) as client:
            return client.post("/v1/halts", json=body, headers=once)

    before = entries(records, "tenant/demo", "halt.placed")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(place, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["halt"]["halt_id"] for answer in answers}) == 1
    assert entries(records, "tenant/demo", "halt.placed") == before + 1
    for change in ({"reason": "another"}, {"subject": "adjust_balance"}, {"scope": "tenant", "subject": ""}):
        assert problem(http.post("/v1/halts", json={**body, **change}, headers=once)) == (409, "idempotency_conflict")
    other = {**once, "X-Placet-Operator": "somebody.else"}
    assert problem(http.post("/v1/halts", json=body, headers=other)) == (409, "idempotency_conflict")
    without = [http.post("/v1/halts", json=body, headers=OPERATOR).json()["halt"]["halt_id"] for _ in range(2)]
    assert len(set(without)) == 2


def test_a_cancellation_is_asked_for_once_under_its_key(http: httpx.Client, records: Database) -> None:
    run_id = start(http)
    path, why, once = f"/v1/runs/{run_id}/cancel", {"reason": "asked for twice"}, keyed()
    for _ in range(3):
        assert http.post(path, json=why, headers=once).status_code == 202
    assert entries(records, run_id, "run.cancel_requested") == 1
    assert problem(http.post(path, json={"reason": "else"}, headers=once)) == (409, "idempotency_conflict")
    second = keyed()  # another request, in the second place
    assert [http.post(path, json=why, headers=second).status_code for _ in range(2)] == [202, 202]
    assert entries(records, run_id, "run.cancel_requested") == 2
    end(records, run_id, "cancelled")
    assert http.post(path, json=why, headers=once).status_code == 202
    assert problem(http.post(path, json=why, headers=keyed())) == (409, "not_running")


def test_a_cancellation_that_its_own_repetition_overtakes_is_on_the_record_once(
    http: httpx.Client, records: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(records, start(http), "demo")
    once = secrets.token_hex(8)

    def overtaken_by(reason: str) -> None:
        """Let the same key be sent again, and recorded, after the request was looked for and before it is recorded."""

        def transaction(database: Database) -> AbstractContextManager[Transaction]:
            monkeypatch.undo()
            record_cancellation(database, run, "olga", reason, key=once)
            return database.transaction()

        monkeypatch.setattr(Database, "transaction", transaction)

    overtaken_by("asked for twice")
    assert record_cancellation(records, run, "olga", "asked for twice", key=once)
    assert entries(records, run.run_id, "run.cancel_requested") == 1
    once = secrets.token_hex(8)
    overtaken_by("for another reason")
    with pytest.raises(UsageError) as refused:
        record_cancellation(records, run, "olga", "asked for twice", key=once)
    assert refused.value.code == "idempotency_conflict"
    assert entries(records, run.run_id, "run.cancel_requested") == 2


def test_a_reversal_is_asked_for_once_under_its_key_however_it_ended(http: httpx.Client, records: Database) -> None:
    run_id = start(http)
    end(records, run_id, "executed")
    path, why, once = f"/v1/runs/{run_id}/reverse", {"reason": "granted in error"}, keyed()
    first = http.post(path, json=why, headers=once)
    again = http.post(path, json=why, headers=once)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    reversal = first.json()["run"]["run_id"]
    assert (again.json()["run"]["run_id"], again.json()["new"]) == (reversal, False)
    assert problem(http.post(path, json={"reason": "else"}, headers=once)) == (409, "idempotency_conflict")
    assert problem(http.post(path, json=why, headers=keyed())) == (409, "reversal_under_way")
    end(records, reversal, "rejected")
    ended_since = http.post(path, json=why, headers=once)
    assert (ended_since.status_code, ended_since.json()["run"]["run_id"]) == (200, reversal)
    # Asked for anew, it is a new run.
    assert http.post(path, json=why, headers=keyed()).json()["run"]["run_id"] != reversal
    assert entries(records, run_id, "run.reversal_requested") == 2
