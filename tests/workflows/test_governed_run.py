"""The run, on real Temporal, real HTTP and a real database: each way it can end, and what it leaves behind."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from agents.model_calls.completion import NoModelAnsweredError
from agents.testing import ScriptedInference
from placet.contracts.analysis.inference import ModelUse
from placet.contracts.analysis.outcome import Exchange
from placet.contracts.proposal import Proposal
from placet.governance.signing.canonical import digest, sha256_hex
from tests.support.world import EXECUTED_RECORD, World


def balance(world: World, customer: str) -> float:
    bucket = world.bss(f"/tmf-api/prepayBalanceManagement/v4/bucket/B-{customer}")
    return float(bucket["remainingValue"]["amount"])


def test_an_approved_proposal_changes_the_customer_once_and_everything_is_on_the_record(a_world: World) -> None:
    before = balance(a_world, "C00005")
    run_id = a_world.pending("C00005")
    proposal = a_world.run(a_world.engine.proposal(run_id))
    assert isinstance(proposal, Proposal)
    status = a_world.run(a_world.engine.status(run_id))
    assert (status.state, status.proposal) == ("awaiting_decision", digest(proposal))
    assert balance(a_world, "C00005") == before

    record = a_world.approve(run_id, a_world.approver())

    assert proposal.mutation.kind == "adjust_balance"
    assert balance(a_world, "C00005") == before + proposal.mutation.amount.amount_minor / 100
    assert record.receipt is not None
    assert [event.kind for event in a_world.events(run_id)] == EXECUTED_RECORD
    assert [event.actor for event in a_world.events(run_id, "approve.decided")] == ["anna"]
    with a_world.database.reading() as tx:
        assert tx.audit.verify(run_id) == len(EXECUTED_RECORD)
    assert a_world.effects()["adjustments"] == 1


def test_a_rejected_proposal_changes_nothing(a_world: World) -> None:
    run_id = a_world.pending("C00005")
    a_world.send(run_id, a_world.sign(run_id, a_world.approver(), "reject"))
    record = a_world.wait(run_id, "rejected")
    assert record.detail == "rejected by anna: test"
    assert a_world.effects()["adjustments"] == 0


def test_nothing_proposed_is_an_end_with_its_reason(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.stop_worker()
    world.inference = ScriptedInference({"propose": {"treatment": "nothing"}})
    world.start_worker()
    record = world.wait(world.start("C00005"), "no_action")
    assert record.detail.startswith("nothing: the model chose to leave the customer alone")


def test_the_same_key_is_the_same_run(a_world: World) -> None:
    first = a_world.start("C00005", key="ticket-42")
    assert a_world.start("C00005", key="ticket-42") == first
    a_world.wait(first, "awaiting_decision")
    assert len(a_world.events(first, "run.requested")) == 1


def test_cancelling_at_the_gate_is_a_clean_end(a_world: World) -> None:
    run_id = a_world.pending("C00005")
    a_world.cancel(run_id)
    a_world.wait(run_id, "cancelled")
    assert a_world.effects()["adjustments"] == 0


def test_an_unknown_customer_ends_failed_and_says_so(a_world: World) -> None:
    record = a_world.wait(a_world.start("C99999"), "failed")
    assert record.code == "unknown_customer"
    assert record.detail.startswith("unknown customer 'C99999': billing does not know it; check the id for a typing")


def test_cancelling_while_a_step_waits_for_a_sick_system_is_a_clean_end(a_world: World) -> None:
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    run_id = a_world.start("C00005")
    a_world.until(lambda: a_world.record(run_id).detail.startswith("retrying"), "a retry")
    a_world.cancel(run_id)
    a_world.wait(run_id, "cancelled")
    assert [event.kind for event in a_world.events(run_id)] == [
        "run.requested",
        "run.started",
        "run.cancel_requested",
        "run.ended",
    ]


class Sick:
    """A model that does not answer the first times it is asked."""

    def __init__(self, times: int) -> None:
        self._left = times
        self._well = ScriptedInference()

    def complete(self, task: str, **asked: Any) -> Any:
        if self._left == 0:
            return self._well.complete(task, **asked)
        self._left -= 1
        use = ModelUse(
            task=task,
            model="local",
            route="openai/x",
            perimeter="inside",
            outcome="unreachable",
            detail="connection refused",
            prompt_sha256=sha256_hex(b"prompt"),
        )
        raise NoModelAnsweredError(task, (use,), (Exchange("prompt", None),))


def test_a_model_that_is_down_holds_the_run_and_every_attempt_is_on_the_record(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    world.stop_worker()
    world.inference = Sick(2)
    world.start_worker()
    run_id = world.start("C00005")
    world.wait(run_id, "awaiting_decision")
    attempts = world.events(run_id, "analyse.unanswered")
    assert [event.body["model_use"][0]["outcome"] for event in attempts] == ["unreachable", "unreachable"]
    assert [event.body["attempt"] for event in attempts] == [1, 2]


def test_a_locked_database_delays_a_run_and_loses_nothing(make_world: Callable[..., World]) -> None:
    world = make_world()
    path = world.settings.home / "placet.db"
    world.stop_worker()
    run_id = world.start("C00005")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        world.start_worker()
        world.until(lambda: world.attempts(run_id) > 1, "a second attempt")
        other.execute("ROLLBACK")
    world.wait(run_id, "awaiting_decision")
    world.approve(run_id, world.approver())
    assert [event.kind for event in world.events(run_id)] == EXECUTED_RECORD
    assert world.effects()["adjustments"] == 1


def scheduled(world: World, run_id: str) -> list[str]:
    """The steps that went to the task queue."""
    history = world.run(world.engine.history(run_id))
    named = [event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events]
    return [name for name in named if name]


def test_a_system_that_answers_at_once_costs_no_trip_to_the_task_queue(a_world: World) -> None:
    run_id = a_world.pending("C00005")
    a_world.approve(run_id, a_world.approver())
    assert scheduled(a_world, run_id) == ["analyse", "propose"]


def test_a_slow_system_is_waited_for_beside_the_workflow_task_and_not_in_it(make_world: Callable[..., World]) -> None:
    world = make_world(bss_timeout_seconds=5.0)
    world.break_bss("GET", "/tmf-api/customerBillManagement", "latency=2500")
    run_id = world.pending("C00005")
    world.mend_bss()
    assert scheduled(world, run_id) == ["analyse", "query_billing", "propose"]
    assert len(world.events(run_id, "query_billing.completed")) == 1

    # Every answer to the check before the effect is slow; the effect is caused once, by the regular attempt.
    world.break_bss("GET", "/tmf-api/prepayBalanceManagement", "latency=2500", count=1)
    world.approve(run_id, world.approver())
    assert scheduled(world, run_id) == ["analyse", "query_billing", "propose", "execute"]
    assert world.effects()["adjustments"] == 1
