"""One session: warm up, runs alone, rounds under load, always one kind beside the other, then the BSS's own count."""

import asyncio
import statistics
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count

from temporalio.client import Client

from placet.bench.driving import CONNECT_SECONDS, Load, Timing, drive, drive_many
from placet.bench.figures import Effects, Figures, Measured
from placet.bench.governed import Governed, counted_effects, enrolled_approver, settings_of
from placet.bench.processes.notices import Notices
from placet.bench.processes.parts import Parts
from placet.bench.processes.place import KINDS, Kind
from placet.bench.subjects import Bare, Subject
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.processes.interruption import run_interruptible, terminate_as_interrupt
from placet.entrypoints.settings import Settings
from placet.storage.database import Database

_WARM_UP = 3
_ALONE = 30
_ROUNDS = 3
_WATCH_SECONDS = 0.5


@dataclass
class _Sheet:
    """What was seen of one kind."""

    alone: list[Timing] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    cpu_seconds: Counter[str] = field(default_factory=Counter)
    events: list[int] = field(default_factory=list)
    history_bytes: list[int] = field(default_factory=list)


def measure(settings: Settings, *, runs: int, in_flight: int) -> Figures:
    """Run the whole session on parts of its own.

    Raises:
        PlacetError: a run did not end as it should, or the BSS shows another number of effects than runs.
    """
    terminate_as_interrupt()
    with Parts(settings) as parts:

        async def session() -> Figures:
            with closing(open_database(settings_of(parts.place))) as database:
                return await _Session(parts, database, runs, in_flight).run()

        return run_interruptible(session)


class _Session:
    def __init__(self, parts: Parts, database: Database, runs: int, in_flight: int) -> None:
        self._parts = parts
        self._database = database
        self._runs = runs
        self._in_flight = in_flight
        self._sheets: dict[Kind, _Sheet] = {kind: _Sheet() for kind in KINDS}
        self._numbers = count(1)
        self._notices = Notices()

    async def run(self) -> Figures:
        """Measure, and fail at once when a part has ended by itself."""
        measuring = asyncio.ensure_future(self._measure())
        try:
            while not measuring.done():
                await asyncio.wait((measuring,), timeout=_WATCH_SECONDS)
                self._parts.check()
            return await measuring
        finally:
            measuring.cancel()

    async def _measure(self) -> Figures:
        place = self._parts.place
        await self._notices.listen(place.notices)
        engine = await connect(settings_of(place), patience_seconds=CONNECT_SECONDS)
        await engine.ensure_search_attributes()
        # In this thread, though it waits: Linux ends a child with the thread that started it.
        self._parts.start_workers()
        governed = Governed(engine, self._database, enrolled_approver(self._database, place))
        subjects: list[Subject] = [Bare(await Client.connect(place.temporal)), governed]
        await self._warm_up(subjects)
        await self._alone(subjects)
        for number, share in enumerate(_shares(self._runs)):
            for subject in subjects if number % 2 == 0 else reversed(subjects):
                await self._under_load(subject, share)
        return self._figures(counted_effects(governed, place))

    async def _warm_up(self, subjects: list[Subject]) -> None:
        for subject in subjects:
            await drive_many(subject, self._notices, self._next(_WARM_UP), _WARM_UP)

    async def _alone(self, subjects: list[Subject]) -> None:
        for _ in range(min(_ALONE, self._runs)):
            for subject in subjects:
                number = next(self._numbers)
                sheet = self._sheets[subject.kind]
                sheet.alone.append(await drive(subject, self._notices, number))
                history = await subject.history(subject.name(number))
                sheet.events.append(len(history.events))
                sheet.history_bytes.append(sum(event.ByteSize() for event in history.events))

    async def _under_load(self, subject: Subject, runs: int) -> None:
        sheet = self._sheets[subject.kind]
        before = self._cpu_seconds(subject.kind)
        sheet.loads.append(await drive_many(subject, self._notices, self._next(runs), self._in_flight))
        sheet.cpu_seconds += self._cpu_seconds(subject.kind) - before

    def _cpu_seconds(self, kind: Kind) -> Counter[str]:
        """Return what the kind's worker and the servers have used so far.

        The servers serve only this kind meanwhile.
        """
        servers = {name: self._parts.server_seconds(name) for name in ("temporal", "bss")}
        return Counter({"worker": self._parts.usage(kind).cpu_seconds, **servers})

    def _next(self, runs: int) -> list[int]:
        return [next(self._numbers) for _ in range(runs)]

    def _figures(self, effects: Effects) -> Figures:
        return Figures(
            runs=self._runs,
            alone_runs=len(self._sheets["bare"].alone),
            in_flight=self._in_flight,
            bare=self._measured("bare"),
            governed=self._measured("governed"),
            effects=effects,
        )

    def _measured(self, kind: Kind) -> Measured:
        sheet, usage = self._sheets[kind], self._parts.usage(kind)
        loaded = [timing for load in sheet.loads for timing in load.timings]
        rounds = tuple(load.runs_per_second for load in sheet.loads)
        return Measured(
            runs_per_second=statistics.median(rounds),
            rounds=rounds,
            alone_ms=_median_ms([timing.alone for timing in sheet.alone]),
            to_waiting_ms=_median_ms([timing.to_waiting for timing in sheet.alone]),
            decision_ms=_median_ms([timing.to_end for timing in sheet.alone]),
            decision_under_load_ms=_median_ms([timing.to_end for timing in loaded]),
            events=round(statistics.median(sheet.events)),
            history_bytes=round(statistics.median(sheet.history_bytes)),
            cpu_ms=1000 * sheet.cpu_seconds["worker"] / len(loaded),
            server_cpu_ms=1000 * sheet.cpu_seconds["temporal"] / len(loaded),
            bss_cpu_ms=1000 * sheet.cpu_seconds["bss"] / len(loaded),
            peak_rss_mb=usage.peak_rss_mb,
            model_library=usage.model_library,
        )


def _shares(runs: int) -> list[int]:
    """Divide `runs` into rounds that are as equal as can be."""
    return [runs // _ROUNDS + (number < runs % _ROUNDS) for number in range(min(_ROUNDS, runs))]


def _median_ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)
