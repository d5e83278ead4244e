"""What keeps a workflow from getting on, as Temporal tells it: steps tried again, paused or moved, failing tasks.

Whoever reaches Temporal can move a step to a task queue of their own, bind a workflow or a whole queue to a worker of
theirs, or start a workflow anew that begins in ten years: nothing fails then, and nothing happens.
"""

from datetime import UTC, datetime, timedelta
from shlex import quote

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client

from placet.contracts.run import Expected
from placet.contracts.text import NAME, attributed, one_line, quoted
from placet.contracts.times import minute
from placet.engine.meeting import RPC_TIMEOUT
from placet.engine.unreviewed import reviews

UNDER_WAY = frozenset(
    {
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
    }
)
"""A paused workflow has not ended: nothing may be concluded from it."""

_WAITS = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
_TAKEN = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
_NO_TASK = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_UNSPECIFIED
_WITH_A_WORKER = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
_IN_THE_QUEUE = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
TASK_FAILURES = 5
_TRIED_AGAIN = 3
"""From this attempt on a step is named: one retry is nobody's trouble."""
UNTAKEN = timedelta(minutes=1)
"""How long a workflow task may wait for a worker before it is named."""
IDLE = timedelta(minutes=5)
"""The same of a step, of which busy workers leave many waiting; and how long a workflow may have nothing under way."""
LONGEST_STEP = timedelta(minutes=15)
"""No step of ours is given more time for one attempt (workflows/options.py)."""
LONGEST_PATIENCE = timedelta(minutes=30)
"""No step of ours is tried for longer, where there is an end to it."""


async def described(client: Client, run_id: str) -> DescribeWorkflowExecutionResponse:
    """Return what Temporal says of a run's workflow; the SDK's own form breaks on a status that it does not know.

    Raises:
        RPCError: Temporal does not answer, or has no such workflow.
    """
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=run_id)
    )
    return await client.workflow_service.describe_workflow_execution(request, timeout=RPC_TIMEOUT)


async def stalls(client: Client, run_id: str, ours: str | None, expected: Expected) -> tuple[str, ...]:
    """Return what keeps the workflow of a run from getting on, one line each.

    Args:
        client: Temporal.
        run_id: The run.
        ours: The task queue of this installation, None where that is not known.
        expected: What our record expects of the workflow.

    Raises:
        RPCError: Temporal does not answer, or has no such workflow.
    """
    said = await described(client, run_id)
    workflow = said.workflow_execution_info
    if ours is not None and workflow.task_queue != ours:
        whose = f"task queue {quoted(workflow.task_queue, NAME)}, which is not ours"
        return (f"a workflow on {whose}, has taken its place; {_terminate(run_id)}",)
    if workflow.status not in UNDER_WAY:
        # What just ended is recorded in this moment.
        long_ago = datetime.now(UTC) - workflow.close_time.ToDatetime(UTC) > UNTAKEN
        ended = "its workflow has ended at Temporal, without our record; `placet reconcile` records what it left"
        return (ended,) if long_ago else ()
    found = stalls_of(run_id, said, expected.due)
    return found or (await reviews(client, run_id, listens=expected.listens)).lines


def stalls_of(run_id: str, said: DescribeWorkflowExecutionResponse, due: datetime | None) -> tuple[str, ...]:
    """Return what the description of a workflow that is under way tells; the words of strangers in it are quoted.

    `due` is since when it has something to do, as our record says; None where it waits for a person.
    """
    now = datetime.now(UTC)
    queue = said.execution_config.task_queue.name
    found = [line for step in said.pending_activities if (line := _step(run_id, step, queue, now)) is not None]
    if said.workflow_execution_info.versioning_info.HasField("versioning_override"):
        advice = f"`temporal workflow update-options --workflow-id {run_id} --versioning-override-behavior unspecified`"
        found.append(f"its workflow is bound to a worker's version, which none of ours has; {advice} unbinds it")
    if said.workflow_execution_info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED:
        pause = said.workflow_extended_info.pause_info
        advice = f"`temporal workflow unpause --workflow-id {run_id}` lets it go on"
        by = _by(pause.identity, pause.reason)
        found.append(f"its workflow is paused since {_at(pause.paused_time)}{by}; {advice}")
    begins = said.workflow_execution_info.execution_time
    if begins.ToDatetime(UTC) > now:
        found.append(
            f"its workflow begins only at {_at(begins)}: somebody started it anew, with a delay; {_terminate(run_id)}"
        )
    task = said.pending_workflow_task
    if task.state == _WAITS and now - task.scheduled_time.ToDatetime(UTC) > UNTAKEN:
        advice = f"`temporal task-queue describe --task-queue {quote(one_line(queue, NAME))}`"
        found.append(
            f"no worker takes its workflow task, which waits since {_at(task.scheduled_time)}: none polls, or somebody "
            f"gave the queue to another version of workers; {advice} tells"
        )
    begun = task.original_scheduled_time.ToDatetime(UTC)
    if task.state == _TAKEN and now - begun > IDLE:
        found.append(
            f"its workflow task is with a worker since {_at(task.original_scheduled_time)}, and does not end: a step "
            f"in it is tried again and again, or somebody holds it in a worker's stead; {_terminate(run_id)}"
        )
    failed = said.pending_workflow_task.attempt - 1
    if failed >= TASK_FAILURES:
        found.append(
            f"its workflow task has failed {failed} times and is tried again; if no new version mends it, "
            f"{_terminate(run_id)}"
        )
    idle = task.state == _NO_TASK and not said.pending_activities
    if not found and idle and due is not None and now - due > IDLE:
        found.append(
            f"its workflow should have gone on since {minute(due)}, and has nothing under way at Temporal: its last "
            "task was answered in a worker's stead, or a timer of it was changed; "
            f"`temporal workflow reset --workflow-id {run_id} --type FirstWorkflowTask --reason stuck` lets a worker "
            "begin again, with what is on its record"
        )
    return tuple(found)


