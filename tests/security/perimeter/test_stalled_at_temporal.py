"""Whoever reaches Temporal can keep a run from getting on, and nothing fails: it is said which, and what helps."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import PendingWorkflowTaskState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.common import RawValue

from placet.doctor.hindered import hindered
from placet.engine.progress import hindrances_of
from tests.support.world import World


def named(world: World) -> str:
    return " ".join(finding.detail for finding in hindered(world.settings))


def stranger(world: World) -> Client:
    """Who reaches Temporal, and has no key of ours."""
    return world.run(Client.connect(world.settings.temporal_address))


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
        return hindrances_of("run-1", said)

    assert lines(timedelta(seconds=5)) == ()
    (line,) = lines(timedelta(minutes=2))
    assert line.startswith("no worker takes its workflow task, which waits since 20")
    assert line.endswith("`temporal task-queue describe --task-queue placet-1` tells")
