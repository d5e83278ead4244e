"""The processes of one bench: Temporal, the sandbox BSS and the two workers; all gone when the block ends."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from placet.entrypoints.bench.place import KINDS, Kind, Place, Usage
from placet.entrypoints.process import Child, answers, await_condition, free_port
from placet.entrypoints.settings import Settings
from placet.entrypoints.stack import temporal_command

# Seconds. A worker's imports take two or three; an answer to SIGUSR1 comes at the next turn of its event loop.
_START_SECONDS = 60.0
_USAGE_SECONDS = 20.0

# Temporal's sandbox imports the workflow anew for each run; without bytecode files it would compile it each time.
_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": ""}


class Parts:
    """Starts servers first; workers follow on `start_workers`, once somebody listens to their notices."""

    def __init__(self, settings: Settings) -> None:
        self.place = Place(
            home=Path(tempfile.mkdtemp(prefix="placet-bench-")),
            temporal_port=free_port(),
            bss_port=free_port(),
            activities=settings.worker_activities,
            cached_runs=settings.worker_cached_runs,
        )
        self._children: list[Child] = []
        self._workers: dict[Kind, Child] = {}

    def __enter__(self) -> Self:
        """Start the servers; on failure stop what had started."""
        try:
            self._start_servers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.stop()

    def start_workers(self) -> None:
        """Start both workers; returns when both poll."""
        for kind in KINDS:
            self._workers[kind] = self._module(f"{kind}_worker")
        self._await(lambda: all(self.place.ready(kind).exists() for kind in KINDS), "both workers' first poll")

    def usage(self, kind: Kind) -> Usage:
        """What the worker has used so far.

        Raises:
            ConfigurationError: it does not say, or has ended.
        """
        file = self.place.usage(kind)
        file.unlink(missing_ok=True)
        self._workers[kind].check()
        os.kill(self._workers[kind].pid, signal.SIGUSR1)
        await_condition(file.exists, seconds=_USAGE_SECONDS, what=f"the {kind} worker's usage")
        return Usage.read(file)

    def check(self) -> None:
        """Raise when a part has ended by itself."""
        for child in self._children:
            child.check()

    def stop(self) -> None:
        """End all parts, the workers first, and remove the folder."""
        for child in reversed(self._children):
            child.ask_to_stop()
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        shutil.rmtree(self.place.home, ignore_errors=True)

    def _start_servers(self) -> None:
        place = self.place
        place.write()
        temporal = temporal_command(place.temporal_port, free_port(), place.home / "temporal.db")
        self._spawn("temporal", temporal)
        self._module("bss_process")
        self._await(lambda: answers(place.temporal_port), "Temporal answering")
        self._await(lambda: answers(place.bss_port), "the sandbox BSS answering")

    def _module(self, name: str) -> Child:
        place_file = str(self.place.home / "place.json")
        return self._spawn(name, [sys.executable, "-m", f"placet.entrypoints.bench.{name}", place_file])

    def _spawn(self, name: str, command: list[str]) -> Child:
        child = Child(name, command, self.place.home / "logs" / f"{name}.log", _ENVIRONMENT)
        self._children.append(child)
        return child

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            self.check()
            return condition()

        await_condition(holds, seconds=_START_SECONDS, what=what)