def _terminate(run_id: str) -> str:
    return f"`temporal workflow terminate --workflow-id {run_id}` ends it, and what it left is then recorded"


def _step(run_id: str, step: PendingActivityInfo, queue: str, now: datetime) -> str | None:
    name = one_line(step.activity_type.name, NAME)
    moved = step.activity_options.task_queue.name
    if moved and moved != queue:
        which = f"--workflow-id {run_id} --activity-id {quote(one_line(step.activity_id, NAME))}"
        return (
            f"step {name!r} was moved to task queue {quoted(moved, NAME)}, which no worker of ours serves; "
            f"`temporal activity update-options {which} --task-queue {quote(one_line(queue, NAME))}` moves it back"
        )
    if step.paused:
        who = step.pause_info.manual
        which = quote(one_line(step.activity_id, NAME))
        advice = f"`temporal activity unpause --workflow-id {run_id} --activity-id {which}` lets it go on"
        return (
            f"step {name!r} is paused since {_at(step.pause_info.pause_time)}, at attempt {step.attempt}"
            f"{_by(who.identity, who.reason)}; {advice}"
        )
    if (held := _held(run_id, step, now)) is not None:
        return held
    if step.attempt < _TRIED_AGAIN:
        return None
    whole = step.activity_options.schedule_to_close_timeout
    if step.HasField("expiration_time") and whole.ToTimedelta():
        since = f" since {minute(step.expiration_time.ToDatetime(UTC) - whole.ToTimedelta())}"
    else:
        since = f", last at {_at(step.last_started_time)}" if step.HasField("last_started_time") else ""
    return f"step {name!r} is tried again and again{since}; attempt {step.attempt}; why is in `placet run show`"


def _held(run_id: str, step: PendingActivityInfo, now: datetime) -> str | None:
    """Return what is said of a step that waits for a worker, or is with one, for longer than ours let it."""
    name, which = one_line(step.activity_type.name, NAME), quote(one_line(step.activity_id, NAME))
    given = step.activity_options
    mend = (
        f"`temporal activity update-options --workflow-id {run_id} --activity-id {which} --restore-original-options` "
        "gives it its own times again"
    )
    longest = max(given.start_to_close_timeout.ToTimedelta(), given.heartbeat_timeout.ToTimedelta())
    if longest > LONGEST_STEP or given.schedule_to_close_timeout.ToTimedelta() > LONGEST_PATIENCE:
        return f"somebody gave step {name!r} more time than Placet does; {mend}"
    if step.state == _WITH_A_WORKER and now - step.last_started_time.ToDatetime(UTC) > LONGEST_STEP:
        since, by = _at(step.last_started_time), attributed("worker", step.last_worker_identity, NAME)
        return f"step {name!r} is since {since} with {by}, longer than one attempt may take; {mend}"
    later = step.next_attempt_schedule_time
    if later.ToDatetime(UTC) - now > IDLE:
        which_one = f"--workflow-id {run_id} --activity-id {which}"
        return (
            f"step {name!r} is tried again only at {_at(later)}, as no step of ours is: it failed in a worker's stead; "
            f"`temporal activity reset {which_one}` has it tried now"
        )
    queued = max((step.scheduled_time, step.next_attempt_schedule_time), key=lambda at: at.ToDatetime(UTC))
    if step.state == _IN_THE_QUEUE and now - queued.ToDatetime(UTC) > IDLE:
        return (
            f"no worker takes step {name!r}, which waits since {_at(queued)}: none polls, all are busy, or somebody "
            "slowed its queue; `placet doctor` says whether workers poll"
        )
    return None


def _by(identity: str, reason: str) -> str:
    why = f", {attributed('with the reason', reason, NAME)}" if reason else ""
    return f", {attributed('by', identity, NAME)}{why}" if identity else why


def _at(stamp: Timestamp) -> str:
    return minute(stamp.ToDatetime(UTC))
