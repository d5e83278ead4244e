"""How much waits for a worker, as Temporal estimates it."""

import time
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from placet.engine.client import Engine
from placet.engine.meeting import POLLING_SECONDS
from placet.errors import UpstreamUnavailable

_TIMEOUT = timedelta(seconds=3)
_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What waits in the task queue of one kind of task.

    Attributes:
        backlog: How many tasks wait.
        oldest_seconds: For how long the oldest has.
        workers: How many workers asked for some lately.
    """

    backlog: int
    oldest_seconds: float
    workers: int = 0


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
        lately = time.time() - POLLING_SECONDS
        workers = len({poller.identity for poller in answer.pollers if poller.last_access_time.seconds > lately})
        found[kind] = QueueFigures(answer.stats.approximate_backlog_count, max(0.0, age), workers)
    return found
