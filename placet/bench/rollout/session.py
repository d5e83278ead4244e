"""One session: runs that people decide, a stage of cleared customers, runs that people decide again, the ledger."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from placet.bench.driving import CONNECT_SECONDS, drive_many
from placet.bench.governed import Governed, enrolled_approver, settings_of
from placet.bench.processes.notices import Notices
from placet.bench.processes.parts import Parts
from placet.bench.rollout.crowd import Crowd, compared, let_recharge
from placet.bench.rollout.figures import Ledger, Mark, Staged
from placet.bench.rollout.ledger import compare_ledger
from placet.bench.rollout.publishing import policies_of, publish
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.strategies.strategy import Strategy
from placet.engine.client import Engine
from placet.entrypoints.connection import connect
from placet.errors import PlacetError
from placet.service.rollouts.ordering import start_rollout
from placet.storage.database import Database

_WORKER: Final = "governed"
_WARM_UP: Final = 5
_LOOK_SECONDS: Final = 0.5
"""Between two looks at how many are over: each groups the runs of the strategy."""
_STUCK_SECONDS: Final = 300.0
"""After so long without a run that ends, nothing more is waited for."""
_TENTHS: Final = 10


class Session:
    """Drives one session.

    Args:
        parts: The processes.
        database: The record.
        strategy: What is rolled out.
        crowd: Its customers.
        runs: Runs that people decide, before and after.
        in_flight: How many of those are under way at a time.
    """

    def __init__(
        self, parts: Parts, database: Database, strategy: Strategy, crowd: Crowd, runs: int, in_flight: int
    ) -> None:
        self._parts, self._database = parts, database
        self._strategy, self._crowd = strategy, crowd
        self._runs, self._in_flight = runs, in_flight
        self._notices, self._numbers = Notices(), count(1)

    async def run(self) -> Staged:
        """Measure.

        Raises:
            PlacetError: a run did not end as it should, or the BSS's ledger says otherwise than the record.
        """
        place = self._parts.place
        await self._notices.listen(place.notices)
        engine = await connect(settings_of(place), patience_seconds=CONNECT_SECONDS)
        await engine.ensure_search_attributes()
        # In this thread, though it waits: Linux ends a child with the thread that started it.
        self._parts.start_governed_workers([_WORKER])
        approver = enrolled_approver(self._database, place)
        governed = Governed(engine, self._database, approver, compared())
        let_recharge(self._database, self._crowd, datetime.now(UTC))
        await self._drive(governed, _WARM_UP)
        before = await self._drive(governed, self._runs)
        record = publish(self._database, place, self._strategy)
        asked, enrolled, marks = await self._stage(engine)
        ledger: Ledger = compare_ledger(self._database, place, record, self._crowd)
        after = await self._drive(governed, self._runs)
        await engine.client.get_workflow_handle(asked.workflow_id).terminate()
        histories = [one async for one in _histories(engine, asked)]
        return Staged(
            customers=len(self._crowd.treated),
            taken_down=len(self._crowd.everybody),
            runs=self._runs,
            in_flight=self._in_flight,
            enrolled_seconds=enrolled,
            seconds=marks[-1].seconds - enrolled,
            compared=(before, after),
            marks=tuple(marks),
            ledger=ledger,
            histories=tuple(len(one.events) for one in histories),
            largest_bytes=max(sum(event.ByteSize() for event in one.events) for one in histories),
        )

    async def _drive(self, governed: Governed, runs: int) -> float:
        """Let people decide some runs; returns how many a second."""
        self._parts.check()
        numbers = [next(self._numbers) for _ in range(runs)]
        load = await drive_many(governed, self._notices, numbers, self._in_flight)
        return load.runs_per_second

    async def _stage(self, engine: Engine) -> tuple[RolloutAsked, float, list[Mark]]:
        """Start the rollout and wait until the run of everybody in its stage is over."""
        policies = policies_of(self._parts.place)
        began, cpu = time.perf_counter(), self._parts.usage(_WORKER).cpu_seconds
        asked = await start_rollout(
            self._database,
            engine,
            tenant="demo",
            wanted=self._strategy.name,
            by="bench-operator",
            policies=lambda _: policies,
        )
        customers, enrolled = len(self._crowd.treated), 0.0
        marks, over, moved = list[Mark](), 0, began
        marked = 0
        while over < customers:
            await asyncio.sleep(_LOOK_SECONDS)
            self._parts.check()
            with self._database.reading() as tx:
                ends = tx.rollouts.ends("demo", asked.version)
            now = time.perf_counter()
            if not enrolled and ends:
                enrolled = now - began
            done = ends.get("executed", 0)
            if done == over and now - moved > _STUCK_SECONDS:
                raise PlacetError(f"no run ended in {_STUCK_SECONDS:g} s; they are {ends}")
            if wrong := {state: many for state, many in ends.items() if state in ("failed", "denied", "no_action")}:
                raise PlacetError(f"runs of the stage ended otherwise than executed: {wrong}")
            moved = now if done > over else moved
            over = done
            if over * _TENTHS // customers > marked * _TENTHS // customers or over == customers:
                used = self._parts.usage(_WORKER).cpu_seconds
                marks.append(
                    Mark(
                        percent=100 * over // customers,
                        seconds=now - began,
                        resident_mb=self._parts.resident_mb(_WORKER),
                        worker_cpu_ms=1000 * (used - cpu) / (over - marked),
                    )
                )
                cpu, marked = used, over
        return asked, enrolled, marks


async def _histories(engine: Engine, asked: RolloutAsked) -> AsyncIterator[WorkflowHistory]:
    """Yield the histories of a rollout's workflow, the newest first: it begins anew as one grows."""
    run_id: str | None = None
    while True:
        history = await engine.client.get_workflow_handle(asked.workflow_id, run_id=run_id).fetch_history()
        yield history
        first = history.events[0]
        if first.event_type is not EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            return
        run_id = first.workflow_execution_started_event_attributes.continued_execution_run_id or None
        if run_id is None:
            return
