"""Whole governed runs, one at a time, each with the gate's work measured beside it while it waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agents.testing import ScriptedInference
from placet.bench.driving import CONNECT_SECONDS, RUN_SECONDS, drive
from placet.bench.folder import temporary_folder
from placet.bench.governance.gate_work import GateWork, Spent
from placet.bench.governed import Governed, enrolled_approver, settings_of, without_contact_limits
from placet.bench.processes.notices import Notices
from placet.bench.processes.parts import Parts
from placet.bench.processes.place import Place
from placet.contracts.run import END_STATES
from placet.engine.client import Engine
from placet.entrypoints.bootstrap import build_parts
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.processes.interruption import run_interruptible
from placet.entrypoints.processes.stack import Stack
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.governance.signing.keys import SigningKey
from placet.service import runs as run_operations
from placet.service.deciding import decisions as decision_operations
from placet.storage.database import Database

_WARM_UP = 2
_POLL_SECONDS = 0.01
# The real model may find that nothing need be done; then the next customer is asked about.
_MOST_WITHOUT_ACTION = 10


@dataclass(frozen=True, slots=True)
class Run:
    """One whole run without the approver's own time, and the gate's work for it, in seconds."""

    wall: float
    gate: Spent


@dataclass(frozen=True, slots=True)
class Runs:
    """Some runs. `worker_cpu`: seconds of CPU of the worker process for each of them; None: not measured."""

    runs: tuple[Run, ...]
    worker_cpu: float | None = None


class _Watched(Governed):
    """The governed kind; when the approver would read the proposal, the gate's work is done once more and timed."""

    def __init__(self, engine: Engine, database: Database, key: SigningKey, work: GateWork) -> None:
        super().__init__(engine, database, key)
        self._opened = database
        self._work = work
        self.spent: list[Spent] = []

    def state(self, run_id: str) -> str:
        """Return the state in which the record says that the run is."""
        return run_operations.find_run(self._opened, run_id, "demo").state

    def prepare(self, run_id: str) -> Any:
        """Measure, then sign; neither is part of the run."""
        record, _, proposal = decision_operations.pending_proposal(self._opened, run_id, "demo", "approve")
        self.spent.append(self._work.once(record, proposal))
        return super().prepare(run_id)


def with_scripted_model(settings: Settings, count: int) -> Runs:
    """Run on the parts of `placet bench run`: inference costs nothing, all else is real."""
    with Parts(settings) as parts:
        return _measured(settings_of(parts.place), parts.place, lambda subject: _scripted(parts, subject, count))


def with_embedded_model(count: int) -> Runs:
    """Run on the stack of `placet up`, the embedded model included, in a folder of its own."""
    with (
        temporary_folder() as home,
        Stack(Settings.model_construct(home=home), isolated=True, usual_ports=False, console=False) as stack,
    ):
        place = Place(home, stack.temporal_port, stack.bss_port, activities=1, cached_runs=1)
        return _measured(stack.settings(), place, lambda subject: _embedded(subject, count))


def _measured(settings: Settings, place: Place, runs: Callable[[_Watched], Awaitable[Runs]]) -> Runs:
    # The gate's work is done for a copy of a run whose customer is waiting for that very run.
    ours = settings.model_copy(update={"policy_dir": without_contact_limits(place.home)})
    parts = build_parts(ours, inference=ScriptedInference(), database=open_database(settings))
    try:
        key = enrolled_approver(parts.database, place)

        async def session() -> Runs:
            engine = await connect(settings, patience_seconds=CONNECT_SECONDS)
            await engine.ensure_search_attributes()
            return await runs(_Watched(engine, parts.database, key, GateWork(parts.context, key)))

        return run_interruptible(session)
    finally:
        parts.close()


async def _scripted(parts: Parts, subject: _Watched, count: int) -> Runs:
    notices = Notices()
    await notices.listen(parts.place.notices)
    parts.start_workers()
    for number in range(_WARM_UP):
        await drive(subject, notices, number)
    subject.spent.clear()
    before = parts.usage("governed").cpu_seconds
    timings = [await drive(subject, notices, _WARM_UP + number) for number in range(count)]
    used = parts.usage("governed").cpu_seconds - before
    runs = tuple(Run(timing.alone, spent) for timing, spent in zip(timings, subject.spent, strict=True))
    return Runs(runs, used / count)


async def _embedded(subject: _Watched, count: int) -> Runs:
    walls: list[float] = []
    for number in range(1 + count + _MOST_WITHOUT_ACTION):
        async with asyncio.timeout(RUN_SECONDS):
            wall = await _drive(subject, number)
        walls += [] if wall is None else [wall]
        if len(walls) > count:
            # The first one warmed up.
            return Runs(tuple(Run(wall, spent) for wall, spent in zip(walls[1:], subject.spent[1:], strict=True)))
    raise PlacetError(f"the embedded model proposed something in {len(walls)} runs only, not {count + 1}")


async def _drive(subject: _Watched, number: int) -> float | None:
    """Drive one run and return its seconds by the record: the shipped worker tells nobody.

    Return None when it ended without a proposal.
    """
    run_id, began = subject.name(number), time.perf_counter()
    await subject.start(number)
    while (state := subject.state(run_id)) != "awaiting_decision":
        if state == "no_action":
            return None
        if state in END_STATES:
            raise PlacetError(f"run {run_id!r} ended {state!r} without waiting for a decision")
        await asyncio.sleep(_POLL_SECONDS)
    waited = time.perf_counter() - began
    decision = subject.prepare(run_id)
    decided = time.perf_counter()
    await subject.deliver(decision)
    await subject.ended(run_id)
    return waited + time.perf_counter() - decided
