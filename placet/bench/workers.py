"""`placet bench workers`: how the runs per second of an installation grow with its workers, on one PostgreSQL.

One worker, then two, then four, then two and one again, so that whatever else the machine does meets all alike; each
step drives the same number of governed runs, the same number of them under way.
"""

import os
import statistics
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from rich.table import Table

from placet.bench.driving import CONNECT_SECONDS, Load, drive_many
from placet.bench.figures import Aim
from placet.bench.folder import temporary_folder
from placet.bench.governance.databases.databases import open_new, postgres_databases
from placet.bench.governed import Governed, counted_effects, enrolled_approver, settings_of, without_contact_limits
from placet.bench.processes.notices import Notices
from placet.bench.processes.parts import Parts
from placet.bench.report import verdict
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.processes.interruption import run_interruptible, terminate_as_interrupt
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.interfaces.cli.output import console, print_json
from placet.storage.database import Database

STEPS = (1, 2, 4, 2, 1)
_WARM_UP = 5
_TWO = 2
_LIMIT = 1.6
_FEW_CORES = 8
"""Below this many cores the workers, Temporal, PostgreSQL, the BSS and the driver take them from one another."""


@dataclass(frozen=True, slots=True)
class Step:
    """What some workers did together. CPU is of all of them, in milliseconds per run.

    Attributes:
        rounds: Runs per second of each time that so many workers were at it.
    """

    workers: int
    rounds: tuple[float, ...]
    worker_cpu_ms: float
    server_cpu_ms: float
    bss_cpu_ms: float

    @property
    def runs_per_second(self) -> float:
        """The mean of the rounds."""
        return statistics.fmean(self.rounds)


@dataclass(frozen=True, slots=True)
class Growth:
    """One whole session; `durability` is what a commit waits for, in PostgreSQL's own words."""

    runs: int
    in_flight: int
    durability: str
    steps: tuple[Step, ...]

    def over_one(self, step: Step) -> float:
        """Return runs per second divided by those of one worker."""
        return step.runs_per_second / self.steps[0].runs_per_second

    @property
    def aim(self) -> Aim:
        """What two workers should reach."""
        two = next(step for step in self.steps if step.workers == _TWO)
        return Aim("two workers over one", self.over_one(two), _LIMIT, at_least=True)

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        steps = [
            {**asdict(step), "runs_per_second": step.runs_per_second, "over_one": self.over_one(step)}
            for step in self.steps
        ]
        return {
            **asdict(self),
            "steps": steps,
            "aim": {**asdict(self.aim), "met": self.aim.met},
            "cpus": os.cpu_count(),
        }


def bench_workers(settings: Settings, *, runs: int, in_flight: int, postgres: str | None, as_json: bool) -> int:
    """Measure, print the figures, stop and remove everything that was started, also on Ctrl-C.

    Args:
        settings: Only the worker's capacity is taken from them.
        runs: Governed runs of each step.
        in_flight: How many of them are under way at a time.
        postgres: URL of a PostgreSQL server on which databases may be created; None: the embedded one, if installed.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        ConfigurationError: there is no PostgreSQL, or a part does not start.
        PlacetError: a run did not end as it should, or the BSS shows another number of effects than runs.
    """
    terminate_as_interrupt()
    with temporary_folder() as folder, postgres_databases(folder, postgres) as server:
        if server is None:
            raise ConfigurationError("no PostgreSQL: give --postgres URL, or install the extra `dev`")
        url, fresh = open_new(server)
        fresh.close()
        # With the settings of its place: they name the administrators that this record trusts.
        with (
            Parts(settings, url, without_contact_limits) as parts,
            closing(open_database(settings_of(parts.place))) as database,
        ):
            steps = run_interruptible(lambda: _Session(parts, database, runs, in_flight).run())
        _show(Growth(runs, in_flight, server.durability(), steps), as_json=as_json)
    return 0


class _Session:
    def __init__(self, parts: Parts, database: Database, runs: int, in_flight: int) -> None:
        self._parts = parts
        self._database = database
        self._runs = runs
        self._in_flight = in_flight
        self._numbers = count(1)
        self._notices = Notices()
        self._workers: list[str] = []
        self._loads: dict[int, list[Load]] = {}
        self._used: dict[int, Counter[str]] = {}

    async def run(self) -> tuple[Step, ...]:
        place = self._parts.place
        await self._notices.listen(place.notices)
        engine = await connect(settings_of(place), patience_seconds=CONNECT_SECONDS)
        await engine.ensure_search_attributes()
        governed = Governed(engine, self._database, enrolled_approver(self._database, place))
        for workers in STEPS:
            self._have(workers)
            await self._drive(governed, _WARM_UP * workers)
            before = self._cpu_seconds()
            self._loads.setdefault(workers, []).append(await self._drive(governed, self._runs))
            self._used.setdefault(workers, Counter()).update(self._cpu_seconds() - before)
        counted_effects(governed, place)
        return tuple(self._step(workers) for workers in sorted(self._loads))

    def _have(self, workers: int) -> None:
        # In this thread, though it waits: Linux ends a child with the thread that started it.
        while len(self._workers) > workers:
            self._parts.stop_worker(self._workers.pop())
        more = [f"governed-{number}" for number in range(len(self._workers) + 1, workers + 1)]
        self._parts.start_governed_workers(more)
        self._workers += more

    async def _drive(self, governed: Governed, runs: int) -> Load:
        self._parts.check()
        numbers = [next(self._numbers) for _ in range(runs)]
        return await drive_many(governed, self._notices, numbers, self._in_flight)

    def _cpu_seconds(self) -> Counter[str]:
        servers = {name: self._parts.server_seconds(name) for name in ("temporal", "bss")}
        return Counter({"worker": sum(self._parts.usage(name).cpu_seconds for name in self._workers), **servers})

    def _step(self, workers: int) -> Step:
        loads, used = self._loads[workers], self._used[workers]
        each = 1000 / (len(loads) * self._runs)
        return Step(
            workers=workers,
            rounds=tuple(load.runs_per_second for load in loads),
            worker_cpu_ms=each * used["worker"],
            server_cpu_ms=each * used["temporal"],
            bss_cpu_ms=each * used["bss"],
        )


def _show(growth: Growth, *, as_json: bool) -> None:
    if as_json:
        print_json(growth.as_json())
        return
    out = console()
    title = f"{growth.runs} governed runs a step, {growth.in_flight} in flight; inference scripted"
    table = Table("workers", title=title, title_justify="left", box=None)
    for column in ("runs/s", "over one", "worker CPU, ms", "Temporal CPU, ms", "BSS CPU, ms"):
        table.add_column(column, justify="right")
    for step in growth.steps:
        cpu = (f"{value:.1f}" for value in (step.worker_cpu_ms, step.server_cpu_ms, step.bss_cpu_ms))
        table.add_row(str(step.workers), f"{step.runs_per_second:.1f}", f"{growth.over_one(step):.2f}", *cpu)
    out.print(table)
    aim = growth.aim
    out.print(f"\n{aim.name}: {aim.value:.2f}, aim ≥ {aim.limit:g}:", verdict(met=aim.met))
    out.print(f"PostgreSQL: {growth.durability}", markup=False)
    cores = os.cpu_count() or 1
    if cores < _FEW_CORES:
        out.print(
            f"The workers share the {cores} cores of this machine with Temporal, PostgreSQL, the BSS and the driver: "
            "this does not show how an installation grows."
        )
