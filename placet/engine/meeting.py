"""Which installation a Temporal server serves: whether workers of ours poll there, and whose runs it has."""

import time
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

RPC_TIMEOUT = timedelta(seconds=2)
"""How long Temporal may take to answer one question about a workflow or a queue."""
# A worker asks for work again at least once a minute.
POLLING_SECONDS = 90
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Poller:
    """A worker at Temporal, and how many seconds ago it last asked for work. One that lives asks once a minute."""

    identity: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """What was met at Temporal.

    Attributes:
        task_queue: The queue of this installation.
        pollers: The workers that polled it lately.
        others: Queues of other installations whose runs Temporal has; looked for where nobody polls ours and it has no
            run of ours.
    """

    task_queue: str
    pollers: tuple[Poller, ...]
    others: tuple[str, ...] = ()

    @property
    def refusal(self) -> str | None:
        """One line for whoever would start a run at another one's Temporal; None elsewhere."""
        if not self.others:
            return None
        return (
            f"this Temporal serves another installation ({', '.join(self.others)}) and knows nothing of this one "
            f"({self.task_queue}); set PLACET_TEMPORAL_ADDRESS, or start `placet up` or `placet worker` here"
        )

    @property
    def warning(self) -> str | None:
        """One line where nobody would take a run; None where somebody polls."""
        if self.pollers:
            return None
        waits = f"no worker polls task queue {self.task_queue!r}; the run waits until one starts (`placet worker`)"
        return self.refusal or waits


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
        timeout=RPC_TIMEOUT,
    )
    now = time.time()
    asked = {poller.identity: max(0, round(now - poller.last_access_time.seconds)) for poller in queue.pollers}
    pollers = tuple(Poller(name, ago) for name, ago in sorted(asked.items()) if ago < POLLING_SECONDS)
    ours = pollers or await _queues(client, f"TaskQueue = '{task_queue}'")
    return Meeting(task_queue, pollers, () if ours else await _queues(client, f"TaskQueue != '{task_queue}'"))


async def _queues(client: Client, which: str) -> tuple[str, ...]:
    """Return the queues of the first governed runs that match."""
    query = f"WorkflowType = 'GovernedRun' AND {which}"
    found: set[str] = set()
    try:
        async for execution in client.list_workflows(query, limit=_LOOKED_AT, rpc_timeout=RPC_TIMEOUT):
            found.add(execution.task_queue)
    except RPCError:
        return ()  # a server without that search attribute; nobody polls ours all the same
    return tuple(sorted(found))
