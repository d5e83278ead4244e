"""`python -m placet.bench.processes.bare_worker PLACE.json NAME`: a worker as Temporal's documentation writes one."""

import asyncio
import sys
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from placet.bench import bare
from placet.bench.processes.notices import Notifier
from placet.bench.processes.place import Place
from placet.bench.processes.worker_process import work
from placet.entrypoints.processes.process import leave


async def build(place: Place, notifier: Notifier) -> Worker:
    """Make a worker for bare runs, of the same capacity as the governed one."""
    client = await Client.connect(place.temporal, interceptors=[notifier])
    return Worker(
        client,
        task_queue=bare.TASK_QUEUE,
        workflows=[bare.BareRun],
        activities=bare.ACTIVITIES,
        max_concurrent_activities=place.activities,
        max_cached_workflows=place.cached_runs,
    )


if __name__ == "__main__":
    asyncio.run(work(sys.argv[2], Place.read(Path(sys.argv[1])), build))
    leave(0)
