"""Decisions at the running system: whatever else is sent, the run waits and the record says why (promises 1, 2)."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from placet.contracts.people.decision import DecisionPredicate
from placet.engine.payload_codec import ENCODING
from placet.engine.payload_keys import load_or_create_key
from placet.errors import UsageError
from placet.governance.signing import dsse
from placet.governance.signing.statement import decision_payload
from placet.replay import judge
from placet.service import runs as run_operations
from placet.service.deciding import decisions as decision_operations
from tests.support.world import Approver, World


def refused_signers(world: World, run_id: str) -> list[tuple[str, str | None]]:
    """Of each refused decision, who sent it and whose good key signed it."""
    return [(event.actor, event.body["signer"]) for event in world.events(run_id, "approve.refused")]


def still_waiting(world: World, run_id: str) -> None:
    """The run waits, nothing happened, and a sound approval still passes."""
    assert world.record(run_id).state == "awaiting_decision"
    assert world.effects()["adjustments"] == 0


def test_a_key_nobody_enrolled_decides_nothing(a_world: World, run_id: str) -> None:
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("mallory", enroll=False)))
    assert a_world.refusal(run_id) == "unknown_key"
    still_waiting(a_world, run_id)


def test_an_approval_of_another_digest_executes_nothing(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna, proposal="f" * 64))
    assert a_world.refusal(run_id) == "stale"
    still_waiting(a_world, run_id)


def test_an_approval_of_another_run_executes_nothing(a_world: World, run_id: str, anna: Approver) -> None:
    other = a_world.pending("C00006")
    a_world.send(run_id, a_world.sign(other, anna))
    assert a_world.refusal(run_id) == "wrong_run"
    still_waiting(a_world, run_id)
    assert a_world.record(other).state == "awaiting_decision"


def test_a_decision_signed_before_there_was_a_gate_is_refused(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna, decided_at=datetime.now(UTC) - timedelta(hours=1)))
    assert a_world.refusal(run_id) == "predates_gate"
    still_waiting(a_world, run_id)


def test_a_decision_from_the_future_is_refused(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna, decided_at=datetime.now(UTC) + timedelta(minutes=10)))
    assert a_world.refusal(run_id) == "clock_skew"
    still_waiting(a_world, run_id)


def test_a_person_without_the_role_or_above_their_limit_is_refused(a_world: World, run_id: str) -> None:
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("clerk", roles=("care_agent",))))
    assert a_world.refusal(run_id, 1) == "unentitled"
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("junior", limit="0.01 USD")))
    assert a_world.refusal(run_id, 2) == "unentitled"
    still_waiting(a_world, run_id)
    # The keys are good, and only the decisions do not count: the record tells the two apart.
    assert refused_signers(a_world, run_id) == [("unverified", "clerk"), ("unverified", "junior")]


def test_who_triggered_the_run_cannot_approve_it(a_world: World, run_id: str) -> None:
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("olga")))
    assert a_world.refusal(run_id) == "unentitled"
    still_waiting(a_world, run_id)


def test_expired_and_revoked_keys_decide_nothing(a_world: World, run_id: str) -> None:
    expires = datetime.now(UTC) + timedelta(seconds=0.3)
    expired = a_world.approver("eve", expires_at=expires)
    a_world.until(lambda: datetime.now(UTC) > expires, "the key's expiry")
    a_world.send(run_id, a_world.sign(run_id, expired))
    assert a_world.refusal(run_id, 1) == "expired_key"
    revoked = a_world.approver("rita")
    envelope = a_world.sign(run_id, revoked)
    a_world.revoke(revoked.key)
    a_world.send(run_id, envelope)
    assert a_world.refusal(run_id, 2) == "revoked_key"
    still_waiting(a_world, run_id)
    assert refused_signers(a_world, run_id) == [("unverified", None), ("unverified", None)]


def test_a_forged_envelope_with_a_valid_signature_over_another_payload_type_is_refused(
    a_world: World, run_id: str, anna: Approver
) -> None:
    record = a_world.record(run_id)
    predicate = DecisionPredicate(
        tenant="demo",
        run_id=run_id,
        verdict="approve",
        approver="anna",
        decided_at=datetime.now(UTC),
        decision_id="1" * 32,
    )
    payload = decision_payload(str(record.proposal), predicate)
    signature = anna.key.private.sign(dsse.pre_authentication_encoding("text/plain", payload))
    for count, kind in enumerate(("text/plain", dsse.PAYLOAD_TYPE), 1):
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind,
            "signatures": [{"keyid": anna.key.key_id, "sig": base64.b64encode(signature).decode()}],
        }
        a_world.send(run_id, json.dumps(envelope))
        assert a_world.refusal(run_id, count) == ("wrong_payload_type", "bad_signature")[count - 1]
    still_waiting(a_world, run_id)
    assert refused_signers(a_world, run_id) == [("unverified", None), ("unverified", None)]


@pytest.mark.parametrize("garbage", ["approve", {"approve": True}, True, 42, None, ["approve"], "x" * 20_000])
def test_a_bare_yes_is_no_approval(a_world: World, garbage: object) -> None:
    run_id = a_world.pending("C00005")
    a_world.send(run_id, garbage)
    assert a_world.refusal(run_id) in {"malformed", "too_large"}
    still_waiting(a_world, run_id)


def test_after_every_refusal_a_sound_approval_still_passes(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, "nonsense")
    assert a_world.refusal(run_id) == "malformed"
    a_world.approve(run_id, anna)
    assert a_world.effects()["adjustments"] == 1


def test_the_same_approval_twice_executes_once(a_world: World, run_id: str, anna: Approver) -> None:
    envelope = a_world.sign(run_id, anna)
    a_world.send(run_id, envelope)
    with suppress(RPCError):  # the run may be over already
        a_world.send(run_id, envelope)
    a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 1
    assert len(a_world.events(run_id, "approve.decided")) == 1


def test_two_opposite_decisions_at_once_one_counts(a_world: World, run_id: str, anna: Approver) -> None:
    berta = a_world.approver("berta")
    a_world.send(run_id, a_world.sign(run_id, anna, "reject"))
    with suppress(RPCError):  # the run may be over already
        a_world.send(run_id, a_world.sign(run_id, berta, "approve"))
    a_world.wait(run_id, "rejected")
    assert len(a_world.events(run_id, "approve.decided")) == 1
    assert a_world.effects()["adjustments"] == 0


def test_an_early_approval_is_refused_and_does_not_wait_for_the_gate(a_world: World, anna: Approver) -> None:
    a_world.stop_worker()
    run_id = a_world.start("C00005")
    a_world.send(run_id, a_world.sign(run_id, anna, proposal="0" * 64))
    a_world.start_worker()
    assert a_world.refusal(run_id) == "early"
    a_world.wait(run_id, "awaiting_decision")
    still_waiting(a_world, run_id)


def test_a_late_approval_is_recorded_as_refused(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna, "reject"))
    record = a_world.wait(run_id, "rejected")
    a_world.run(a_world.engine.handle(run_id).result())  # the record shows the end a moment before Temporal does
    envelope = a_world.sign(run_id, anna)
    with pytest.raises(UsageError, match="takes no decision"):
        a_world.run(decision_operations.deliver_decision(a_world.database, a_world.engine, record, envelope))
    assert a_world.refusal(run_id) == "late"
    assert a_world.effects()["adjustments"] == 0


def test_what_a_run_has_answered_is_not_sent_to_it_again(a_world: World, run_id: str, anna: Approver) -> None:
    """Temporal takes some 10,000 signals for a run: whoever has one signed envelope must not use them up."""
    record = a_world.wait(run_id, "awaiting_decision")
    envelope = a_world.sign(run_id, anna, proposal="0" * 64)

    def deliver() -> None:
        a_world.run(decision_operations.deliver_decision(a_world.database, a_world.engine, record, envelope))

    deliver()
    assert a_world.refusal(run_id) == "stale"
    for _ in range(5):
        deliver()
    history = a_world.run(a_world.engine.history(run_id))
    kinds = [event.event_type for event in history.events]
    assert kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 1
    still_waiting(a_world, run_id)
    a_world.approve(run_id, anna)


def test_garbage_signals_leave_the_run_answering_and_its_history_bounded(
    a_world: World, run_id: str, anna: Approver
) -> None:
    async def flood() -> None:
        handle = a_world.engine.handle(run_id)
        for number in range(300):
            await handle.signal("decide", {"garbage": number})

    a_world.run(flood())
    a_world.until(lambda: len(a_world.events(run_id, "approve.refused")) == 300, "300 refusals")
    a_world.approve(run_id, anna)
    history = a_world.run(a_world.engine.history(run_id))
    assert len(history.events) < 300 + 3 * 300


RAW = [
    (),
    (Payload(metadata={"encoding": b"json/plain"}, data=b"{}"),) * 2,
    (Payload(metadata={"encoding": b"binary/plain"}, data=b"\x00\xff"),),
    (Payload(metadata={"encoding": b"binary/null"}),),
    (Payload(metadata={"encoding": b"json/plain"}, data=b"{not json"),),
    (Payload(metadata={"encoding": b"json/plain"}, data=b'"\\ud800"'),),
    (Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 100_000),),
    (Payload(metadata={"encoding": ENCODING}, data=b"\x00"),),
    (Payload(metadata={"encoding": ENCODING}, data=bytes(64)),),
    (Payload(),),
]


def signal_raw(world: World, run_id: str, name: str, payloads: tuple[Payload, ...]) -> None:
    """Signal as anyone can who reaches Temporal: payloads as they are, past our own client."""
    request = SignalWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=run_id),
        signal_name=name,
        input=Payloads(payloads=payloads),
    )
    world.run(world.engine.client.workflow_service.signal_workflow_execution(request))


def test_no_signal_whatever_it_carries_stops_a_run(a_world: World, run_id: str, anna: Approver) -> None:
    for count, payloads in enumerate(RAW, 1):
        signal_raw(a_world, run_id, "decide", payloads)
        a_world.until(lambda count=count: refusals(a_world, run_id) >= count, f"refusal {count}")  # type: ignore[misc]
    signal_raw(a_world, run_id, "approve_please", RAW[1])
    a_world.until(lambda: refusals(a_world, run_id) == len(RAW) + 1, "the last refusal")
    a_world.approve(run_id, anna)
    assert a_world.effects()["adjustments"] == 1
    assert a_world.run(judge_run(a_world, run_id)) == []


async def judge_run(world: World, run_id: str) -> list[str]:
    """What an auditor finds wrong with the run."""
    verdict = await judge(await world.engine.history(run_id), load_or_create_key(world.settings.payload_key))
    return verdict.faults


def refusals(world: World, run_id: str) -> int:
    """How many decisions the workflow has counted as refused."""
    return world.run(world.engine.status(run_id)).refused_decisions


def test_a_key_of_a_run_that_is_over_starts_nothing_even_if_temporal_forgot_it(
    a_world: World, run_id: str, anna: Approver
) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna, "reject"))
    a_world.wait(run_id, "rejected")
    again = a_world.request("C00005", key=a_world.record(run_id).key)
    started = a_world.run(run_operations.start_run(a_world.database, a_world.engine, again))
    assert (started.new, started.over) == (False, True)
    # Even a workflow started past our own interfaces finds that its run is over. The record shows the end before
    # Temporal has closed the first workflow, and two of one id cannot run at once.
    client, queue = a_world.engine.client, a_world.engine.task_queue
    a_world.run(a_world.engine.handle(run_id).result())
    handle = a_world.run(
        client.start_workflow(
            "GovernedRun",
            a_world.request_of(run_id),
            id=run_id,
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )
    )
    result = a_world.run(handle.result())
    assert (result["state"], result["code"]) == ("rejected", "rejected")
    assert a_world.record(run_id).state == "rejected"
    assert len(a_world.events(run_id, "analyse.completed")) == len(a_world.events(run_id, "run.ended")) == 1


def test_a_workflow_under_another_id_cannot_write_on_a_runs_record(a_world: World, run_id: str, anna: Approver) -> None:
    client, queue = a_world.engine.client, a_world.engine.task_queue
    rogue = a_world.run(
        client.start_workflow("GovernedRun", a_world.request_of(run_id), id=f"rogue-{run_id}", task_queue=queue)
    )
    with pytest.raises(WorkflowFailureError):
        a_world.run(rogue.result())
    assert a_world.record(run_id).state == "awaiting_decision"
    a_world.approve(run_id, anna)
