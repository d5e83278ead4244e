"""Whoever answers in a worker's stead can leave a run with nothing under way: our record's own times name it."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    UpdateActivityOptionsRequest,
)

from placet.contracts.run import RunState
from placet.doctor.stalled import stalled
from placet.engine import progress
from placet.engine.progress import stalls_of
from tests.security.perimeter.impostor import stranger
from tests.support.world import World
from workflows import options


def named(world: World) -> str:
    return " ".join(finding.detail for finding in stalled(world.settings))


def mended_as_said(world: World, said: str) -> None:
    """Run the command that the finding names, as a person would."""
    (advice,) = re.findall(r"`temporal ([^`]*)`", said)
    temporal = str(Path(sys.executable).parent / "temporal")
    command = [temporal, *shlex.split(advice), "--address", world.settings.temporal_address]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def taken(world: World) -> PollWorkflowTaskQueueResponse:
    """A workflow task that a stranger took."""
    poll = PollWorkflowTaskQueueRequest(
        namespace="default", task_queue=TaskQueue(name=world.engine.task_queue), identity="mallory"
    )
    service = stranger(world).workflow_service
    return world.run(service.poll_workflow_task_queue(poll, timeout=timedelta(seconds=60)))


def answered_with_nothing(world: World, task: PollWorkflowTaskQueueResponse) -> None:
    answer = RespondWorkflowTaskCompletedRequest(namespace="default", task_token=task.task_token, identity="mallory")
    world.run(stranger(world).workflow_service.respond_workflow_task_completed(answer))


def test_a_run_whose_first_task_was_answered_with_nothing_is_named_and_mended(
    a_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_world.stop_worker()
    run_id = a_world.start("C00005")
    task = taken(a_world)
    assert task.workflow_execution.workflow_id == run_id
    answered_with_nothing(a_world, task)
    a_world.start_worker()
    assert named(a_world) == ""
    monkeypatch.setattr(progress, "IDLE", timedelta(0))
    said = named(a_world)
    assert f"{run_id}: its workflow should have gone on since 20" in said
    mended_as_said(a_world, said)
    a_world.wait(run_id, "awaiting_decision")
    assert named(a_world) == ""  # its gate is open: it waits for people


def test_a_run_that_waits_is_named_once_its_gate_should_have_closed(
    a_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = a_world.pending("C00005")
    monkeypatch.setattr(progress, "IDLE", timedelta(days=-30))  # as if a month had passed
    assert f"{run_id}: its workflow should have gone on since 20" in named(a_world)


@pytest.mark.parametrize("state", ["awaiting_decision", "unknown_outcome"])
def test_a_run_that_people_answered_is_named_although_its_gate_is_open_for_days(
    a_world: World, state: RunState
) -> None:
    """The inbox shows it no more: somebody gave the answer of its review to nobody."""
    run_id = a_world.pending("C00005")
    assert named(a_world) == ""
    with a_world.database.transaction() as tx:
        tx.runs.set_state(run_id, state, at=datetime.now(UTC) - timedelta(minutes=6), answered=True)
    assert f"{run_id}: its workflow should have gone on since 20" in named(a_world)
    with a_world.database.transaction() as tx:
        tx.runs.reopen(run_id)
    assert named(a_world) == ""


def test_a_step_that_somebody_gave_years_is_named_and_mended(a_world: World) -> None:
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    run_id = a_world.start("C00005")
    a_world.until(lambda: a_world.attempts(run_id) >= 1, "an attempt")
    years = Duration(seconds=315_360_000)
    for changed, raised in (
        ("start_to_close_timeout", ActivityOptions(start_to_close_timeout=years)),
        ("schedule_to_close_timeout", ActivityOptions(schedule_to_close_timeout=years)),
    ):
        change = UpdateActivityOptionsRequest(
            namespace="default",
            execution=WorkflowExecution(workflow_id=run_id),
            type="analyse",
            activity_options=raised,
            update_mask=FieldMask(paths=[changed]),
        )
        a_world.run(stranger(a_world).workflow_service.update_activity_options(change))
        said = named(a_world)
        assert f"{run_id}: somebody gave step 'analyse' more time than Placet does" in said
        mended_as_said(a_world, said)
        assert "more time" not in named(a_world)
    a_world.mend_bss()
    a_world.wait(run_id, "awaiting_decision")


def test_a_step_that_is_held_or_that_no_worker_takes_is_named() -> None:
    def lines(state: PendingActivityState.ValueType, since: timedelta) -> tuple[str, ...]:
        said = DescribeWorkflowExecutionResponse()
        step = said.pending_activities.add()
        step.activity_id, step.activity_type.name, step.state = "1", "analyse", state
        step.last_worker_identity, step.attempt = "mal\x1blory", 1
        started = state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        (step.last_started_time if started else step.scheduled_time).FromDatetime(datetime.now(UTC) - since)
        return stalls_of("run-1", said, datetime.now(UTC) - timedelta(days=1))

    held = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    waits = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    assert lines(held, timedelta(minutes=14)) == lines(waits, timedelta(minutes=4)) == ()
    (line,) = lines(held, timedelta(minutes=16))
    assert "step 'analyse' is since 20" in line
    assert "with worker: “mal␛lory”, longer than one attempt may take" in line
    (line,) = lines(waits, timedelta(minutes=6))
    assert line.startswith("no worker takes step 'analyse', which waits since 20")


def test_a_step_put_off_for_long_and_a_task_that_does_not_end_are_named() -> None:
    """As after a failure with a retry in ten years, or a task that is answered and asked for again and again."""
    now = datetime.now(UTC)
    said = DescribeWorkflowExecutionResponse()
    step = said.pending_activities.add()
    step.activity_id, step.activity_type.name, step.attempt = "1", "execute", 2
    step.state = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    step.next_attempt_schedule_time.FromDatetime(now + timedelta(days=3650))
    (line,) = stalls_of("run-1", said, now)
    assert line.startswith("step 'execute' is tried again only at 20")
    step.next_attempt_schedule_time.FromDatetime(now + timedelta(seconds=70))
    assert stalls_of("run-1", said, now) == ()
    held = DescribeWorkflowExecutionResponse()
    held.pending_workflow_task.state = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
    held.pending_workflow_task.attempt = 1
    held.pending_workflow_task.original_scheduled_time.FromDatetime(now - timedelta(minutes=6))
    (line,) = stalls_of("run-1", held, now)
    assert line.startswith("its workflow task is with a worker since 20")
    held.pending_workflow_task.original_scheduled_time.FromDatetime(now - timedelta(minutes=4))
    assert stalls_of("run-1", held, now) == ()


def test_what_counts_as_too_long_is_what_the_workflow_gives_its_steps() -> None:
    times = [value for name, value in vars(options).items() if name.endswith("_TIMEOUT")]
    assert max(times) == progress.LONGEST_STEP
    assert progress.LONGEST_PATIENCE == options.PATIENCE >= options.GATE_PATIENCE
