"""A sound decision executes nothing once what it rested on has changed: key, policy, customer, time (promise 2)."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities.approve import Approve
from placet.contracts.gate import Gate
from placet.contracts.people.decision import ReceivedDecision
from placet.contracts.run import ReviewInput
from placet.service import runs as run_operations
from tests.support.world import Approver, World


def test_a_key_revoked_after_the_decision_stops_the_execution(a_world: World, run_id: str, anna: Approver) -> None:
    """The approval is accepted, then the BSS is down: the key is revoked before the effect could happen."""
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.wait(run_id, "executing")
    a_world.until(lambda: "retrying" in a_world.record(run_id).detail, "the first attempt")
    a_world.revoke(anna.key)
    a_world.mend_bss()
    record = a_world.wait(run_id, "denied")
    assert record.code == "revoked_key"
    assert a_world.effects()["adjustments"] == 0


def test_a_policy_changed_after_the_decision_stops_the_execution(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    (policies / "demo").mkdir(parents=True)
    default = Path(__file__).parents[3] / "agents" / "retention" / "policy.cedar"
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


def test_customer_state_that_changed_stops_the_execution(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.patch_bss("/sandbox/buckets/B-C00005", {"status": "suspended"})
    a_world.send(run_id, a_world.sign(run_id, anna))
    record = a_world.wait(run_id, "denied")
    assert record.code == "precondition_changed"
    assert "bucket_status" in record.detail
    assert a_world.effects()["adjustments"] == 0


def test_an_approval_reviewed_after_the_gate_closed_is_late_whenever_it_was_sent(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    anna = world.approver("anna")
    world.shorten_gate(timedelta(seconds=8))
    run_id = world.pending("C00005")
    closes = datetime.now(UTC) + timedelta(seconds=8)
    with closing(sqlite3.connect(world.settings.home / "placet.db", isolation_level=None)) as other:
        envelope = world.sign(run_id, anna)
        other.execute("BEGIN EXCLUSIVE")
        world.send(run_id, envelope)
        world.until(lambda: datetime.now(UTC) > closes, "the gate closing")
        other.execute("ROLLBACK")
    assert world.refusal(run_id) == "late"
    world.wait(run_id, "expired")
    assert world.effects()["adjustments"] == 0


def test_an_approval_lapses_with_its_gate_when_the_effect_could_not_be_sent_in_time(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    anna = world.approver("anna")
    world.shorten_gate(timedelta(seconds=10))
    run_id = world.pending("C00005")
    closes = datetime.now(UTC) + timedelta(seconds=10)
    world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    world.send(run_id, world.sign(run_id, anna))
    world.wait(run_id, "executing")
    world.until(lambda: datetime.now(UTC) > closes, "the gate closing")
    world.mend_bss()
    assert world.wait(run_id, "denied").code == "lapsed"
    assert world.effects()["adjustments"] == 0


def test_a_decision_accepted_before_its_worker_died_lapses_with_a_key_revoked_since(
    a_world: World, run_id: str, anna: Approver
) -> None:
    """The review is committed, its answer lost; the second finds it on the record, and that it counts no more."""
    a_world.stop_worker()
    envelope = a_world.sign(run_id, anna)
    review = ReviewInput(
        run=a_world.request_of(run_id),
        proposal=str(a_world.record(run_id).proposal),
        gate=Gate.model_validate(a_world.events(run_id, "approve.opened")[0].body["gate"]),
        phase="decide",
        received=(ReceivedDecision(envelope=envelope, received_at=datetime.now(UTC), early=False),),
    )
    first = a_world.in_activity(lambda context: Approve(context).review_decisions(review))
    a_world.revoke(anna.key)
    second = a_world.in_activity(lambda context: Approve(context).review_decisions(review))
    assert first.verdict == "approve"
    assert (second.verdict, second.decisions, second.refused) == (None, (), 0)
    (lapsed,) = a_world.events(run_id, "approve.lapsed")
    assert (lapsed.body["approver"], lapsed.body["code"]) == ("anna", "revoked_key")
    # The run waits for somebody whose word counts.
    a_world.start_worker()
    a_world.send(run_id, envelope)
    a_world.approve(run_id, a_world.approver("ben"))
    assert a_world.effects()["adjustments"] == 1


def test_a_cancellation_asked_for_before_the_effect_wins_over_the_approval(
    a_world: World, run_id: str, anna: Approver
) -> None:
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.wait(run_id, "executing")
    a_world.until(lambda: "retrying" in a_world.record(run_id).detail, "the first attempt")
    run_operations.record_cancellation(a_world.database, a_world.record(run_id), "olga")
    a_world.run(a_world.engine.cancel(run_id))
    a_world.mend_bss()
    assert a_world.wait(run_id, "cancelled").code == "cancel_requested"
    assert a_world.effects()["adjustments"] == 0
