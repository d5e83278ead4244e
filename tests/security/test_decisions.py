"""Decisions at the running system: whatever else is sent, the run waits and the record says why (promises 1, 2)."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.service import RPCError

from placet.contracts.decision import DecisionPredicate
from placet.errors import UsageError
from placet.governance import dsse
from placet.governance.statement import decision_payload
from placet.interfaces import operations
from tests.support.world import Approver, World


@pytest.fixture
def run_id(a_world: World) -> str:
    return a_world.pending("C00005")


@pytest.fixture
def anna(a_world: World) -> Approver:
    return a_world.approver("anna")


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
    operations.revoke_key(a_world.database, tenant="demo", key_id=revoked.key.key_id, by="root", reason="left")
    a_world.send(run_id, envelope)
    assert a_world.refusal(run_id, 2) == "revoked_key"
    still_waiting(a_world, run_id)


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
    envelope = a_world.sign(run_id, anna)
    with pytest.raises(UsageError, match="takes no decision"):
        a_world.run(operations.deliver_decision(a_world.database, a_world.engine, record, envelope))
    assert a_world.refusal(run_id) == "late"
    assert a_world.effects()["adjustments"] == 0


def test_a_key_revoked_after_the_decision_stops_the_execution(a_world: World, run_id: str, anna: Approver) -> None:
    """The approval is accepted, then the BSS is down: the key is revoked before the effect could happen."""
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.wait(run_id, "executing")
    a_world.until(lambda: "retrying" in a_world.record(run_id).detail, "the first attempt")
    operations.revoke_key(a_world.database, tenant="demo", key_id=anna.key.key_id, by="root", reason="left")
    a_world.mend_bss()
    record = a_world.wait(run_id, "denied")
    assert record.code == "revoked_key"
    assert a_world.effects()["adjustments"] == 0


def test_a_policy_changed_after_the_decision_stops_the_execution(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    (policies / "demo").mkdir(parents=True)
    default = Path(__file__).parents[2] / "agents" / "retention" / "policy.cedar"
    (policies / "demo" / "retention.cedar").write_text(default.read_text())
    world = make_world(policy_dir=policies)
    run_id = world.pending("C00005")
    world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    world.send(run_id, world.sign(run_id, world.approver()))
    world.wait(run_id, "executing")
    world.until(lambda: "retrying" in world.record(run_id).detail, "the first attempt")
    (policies / "demo" / "stop.cedar").write_text('@id("freeze") forbid (principal, action, resource);')
    world.mend_bss()
    record = world.wait(run_id, "denied")
    assert record.code == "policy_changed"
    assert world.effects()["adjustments"] == 0


def test_without_a_policy_set_nothing_passes_the_gate(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(policy_dir=tmp_path / "nowhere")
    record = world.wait(world.start("C00005"), "denied")
    assert record.code == "policy_denied"
    assert "no policy set for tenant 'demo'" in record.detail


def test_customer_state_that_changed_stops_the_execution(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.patch_bss("/sandbox/buckets/B-C00005", {"status": "suspended"})
    a_world.send(run_id, a_world.sign(run_id, anna))
    record = a_world.wait(run_id, "denied")
    assert record.code == "precondition_changed"
    assert "bucket_status" in record.detail
    assert a_world.effects()["adjustments"] == 0


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
