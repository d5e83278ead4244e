"""An effect happens once, and we can say whether it happened (promise 3), whatever the BSS does to the answer."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.approve import Approve
from activities.close_run import CloseRun
from activities.execute import Execute
from placet.contracts.gate import Gate
from placet.contracts.people.decision import ReceivedDecision, Verdict
from placet.contracts.run import CloseInput, ExecuteInput, ReviewInput, RunState
from placet.entrypoints.settings import Settings
from placet.service import runs as run_operations
from tests.support.world import HASTY, Approver, World

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


@pytest.fixture
def a_world(make_world: Callable[..., World], database_url: str) -> World:
    """An installation on each database."""
    return make_world(database_url=database_url, **HASTY)


@pytest.mark.parametrize("fault", ["lost", "garbage", "status_after=500", "stall"])
def test_an_answer_lost_after_the_commit_is_read_back_not_repeated(a_world: World, anna: Approver, fault: str) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("POST", ADJUST, fault, count=1)
    record = a_world.approve(run_id, anna)
    assert record.receipt is not None
    assert record.receipt.confirmed_by == "read_back"
    assert a_world.effects()["adjustments"] == 1


@pytest.mark.parametrize("fault", ["status=503", "hang"])
def test_a_request_that_was_never_processed_is_sent_again_where_it_would_be_shown(
    a_world: World, anna: Approver, fault: str
) -> None:
    run_id = a_world.pending("C00005")
    a_world.keys_are_shown()
    a_world.break_bss("POST", ADJUST, fault, count=1)
    record = a_world.approve(run_id, anna)
    assert record.receipt is not None
    assert record.receipt.confirmed_by == "response"
    assert a_world.effects()["adjustments"] == 1 + 1
    with a_world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
    assert (effect.status, effect.sends) == ("settled", 2)


def test_a_plain_refusal_of_the_bss_is_a_failure_and_nothing_happened(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("POST", ADJUST, "status=422", count=1)
    a_world.send(run_id, a_world.sign(run_id, anna))
    record = a_world.wait(run_id, "failed")
    assert record.code == "upstream_rejected"
    assert a_world.effects()["adjustments"] == 0


@pytest.mark.parametrize(("found", "end"), [("confirm_executed", "executed"), ("confirm_not_executed", "failed")])
def test_what_cannot_be_known_waits_for_a_person_and_is_never_guessed(
    make_world: Callable[..., World], database_url: str, found: Verdict, end: RunState
) -> None:
    world = make_world(database_url=database_url, effect_attempts=2, **HASTY)
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    world.break_bss("POST", ADJUST, "lost", count=1)
    world.break_bss("GET", ADJUST, "status=503", behind="POST")
    world.send(run_id, world.sign(run_id, anna))
    record = world.wait(run_id, "unknown_outcome")
    assert "may or may not have happened" in record.detail
    assert [event.kind for event in world.events(run_id)][-2:] == ["execute.unknown", "run.parked"]

    world.send(run_id, world.sign(run_id, anna, "approve"))
    assert world.refusal(run_id) == "wrong_verdict"
    world.run(world.engine.cancel(run_id))  # a cancellation settles nothing
    world.send(run_id, world.sign(run_id, anna, found))
    record = world.wait(run_id, end)
    assert record.code == "settled_by_person"
    with world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
    assert effect.status == ("settled" if end == "executed" else "failed")
    assert effect.resolved_by == "anna"
    assert world.effects()["adjustments"] == 1  # the sandbox knows: the lost one had been committed


@pytest.mark.parametrize("fault", ["status=503", "garbage", "hang", "drop"])
def test_a_bss_that_is_ill_while_reading_holds_the_run_and_loses_nothing(a_world: World, fault: str) -> None:
    path = "/tmf-api/customerManagement"
    a_world.break_bss("GET", path, fault)
    run_id = a_world.start("C00005")
    if fault == "garbage":  # what cannot be read is no reason to try again
        record = a_world.wait(run_id, "failed")
        assert record.code == "unreadable_answer"
        return
    a_world.until(lambda: a_world.record(run_id).detail.startswith("retrying: billing"), "a retry")
    assert a_world.record(run_id).state == "analysing"
    a_world.mend_bss()
    a_world.wait(run_id, "awaiting_decision")


def test_a_bss_that_loses_every_answer_is_asked_twice_and_never_again(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.keys_are_shown()
    a_world.break_bss("POST", ADJUST, "drop")
    a_world.send(run_id, a_world.sign(run_id, anna))
    record = a_world.wait(run_id, "unknown_outcome")
    assert record.detail == "it was sent 2 times and is not shown"
    with a_world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
    assert (effect.status, effect.sends) == ("unknown", 2)


def test_what_could_never_be_sent_has_failed_and_is_not_unknown(make_world: Callable[..., World]) -> None:
    world = make_world()
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    world.send(run_id, world.sign(run_id, anna))
    world.wait(run_id, "executing")
    world.until(lambda: "retrying" in world.record(run_id).detail, "the first attempt")
    world.stop_worker()
    world.clock = lambda: datetime.now(UTC) + timedelta(minutes=11)
    world.start_worker()
    assert world.wait(run_id, "failed").code == "upstream_unavailable"
    assert world.effects()["adjustments"] == 0


@pytest.mark.parametrize("fault", ["status=503", "hang"])
def test_a_cancellation_during_the_effect_comes_too_late_and_the_effect_is_settled_first(
    a_world: World, anna: Approver, fault: str
) -> None:
    run_id = a_world.pending("C00005")
    a_world.keys_are_shown()
    a_world.break_bss("POST", ADJUST, fault, count=1)
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.wait(run_id, "executing")
    a_world.run(a_world.engine.cancel(run_id))
    a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 1 + 1


def test_an_approved_order_is_placed_once_although_its_answer_was_lost(
    make_world: Callable[..., World], database_url: str
) -> None:
    world = make_world(database_url=database_url)
    order = "/tmf-api/productOrderingManagement/v4/productOrder"
    run_id = world.pending("C00007")
    world.break_bss("POST", order, "lost", count=1)
    world.approve(run_id, world.approver("anna"))
    assert world.effects()["orders"] == 1
    (placed,) = world.bss(f"{order}?externalId={_effect_key(world, run_id)}")
    assert placed["state"] == "completed"


def _effect_key(world: World, run_id: str) -> str:
    with world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
    return effect.effect_key


def test_the_history_of_a_run_holds_no_readable_word_of_the_customers_record(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.send(run_id, "garbage")
    a_world.approve(run_id, anna)
    text = a_world.run(a_world.engine.history(run_id)).to_json()
    readable = text + " ".join(_decoded(json.loads(text)))
    for secret in ("B-C00005", "goodwill", "monthly", "rationale", "month_to_month", "amount_minor"):
        assert secret not in readable


def _decoded(node: object) -> list[str]:
    """Every base64 payload of the history, as text."""
    if isinstance(node, dict):
        own = [base64.b64decode(node["data"]).decode(errors="replace")] if isinstance(node.get("data"), str) else []
        return own + [found for value in node.values() for found in _decoded(value)]
    if isinstance(node, list):
        return [found for value in node for found in _decoded(value)]
    return []


def test_a_read_outside_the_allowlist_never_leaves_and_is_on_the_runs_record(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    allowlist = tmp_path / "allowlist.toml"
    text = Settings(home=tmp_path).allowlist.read_text()
    allowlist.write_text(text.replace("/tmf-api/usageManagement/v4/usage", "/tmf-api/usageManagement/v4/other"))
    assert allowlist.read_text() != text
    world = make_world(allowlist=allowlist)
    run_id = world.start("C00005")
    record = world.wait(run_id, "failed")
    assert record.code == "plugin_violation"
    (violation,) = world.events(run_id, "plugin.violation")
    assert violation.actor == "plugin:billing"
    assert "/tmf-api/usageManagement/v4/usage" in violation.body["detail"]


def test_a_repeat_that_is_refused_proves_nothing_about_the_request_whose_answer_was_lost(
    a_world: World, anna: Approver
) -> None:
    run_id = a_world.pending("C00005")
    a_world.keys_are_shown()
    a_world.break_bss("POST", ADJUST, "drop", count=1)
    a_world.break_bss("POST", ADJUST, "status=422", count=1)
    a_world.send(run_id, a_world.sign(run_id, anna))
    record = a_world.wait(run_id, "unknown_outcome")
    assert record.detail.startswith("an earlier answer was lost, and it may not be sent again")


def test_nothing_is_sent_for_a_run_that_is_over_whoever_schedules_the_step(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.stop_worker()
    review = ReviewInput(
        run=a_world.request_of(run_id),
        proposal=str(a_world.record(run_id).proposal),
        gate=Gate.model_validate(a_world.events(run_id, "approve.opened")[0].body["gate"]),
        phase="decide",
        received=(ReceivedDecision(envelope=a_world.sign(run_id, anna), received_at=datetime.now(UTC), early=False),),
    )
    decision = a_world.in_activity(lambda context: Approve(context).review_decisions(review)).decisions[-1]
    run_operations.record_cancellation(a_world.database, a_world.record(run_id), "olga")
    close = CloseInput(run=review.run, state="cancelled", code="cancelled")
    a_world.in_activity(lambda context: CloseRun(context).close_run(close))
    effect = ExecuteInput(run=review.run, proposal=review.proposal, decisions=(decision.envelope_digest,))
    with pytest.raises(ApplicationError, match="is over; nothing may be sent for it"):
        a_world.in_activity(lambda context: Execute(context).execute(effect))
    assert a_world.effects()["adjustments"] == 0
