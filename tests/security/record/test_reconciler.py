"""A run whose workflow Temporal ended does not wait for ever, and nothing is said of its effect that nobody knows."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.client import WorkflowFailureError
from temporalio.common import RawValue
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from placet.doctor.stalled import stalled
from placet.engine import progress
from placet.entrypoints.beside_worker.reconciled import Reconciled
from placet.entrypoints.beside_worker.reconciler import ENDED_BY_TEMPORAL, NEVER_STARTED, Reconciler
from placet.replay.verdict import replay
from placet.service import runs as run_operations
from placet.storage.projections.verification import verify_projections
from tests.security.perimeter.impostor import stranger
from tests.support.databases import outsider
from tests.support.world import World

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


def reconciler(world: World, **options: int) -> Reconciler:
    """One as a worker has it, without patience."""
    assert world._parts is not None
    return Reconciler(world.engine, world._parts.context, grace=timedelta(0), **options)


def passed(world: World, made: Reconciler | None = None) -> dict[str, Reconciled]:
    """What one pass finds, by run."""
    found = world.run((made or reconciler(world)).run_once())
    assert found is not None
    return {one.run_id: one for one in found}


def terminate(world: World, run_id: str) -> None:
    world.run(world.engine.handle(run_id).terminate("cleaning up"))


def test_a_terminated_run_is_recorded_as_ended_and_one_that_runs_is_left_alone(a_world: World) -> None:
    ended, waiting = a_world.pending("C00005"), a_world.pending("C00006")
    anna = a_world.approver("anna")
    assert passed(a_world) == {}
    terminate(a_world, ended)
    assert passed(a_world)[ended].found == "ended"
    record = a_world.record(ended)
    assert (record.state, record.code) == ("failed", ENDED_BY_TEMPORAL)
    assert record.detail.startswith("Temporal ended its workflow: terminated at ")
    (entry,) = a_world.events(ended, "run.ended")
    assert (entry.body["state"], entry.body["code"]) == ("failed", ENDED_BY_TEMPORAL)
    assert passed(a_world) == {}
    assert a_world.record(waiting).state == "awaiting_decision"
    a_world.approve(waiting, anna)


def test_a_terminated_run_whose_effect_may_be_under_way_is_parked_for_a_person(a_world: World) -> None:
    anna = a_world.approver("anna")
    run_id, denied = a_world.pending("C00005"), a_world.pending("C00006")
    a_world.break_bss("POST", ADJUST, "drop")
    for bucket in ("B-C00005", "B-C00006"):
        a_world.break_bss("GET", ADJUST, "status=503", behind="POST", about=bucket)
    for each in (run_id, denied):
        a_world.send(each, a_world.sign(each, anna))

    def sent(run_id: str) -> bool:
        with a_world.database.reading() as tx:
            return any(effect.sends for effect in tx.effects.for_run(run_id))

    seen: dict[str, Reconciled] = {}

    def found(run_id: str) -> bool:
        seen.update(passed(a_world))
        return run_id in seen

    for each in (run_id, denied):
        a_world.until(lambda each=each: sent(each), "a send")  # type: ignore[misc]
        terminate(a_world, each)
    # Of one the ledger is made to say that nothing happened; the record has its request all the same.
    with outsider(a_world.settings.database) as shell:
        shell(f"UPDATE effect SET status = 'failed', code = 'x' WHERE run_id = '{denied}'")  # noqa: S608
    for each in (run_id, denied):
        a_world.until(lambda each=each: found(each), "the end of its attempt's lease")  # type: ignore[misc]
        record = a_world.record(each)
        assert (record.state, record.code) == ("unknown_outcome", ENDED_BY_TEMPORAL)
        assert len(a_world.events(each, "run.parked")) == 1
        assert a_world.events(each, "run.ended") == []
        assert passed(a_world)[each].found == "parked_before"
    with a_world.database.reading() as tx:
        assert [effect.status for effect in tx.effects.for_run(run_id)] == ["unknown"]


def test_a_reset_workflow_goes_on_and_so_does_its_run(a_world: World) -> None:
    anna = a_world.approver("anna")
    run_id = a_world.pending("C00005")
    terminate(a_world, run_id)
    events = a_world.run(a_world.engine.history(run_id)).events
    task = next(event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes"))
    reset = ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=run_id),
        reason="it was ended by mistake",
        workflow_task_finish_event_id=task,
        request_id="1",
    )
    a_world.run(a_world.engine.client.workflow_service.reset_workflow_execution(reset))
    assert passed(a_world) == {}
    assert a_world.approve(run_id, anna).state == "executed"
    assert a_world.effects()["adjustments"] == 1


def test_what_was_requested_and_never_started_is_started_for_a_day(a_world: World) -> None:
    fresh = run_operations.record_request(a_world.database, a_world.request("C00005")).request
    old = a_world.request("C00006").model_copy(update={"requested_at": datetime.now(UTC) - timedelta(days=2)})
    run_operations.record_request(a_world.database, old)
    found = passed(a_world)
    assert {run_id: one.found for run_id, one in found.items()} == {fresh.run_id: "started", old.run_id: "ended"}
    assert (a_world.record(old.run_id).state, a_world.record(old.run_id).code) == ("failed", NEVER_STARTED)
    a_world.wait(fresh.run_id, "awaiting_decision")


def test_a_run_that_temporal_deleted_is_over_only_where_this_temporal_had_it(a_world: World) -> None:
    before = a_world.pending("C00005")
    passed(a_world)  # from here on this Temporal is on the record
    after = a_world.pending("C00006")
    for run_id in (before, after):
        execution = WorkflowExecution(workflow_id=run_id)
        delete = DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=execution)
        a_world.run(a_world.engine.client.workflow_service.delete_workflow_execution(delete))
    a_world.until(lambda: set(passed(a_world)) >= {before}, "the first one's deletion")
    a_world.until(lambda: a_world.record(after).state == "failed" or not passed(a_world), "the other's")
    assert passed(a_world)[before].found == "lost"
    assert a_world.record(before).state == "awaiting_decision"
    assert a_world.record(after).code == ENDED_BY_TEMPORAL


def test_one_of_several_reconciles_at_a_time_page_by_page(a_world: World) -> None:
    runs = [a_world.pending(customer) for customer in ("C00005", "C00006")]
    for run_id in runs:
        terminate(a_world, run_id)
    one, other = reconciler(a_world, page=1), reconciler(a_world)
    assert one._lease()
    assert a_world.run(other.run_once()) is None
    found = [*passed(a_world, one), *passed(a_world, one)]
    assert found == sorted(runs)
    assert passed(a_world, one) == {}
    assert one.done
    assert passed(a_world, other) == {}


def test_a_row_that_nobody_requested_starts_nothing_and_is_found(a_world: World) -> None:
    forged = a_world.request("C00005", by="anna")
    with a_world.database.transaction() as tx:
        tx.runs.request(forged)
    found = passed(a_world)[forged.run_id]
    assert (found.found, a_world.events(forged.run_id)) == ("refused", [])
    # Somebody with the payload key starts it themselves: no step is done for it.
    a_world.run(a_world.engine.start(forged))
    with pytest.raises(WorkflowFailureError):
        a_world.run(a_world.engine.handle(forged.run_id).result())
    assert "run.started" not in [event.kind for event in a_world.events(forged.run_id)]
    with a_world.database.snapshot() as tx:
        faults = [str(one) for one in verify_projections(tx, "demo")]
    assert any(forged.run_id in fault for fault in faults), faults


@workflow.defn(name="GovernedRun", sandboxed=False)
class Wedged:
    """Workflow code with a defect: every workflow task fails."""

    @workflow.run
    async def run(self, _: RawValue) -> None:
        """Fail the task."""
        raise RuntimeError("a defect")


def test_a_workflow_that_does_not_get_on_is_named(a_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TASK_FAILURES", 2)  # Temporal waits longer before each further attempt
    made = reconciler(a_world)
    a_world.run(a_world._worker.shutdown())  # type: ignore[union-attr]
    a_world._worker = None

    async def wedge() -> str:
        worker = Worker(
            a_world.worker_engine.client,
            task_queue=a_world.engine.task_queue,
            workflows=[Wedged],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            request = run_operations.record_request(a_world.database, a_world.request("C00005")).request
            await a_world.engine.start(request)
            async with asyncio.timeout(50):
                while True:
                    described = await a_world.engine.handle(request.run_id).describe()
                    if described.raw_description.pending_workflow_task.attempt > progress.TASK_FAILURES:
                        return request.run_id
                    await asyncio.sleep(0.05)

    run_id = a_world.run(wedge())
    found = passed(a_world, made)[run_id]
    assert found.found == "stuck"
    assert found.detail.startswith("its workflow task has failed 2 times and is tried again")
    assert f"temporal workflow terminate --workflow-id {run_id}" in found.detail


def test_a_workflow_that_took_the_place_of_ours_is_named_and_once_it_is_over_so_is_the_run(a_world: World) -> None:
    """As after a ContinueAsNew onto a queue of somebody's, or a start under the run's id."""
    assert passed(a_world) == {}  # this Temporal was met before
    run_id = a_world.pending("C00005")
    terminate(a_world, run_id)
    client = stranger(a_world)
    a_world.run(client.start_workflow("GovernedRun", id=run_id, task_queue="mallory"))
    finding = passed(a_world)[run_id]
    assert finding.found == "foreign"
    assert f"`temporal workflow terminate --workflow-id {run_id}` ends it" in finding.detail
    (said,) = [line.detail for line in stalled(a_world.settings)]
    assert "a workflow on task queue “mallory”, which is not ours, has taken its place" in said
    terminate(a_world, run_id)
    finding = passed(a_world)[run_id]
    assert finding.found == "ended"
    assert "which took the place of its own, and is over" in finding.detail
    record = a_world.record(run_id)
    assert (record.state, record.code) == ("failed", ENDED_BY_TEMPORAL)


def test_a_workflow_that_is_run_again_ends_as_its_record_says(a_world: World) -> None:
    """A stranger resets the workflow of an executed run, without its signals, and cancels what goes on."""
    anna, run_id = a_world.approver("anna"), a_world.pending("C00005")
    a_world.approve(run_id, anna)
    gate = next(
        event.workflow_task_completed_event_attributes.scheduled_event_id + 2
        for event in reversed(list(a_world.run(a_world.engine.history(run_id)).events))
        if event.HasField("workflow_task_completed_event_attributes") and event.event_id < 20
    )
    reset = ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=run_id),
        reason="x",
        request_id="x",
        workflow_task_finish_event_id=gate,
        reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
    )
    a_world.run(stranger(a_world).workflow_service.reset_workflow_execution(reset))
    verdict = a_world.run(replay(a_world.settings, run_id))
    assert verdict.faults == [f"the history ends {verdict.state!r}, our record says that the run is 'executed'"]
    a_world.run(stranger(a_world).get_workflow_handle(run_id).cancel())
    result = a_world.run(a_world.engine.handle(run_id).result())
    assert result["state"] == "executed"
    assert a_world.run(replay(a_world.settings, run_id)).faults == []
    assert a_world.record(run_id).state == "executed"
    assert a_world.effects()["adjustments"] == 1


def test_a_replay_says_when_there_is_no_record_to_compare_with(a_world: World, tmp_path: Path) -> None:
    run_id = a_world.pending("C00005")
    a_world.approve(run_id, a_world.approver("anna"))
    key = a_world.settings.payload_key
    elsewhere = {"home": tmp_path / "other", "payload_key_file": key}
    apart = "the history was not compared with our record"
    for settings, note in (
        ({**elsewhere, "database_url": ""}, f"{apart}, which has no such run"),
        ({**elsewhere, "database_url": f"sqlite:///{tmp_path / 'none' / 'placet.db'}"}, f"{apart}: "),
    ):
        verdict = a_world.run(replay(a_world.settings.model_copy(update=settings), run_id))
        assert verdict.faults == []
        assert [said for said in verdict.notes if said.startswith(note)], verdict.notes
    assert not [said for said in a_world.run(replay(a_world.settings, run_id)).notes if apart in said]
