"""Which installation a Temporal server serves: whether workers of ours poll there, and whose runs it has."""

import time
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

_RPC = timedelta(seconds=2)
# A worker asks for work again at least once a minute.
_POLLING_SECONDS = 90
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Meeting:
    """What was met at Temporal.

    Attributes:
        task_queue: The queue of this installation.
        pollers: Identities of the workers that polled it lately.
        seen: Seconds since each last asked for work. One that lives asks at least once a minute.
        others: Queues of other installations whose runs Temporal has; looked for where nobody polls ours.
    """

    task_queue: str
    pollers: tuple[str, ...]
    seen: tuple[int, ...]
    others: tuple[str, ...]

    @property
    def warning(self) -> str | None:
        """One line for whoever starts a run that nobody would take; None where somebody polls."""
        if self.pollers:
            return None
        if self.others:
            return (
                f"this Temporal serves another installation ({', '.join(self.others)}) and no worker of this one "
                f"({self.task_queue}); set PLACET_TEMPORAL_ADDRESS, or start `placet up` or `placet worker` here"
            )
        return f"no worker polls task queue {self.task_queue!r}; the run waits until one starts (`placet worker`)"


async def meet(client: Client, task_queue: str) -> Meeting:
    """Look who is at Temporal.

    Raises:
        RPCError: it does not answer.
    """
    queue = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=_RPC,
    )
    now = time.time()
    seen = sorted((poller.identity, max(0, round(now - poller.last_access_time.seconds))) for poller in queue.pollers)
    pollers = [(identity, age) for identity, age in seen if age < _POLLING_SECONDS]
    others = () if pollers else await _others(client, task_queue)
    return Meeting(task_queue, tuple(name for name, _ in pollers), tuple(age for _, age in pollers), others)


async def _others(client: Client, task_queue: str) -> tuple[str, ...]:
    query = f"WorkflowType = 'GovernedRun' AND TaskQueue != '{task_queue}'"
    found: set[str] = set()
    try:
        async for execution in client.list_workflows(query, limit=_LOOKED_AT, rpc_timeout=_RPC):
            found.add(execution.task_queue)
    except RPCError:
        return ()  # a server without that search attribute; nobody polls ours all the same
    return tuple(sorted(found))
