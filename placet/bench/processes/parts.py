"""The processes of one bench: Temporal, the sandbox BSS and the two workers; all gone when the block ends."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from placet.bench.processes.place import KINDS, Kind, Place, Usage
from placet.entrypoints.processes.process import Child, answers, await_condition, free_port
from placet.entrypoints.processes.process_group import ProcessGroup
from placet.entrypoints.processes.stack import temporal_command
from placet.entrypoints.settings import Settings

# Seconds; an answer to SIGUSR1 comes at the next turn of a worker's event loop.
_USAGE_SECONDS = 20.0

# Temporal's sandbox imports the workflow anew for each run; without bytecode files it would compile it each time.
_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": ""}


class Parts(ProcessGroup):
    """Starts servers first; workers follow on `start_workers`, once somebody listens to their notices."""

    def __init__(self, settings: Settings) -> None:
        self.place = Place(
            home=Path(tempfile.mkdtemp(prefix="placet-bench-")),
            temporal_port=free_port(),
            bss_port=free_port(),
            activities=settings.worker_activities,
            cached_runs=settings.worker_cached_runs,
        )
        super().__init__(self.place.home / "logs", _ENVIRONMENT)
        self._workers: dict[Kind, Child] = {}
        self._servers: dict[str, Child] = {}

    def start_workers(self) -> None:
        """Start both workers; returns when both poll."""
        for kind in KINDS:
            self._workers[kind] = self._module(f"{kind}_worker")
        self.await_part(lambda: all(self.place.ready(kind).exists() for kind in KINDS), "both workers' first poll")

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

    def server_seconds(self, name: str) -> float:
        """CPU time that a server (`temporal`, `bss`) has used so far; 0 where the system does not say (not Linux)."""
        stat = Path(f"/proc/{self._servers[name].pid}/stat")
        if not stat.exists():
            return 0.0
        # proc(5): the 14th and 15th fields, user and system time; the second is the name, which may hold anything.
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End all parts, the workers first, and remove the folder."""
        super().stop()
        shutil.rmtree(self.place.home, ignore_errors=True)

    def start(self) -> None:
        """Start the servers; workers follow on `start_workers`."""
        place = self.place
        place.write()
        self._servers["temporal"] = self.spawn(
            "temporal", temporal_command(place.temporal_port, free_port(), place.home / "temporal.db")
        )
        self._servers["bss"] = self._module("bss_process")
        self.await_part(lambda: answers(place.temporal_port), "Temporal answering")
        self.await_part(lambda: answers(place.bss_port), "the sandbox BSS answering")

    def _module(self, name: str) -> Child:
        place_file = str(self.place.home / "place.json")
        return self.spawn(name, [sys.executable, "-m", f"placet.bench.processes.{name}", place_file])
