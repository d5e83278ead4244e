"""Whoever reaches Temporal can keep a run from getting on, and nothing fails: it is said which, and what helps."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import PendingWorkflowTaskState, WorkerVersioningMode, WorkflowExecutionStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    PauseActivityRequest,
    PollWorkflowTaskQueueRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode

from placet.doctor.stalled import stalled
from placet.engine import progress
from placet.engine.progress import described, stalls_of
from placet.engine.unreviewed import Reviews, reviews
from placet.entrypoints.beside_worker import reconciler
from placet.entrypoints.beside_worker.reconciler import Reconciler
from tests.security.perimeter.impostor import stranger
from tests.support.programs.command import Command as Placet
from tests.support.world import World


def named(world: World) -> str:
    return " ".join(finding.detail for finding in stalled(world.settings))


@pytest.mark.parametrize("how", ["start_delay", "cron_schedule"])
def test_a_run_that_a_stranger_puts_to_sleep_is_named(a_world: World, how: str) -> None:
    run_id = a_world.pending("C00005")
    (started, *_) = a_world.run(a_world.engine.history(run_id)).events
    copied = RawValue(started.workflow_execution_started_event_attributes.input.payloads[0])
    a_world.run(a_world.engine.handle(run_id).terminate())
    asleep = {"start_delay": timedelta(days=3650)} if how == "start_delay" else {"cron_schedule": "0 0 1 1 *"}
    queue = a_world.engine.task_queue
    start = stranger(a_world).start_workflow("GovernedRun", copied, id=run_id, task_queue=queue, **asleep)
    a_world.run(start)
    assert "its workflow begins only at 20" in named(a_world)
    assert f"`temporal workflow terminate --workflow-id {run_id}` ends it" in named(a_world)


def test_a_workflow_task_that_no_worker_takes_is_named_after_a_minute() -> None:
    """As when a stranger makes a version of their own the current one of our queue, or nobody polls."""

    def lines(waits: timedelta) -> tuple[str, ...]:
        said = DescribeWorkflowExecutionResponse()
        said.execution_config.task_queue.name = "placet-1"
        said.pending_workflow_task.state = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
        said.pending_workflow_task.scheduled_time.FromDatetime(datetime.now(UTC) - waits)
        return stalls_of("run-1", said, None)

    assert lines(timedelta(seconds=5)) == ()
    (line,) = lines(timedelta(minutes=2))
    assert line.startswith("no worker takes its workflow task, which waits since 20")
    assert line.endswith("`temporal task-queue describe --task-queue placet-1` tells")


def test_a_step_that_is_tried_again_or_paused_by_a_stranger_is_named(a_world: World, command: Placet) -> None:
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    run_id = a_world.start("C00005")
    a_world.until(lambda: a_world.attempts(run_id) >= 3, "a third attempt")
    assert f"{run_id}: step 'analyse' is tried again and again since 20" in named(a_world)
    assert "step 'analyse' is tried again and again since 20" in command("run", "show", run_id).out
    (line,) = json.loads(command("run", "show", run_id, "--json").out)["stalled"]
    assert line.startswith("step 'analyse' is tried again and again since 20")
    client = stranger(a_world)
    pause = PauseActivityRequest(
        namespace="default",
        execution=WorkflowExecution(workflow_id=run_id),
        identity="mallory",
        reason="all is \x1b[2Jwell",
        type="analyse",
    )
    a_world.run(client.workflow_service.pause_activity(pause))
    a_world.until(lambda: "is paused since 20" in named(a_world), "the pause")
    assert "by: “mallory”, with the reason: “all is ␛[2Jwell”" in named(a_world)
    assert f"temporal activity unpause --workflow-id {run_id} --activity-id 1" in named(a_world)
    assert a_world._parts is not None
    made = Reconciler(a_world.engine, a_world._parts.context, grace=timedelta(0))
    page = a_world.run(made.run_once())
    assert page is not None
    (found,) = page
    assert (found.run_id, found.found) == (run_id, "stuck")
    assert "step 'analyse' is paused since 20" in found.detail
    a_world.mend_bss()
    a_world.run(
        client.workflow_service.unpause_activity(
            UnpauseActivityRequest(namespace="default", execution=WorkflowExecution(workflow_id=run_id), type="analyse")
        )
    )
    a_world.wait(run_id, "awaiting_decision")
    assert named(a_world) == ""


def test_a_step_that_a_stranger_leads_away_is_named(a_world: World) -> None:
    """Nothing fails: it waits in a queue that nobody of ours serves."""
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    run_id = a_world.start("C00005")
    a_world.until(lambda: a_world.attempts(run_id) >= 1, "an attempt")
    client, queue = stranger(a_world), a_world.engine.task_queue

    def move(name: str) -> None:
        change = UpdateActivityOptionsRequest(
            namespace="default",
            execution=WorkflowExecution(workflow_id=run_id),
            type="analyse",
            activity_options=ActivityOptions(task_queue=TaskQueue(name=name)),
            update_mask=FieldMask(paths=["task_queue.name"]),
        )
        a_world.run(client.workflow_service.update_activity_options(change))

    move("no\x1b[2Jwhere")
    said = named(a_world)
    assert "step 'analyse' was moved to task queue “no␛[2Jwhere”, which no worker of ours serves" in said
    assert f"temporal activity update-options --workflow-id {run_id} --activity-id 1 --task-queue {queue}" in said
    a_world.mend_bss()
    move(queue)
    a_world.wait(run_id, "awaiting_decision")
    assert named(a_world) == ""


def test_a_workflow_that_a_stranger_binds_to_a_version_of_their_own_worker_is_named(a_world: World) -> None:
    run_id = a_world.pending("C00005")
    client = stranger(a_world)
    version = WorkerDeploymentVersion(deployment_name="x", build_id="y")
    versioned = WorkerDeploymentOptions(
        deployment_name="x", build_id="y", worker_versioning_mode=WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    )
    queue = TaskQueue(name=a_world.engine.task_queue)
    poll = PollWorkflowTaskQueueRequest(
        namespace="default", task_queue=queue, identity="mallory", deployment_options=versioned
    )
    pinned = VersioningOverride.PinnedOverride(
        behavior=VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED, version=version
    )

    def bind(override: VersioningOverride | None) -> bool:
        change = UpdateWorkflowExecutionOptionsRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=run_id),
            workflow_execution_options=WorkflowExecutionOptions(versioning_override=override),
            update_mask=FieldMask(paths=["versioning_override"]),
        )
        try:
            a_world.run(client.workflow_service.update_workflow_execution_options(change))
        except RPCError:
            return False
        return True

    async def polled() -> None:
        with contextlib.suppress(RPCError):
            await client.workflow_service.poll_workflow_task_queue(poll, timeout=timedelta(seconds=20))

    polling = asyncio.run_coroutine_threadsafe(polled(), a_world._loop)
    a_world.until(lambda: bind(VersioningOverride(pinned=pinned)), "the stranger's version to be known")
    polling.cancel()
    assert "its workflow is bound to a worker's version, which none of ours has" in named(a_world)
    assert bind(None)
    assert named(a_world) == ""


def test_a_run_about_which_temporal_does_not_answer_is_named_and_hides_no_other(
    a_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, ended = a_world.pending("C00005"), a_world.pending("C00006")
    a_world.run(a_world.engine.handle(ended).terminate())

    async def unread(client: Client, run_id: str, *, listens: bool) -> Reviews:
        if run_id == silent:
            raise RPCError("too slow", RPCStatusCode.DEADLINE_EXCEEDED, b"")
        return await reviews(client, run_id, listens=listens)

    for module in (progress, reconciler):
        monkeypatch.setattr(module, "reviews", unread)
    assert "Temporal did not answer about 1 of 2 runs" in named(a_world)
    assert a_world._parts is not None
    made = Reconciler(a_world.engine, a_world._parts.context, grace=timedelta(0))
    page = {one.run_id: one for one in a_world.run(made.run_once()) or ()}
    assert page[silent].detail == "its history could not be read at Temporal (DEADLINE_EXCEEDED)"
    assert page[ended].found == "ended"


def test_a_run_whose_workflow_a_stranger_paused_is_named_and_has_not_ended(
    a_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded server has that switched off, and the SDK has no name for it: what Temporal says is made up."""
    run_id = a_world.pending("C00005")

    async def paused(client: Client, run_id: str) -> DescribeWorkflowExecutionResponse:
        said = await described(client, run_id)
        said.workflow_execution_info.status = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
        said.workflow_extended_info.pause_info.identity = "mallory"
        return said

    monkeypatch.setattr(reconciler, "described", paused)
    assert a_world._parts is not None
    made = Reconciler(a_world.engine, a_world._parts.context, grace=timedelta(0))
    page = a_world.run(made.run_once())
    assert page is not None
    (found,) = page
    assert (found.run_id, found.found) == (run_id, "stuck")
    assert f"by: “mallory”; `temporal workflow unpause --workflow-id {run_id}` lets it go on" in found.detail
    assert a_world.record(run_id).state == "awaiting_decision"
