"""Workers that kill themselves (SIGKILL) at a chosen point of a run, forked from one process that has all imports.

Protocol: a line {"point": "...", "settings": {...}, "queue": "..."} on stdin starts a worker and answers its pid.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

from temporalio import activity
from temporalio.worker import Worker

from activities import all_activities
from activities.resources import WorkerResources
from agents.testing import ScriptedInference
from placet.entrypoints.bootstrap import build_parts
from placet.entrypoints.connection import connect
from placet.entrypoints.settings import Settings
from placet.entrypoints.worker import WORKFLOWS, beginning, sandbox
from placet.plugin_api.protocols import Confirmation, Sighting


def die() -> None:
    """End as if the power had gone: no handler, no flush, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


def crashing(function: Callable[..., Any], point: str) -> Callable[..., Any]:
    """The activity, dying before it begins or after its work is on disk and before Temporal hears of it.

    A point may end with a number: the how many times it is called, over all workflows.
    """
    definition = activity._Definition.must_from_callable(function)
    name = str(definition.name)

    hints = get_type_hints(function)
    given = next(hint for parameter, hint in hints.items() if parameter != "return")

    calls = itertools.count(1)

    def wrapped(argument: Any) -> Any:
        called = next(calls)
        times = {name, f"{name} {called}"} if called == 1 else {f"{name} {called}"}
        if point.removeprefix("before ") in times and point.startswith("before "):
            die()
        result = function(argument)
        if point.removeprefix("after ") in times and point.startswith("after "):
            die()
        return result

    # Temporal decodes by these.
    wrapped.__annotations__ = {"argument": given, "return": hints["return"]}
    return activity.defn(name=name, no_thread_cancel_exception=True)(wrapped)


class CrashingCommerce:
    """The commerce plugin, dying just before a mutation leaves or just after the BSS has committed it."""

    def __init__(self, inner: Any, point: str) -> None:
        self._inner = inner
        self._point = point

    def perform(self, *arguments: Any, **options: Any) -> Confirmation:
        """The mutation."""
        if self._point == "before the BSS call":
            die()
        confirmation: Confirmation = self._inner.perform(*arguments, **options)
        if self._point == "after the BSS committed":
            die()
        return confirmation

    def read_back(self, *arguments: Any, **options: Any) -> Sighting:
        """The read-back."""
        seen: Sighting = self._inner.read_back(*arguments, **options)
        return seen


async def work(point: str, settings: Settings, queue: str) -> None:
    """Run until killed."""
    parts = build_parts(settings, inference=ScriptedInference())
    context: WorkerResources = replace(parts.context, commerce=CrashingCommerce(parts.context.commerce, point))
    engine = await connect(settings, for_worker=True)
    begin = beginning(engine.client, queue)
    worker = Worker(
        engine.client,
        task_queue=queue,
        workflows=WORKFLOWS,
        activities=[crashing(function, point) for function in all_activities(context, begin)],
        activity_executor=_threads(),
        workflow_runner=sandbox(),
    )
    await worker.run()


def _threads() -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=8)


def main() -> None:
    """Serve the protocol; children die with us."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(f"{_fork(json.loads(line))}\n")
        sys.stdout.flush()


def _fork(message: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    log = os.open(Path(message["settings"]["home"]) / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        asyncio.run(work(message["point"], Settings(**message["settings"]), message["queue"]))
    except BaseException:  # noqa: BLE001 - whatever ended it belongs into the log
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(3)


if __name__ == "__main__":
    main()
