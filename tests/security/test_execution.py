"""An effect happens once, and we can say whether it happened (promise 3), whatever the BSS does to the answer."""

import json

import pytest

from tests.support.world import Approver, World

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


@pytest.fixture
def anna(a_world: World) -> Approver:
    return a_world.approver("anna")


@pytest.mark.parametrize("fault", ["lost", "garbage", "status_after=500", "stall"])
def test_an_answer_lost_after_the_commit_is_read_back_not_repeated(a_world: World, anna: Approver, fault: str) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("POST", ADJUST, fault, count=1)
    record = a_world.approve(run_id, anna)
    assert record.receipt is not None
    assert record.receipt.confirmed_by == "read_back"
    assert a_world.effects()["adjustments"] == 1


@pytest.mark.parametrize("fault", ["status=503", "drop", "hang"])
def test_a_request_that_was_never_processed_is_sent_again_after_the_lease(
    a_world: World, anna: Approver, fault: str
) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("POST", ADJUST, fault, count=1)
    record = a_world.approve(run_id, anna)
    assert record.receipt is not None
    assert record.receipt.confirmed_by == "response"
    assert a_world.effects()["adjustments"] == 1
    with a_world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
    assert (effect.status, effect.attempts) == ("settled", 2)


def test_a_plain_refusal_of_the_bss_is_a_failure_and_nothing_happened(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("POST", ADJUST, "status=409", count=1)
    a_world.send(run_id, a_world.sign(run_id, anna))
    record = a_world.wait(run_id, "failed")
    assert record.code == "conflict"
    assert a_world.effects()["adjustments"] == 0


@pytest.mark.parametrize(("found", "end"), [("confirm_executed", "executed"), ("confirm_not_executed", "failed")])
def test_what_cannot_be_known_waits_for_a_person_and_is_never_guessed(make_world: object, found: str, end: str) -> None:
    world: World = make_world(effect_attempts=2, effect_lease_seconds=2.0)  # type: ignore[operator]
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    world.break_bss("POST", ADJUST, "lost", count=1)
    world.break_bss("GET", ADJUST, "status=503")
    world.send(run_id, world.sign(run_id, anna))
    record = world.wait(run_id, "unknown_outcome")
    assert "may or may not have happened" in record.detail
    assert [event.kind for event in world.events(run_id)][-2:] == ["execute.unknown", "run.parked"]

    world.send(run_id, world.sign(run_id, anna, "approve"))
    assert world.refusal(run_id) == "wrong_verdict"
    world.run(world.engine.cancel(run_id))  # a cancellation settles nothing
    world.send(run_id, world.sign(run_id, anna, found))  # type: ignore[arg-type]
    record = world.wait(run_id, end)  # type: ignore[arg-type]
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


def test_the_history_of_a_run_holds_no_readable_figure_of_the_customer(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.approve(run_id, anna)
    history = a_world.run(a_world.engine.history(run_id))
    text = history.to_json()
    for secret in ("B-C00005", "goodwill", "monthly_charges", "rationale"):
        assert secret not in text
    payloads = [p for event in json.loads(text)["events"] for p in _payloads(event)]
    plain = [p for p in payloads if p["metadata"].get("encoding") not in ("YmluYXJ5L3BsYWNldC1hZXMyNTZnY20=", None)]
    # What remains readable: the signed envelope (public by nature is not assumed: our own client encrypts it too),
    # search attributes and Temporal's own marker data.
    assert all("customer" not in json.dumps(p).lower() for p in plain)


def _payloads(node: object) -> list[dict[str, dict[str, str]]]:
    if isinstance(node, dict):
        if "metadata" in node and "data" in node:
            return [node]
        return [found for value in node.values() for found in _payloads(value)]
    if isinstance(node, list):
        return [found for value in node for found in _payloads(value)]
    return []
