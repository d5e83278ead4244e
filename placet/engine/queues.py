"""How much waits for a worker, as Temporal estimates it."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from placet.engine.client import Engine
from placet.errors import UpstreamUnavailable

_TIMEOUT = timedelta(seconds=3)
_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How many tasks of one kind wait in the task queue, and for how long the oldest has, in seconds."""

    backlog: int
    oldest_seconds: float


async def queue_backlog(engine: Engine) -> dict[str, QueueFigures]:
    """Ask Temporal, by kind of task.

    Raises:
        UpstreamUnavailable: it did not answer.
    """
    found = {}
    for kind, number in _KINDS.items():
        request = DescribeTaskQueueRequest(
            namespace=engine.client.namespace,
            task_queue=TaskQueue(name=engine.task_queue),
            task_queue_type=number,
            report_stats=True,
        )
        try:
            answer = await engine.client.workflow_service.describe_task_queue(request, timeout=_TIMEOUT)
        except RPCError as error:
            raise UpstreamUnavailable(
                f"Temporal did not answer ({error.status.name}); try again", code="engine_unavailable"
            ) from error
        age = answer.stats.approximate_backlog_age.ToTimedelta().total_seconds()
        found[kind] = QueueFigures(answer.stats.approximate_backlog_count, max(0.0, age))
    return found
