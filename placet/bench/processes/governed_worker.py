"""`python -m placet.bench.processes.governed_worker PLACE.json NAME`: the shipped worker, inference scripted."""

import asyncio
import sys
from pathlib import Path

from temporalio.client import Client, ClientConfig
from temporalio.worker import Worker

from agents.testing import ScriptedInference
from placet.bench.governed import settings_of
from placet.bench.processes.notices import Notifier
from placet.bench.processes.place import Place
from placet.bench.processes.worker_process import work
from placet.entrypoints.bootstrap import build_parts
from placet.entrypoints.connection import connect
from placet.entrypoints.processes.process import leave
from placet.entrypoints.worker import build_worker, spare_what_stays


async def build(place: Place, notifier: Notifier) -> Worker:
    """Make the worker that the composition root makes, with a client that tells of waiting runs."""
    settings = settings_of(place)
    parts = build_parts(settings, inference=ScriptedInference())
    engine = await connect(settings, for_worker=True)
    config: ClientConfig = {**engine.client.config(), "interceptors": [notifier]}
    spare_what_stays()
    return build_worker(Client(**config), parts.context, settings, engine.task_queue)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[2], Place.read(Path(sys.argv[1])), build))
    leave(0)
