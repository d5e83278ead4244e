"""The processes of one bench: Temporal, the sandbox BSS and workers; all gone when the block ends."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from placet.bench.folder import temporary_folder
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

    def __init__(
        self,
        settings: Settings,
        database_url: str = "",
        policies: Callable[[Path], Path] | None = None,
        customers: Callable[[Path], Path] | None = None,
    ) -> None:
        """Agree on a place; `policies` puts a folder of tenants' policies into it, `customers` a file of the BSS's."""
        self._files = ExitStack()
        home = self._files.enter_context(temporary_folder())
        self.place = Place(
            home=home,
            temporal_port=free_port(),
            bss_port=free_port(),
            activities=settings.worker_activities,
            cached_runs=settings.worker_cached_runs,
            database_url=database_url,
            policies=None if policies is None else policies(home),
            customers=None if customers is None else customers(home),
        )
        super().__init__(self.place.home / "logs", _ENVIRONMENT)
        self._workers: dict[str, Child] = {}
        self._servers: dict[str, Child] = {}

    def start_workers(self) -> None:
        """Start one worker of each kind; returns when both poll."""
        for kind in KINDS:
            self._spawn_worker(kind, kind)
        self._await_first_polls("both workers' first poll")

    def start_governed_workers(self, names: Iterable[str]) -> None:
        """Start some more workers for governed runs; returns when all poll."""
        for name in names:
            self._spawn_worker("governed", name)
        self._await_first_polls("the workers' first poll")

    def stop_worker(self, name: str) -> None:
        """End a worker that has nothing to do any more."""
        self.end(self._workers.pop(name))

    def _spawn_worker(self, kind: Kind, name: str) -> None:
        self._workers[name] = self._module(f"{kind}_worker", name)

    def _await_first_polls(self, what: str) -> None:
        self.await_part(lambda: all(self.place.ready(name).exists() for name in self._workers), what)

    def usage(self, worker: str) -> Usage:
        """Ask the worker of this name what it has used so far.

        Raises:
            ConfigurationError: it does not say, or has ended.
        """
        file = self.place.usage(worker)
        file.unlink(missing_ok=True)
        self._workers[worker].check()
        os.kill(self._workers[worker].pid, signal.SIGUSR1)
        await_condition(file.exists, seconds=_USAGE_SECONDS, what=f"the usage of the worker {worker!r}")
        return Usage.read(file)

    def resident_mb(self, worker: str) -> float:
        """Return what the worker of this name has in memory now, in MiB; 0 where the system does not say."""
        status = Path(f"/proc/{self._workers[worker].pid}/status")
        if not status.exists():
            return 0.0
        resident = next((line for line in status.read_text().splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
        return int(resident.split()[1]) / 1024

    def server_seconds(self, name: str) -> float:
        """Return the CPU time that a server (`temporal`, `bss`) has used so far.

        It is 0 where the system does not say (not Linux).
        """
        return self.cpu_seconds(self._servers[name])

    def cpu_seconds(self, child: Child) -> float:
        """Return the CPU time that a part has used so far; 0 where the system does not say (not Linux)."""
        stat = Path(f"/proc/{child.pid}/stat")
        if not stat.exists():
            return 0.0
        # proc(5): the 14th and 15th fields, user and system time; the second is the name, which may hold anything.
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End all parts, the workers first, and remove the folder."""
        super().stop()
        self._files.close()

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

    def _module(self, module: str, *name: str) -> Child:
        place_file = str(self.place.home / "place.json")
        command = [sys.executable, "-m", f"placet.bench.processes.{module}", place_file, *name]
        return self.spawn(f"{name[0]}_worker" if name else module, command)
