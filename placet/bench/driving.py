"""Driving runs of one kind from start to end and timing what a person would wait for."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from placet.bench.processes.notices import Notices
from placet.bench.subjects import Subject
from placet.errors import PlacetError

# A person is slower than a server: the decision comes when the waiting run has come to rest, in seconds.
_THINKING = 0.05
CONNECT_SECONDS = 30.0
"""How long Temporal may take to answer the first time."""
RUN_SECONDS = 300.0
"""How long one run may take."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one run: from its request to waiting for the decision, and from the decision to its end."""

    to_waiting: float
    to_end: float

    @property
    def alone(self) -> float:
        """Both together: the run without the approver's own time."""
        return self.to_waiting + self.to_end


@dataclass(frozen=True, slots=True)
class Load:
    """Many runs at a time; `seconds` from the first request to the last end."""

    seconds: float
    timings: tuple[Timing, ...]

    @property
    def runs_per_second(self) -> float:
        """Throughput."""
        return len(self.timings) / self.seconds


async def drive(subject: Subject, notices: Notices, number: int) -> Timing:
    """Drive one run from request to end.

    Raises:
        PlacetError: it did not end executed, or not in time.
    """
    run_id = subject.name(number)
    waiting = notices.expect(run_id)
    try:
        async with asyncio.timeout(RUN_SECONDS):
            began = time.perf_counter()
            await subject.start(number)
            end = asyncio.ensure_future(subject.ended(run_id))
            await asyncio.wait((waiting, end), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                await end
                raise PlacetError(f"{subject.kind} run {run_id!r} ended without waiting for a decision")
            to_waiting = time.perf_counter() - began
            await asyncio.sleep(_THINKING)
            decision = subject.prepare(run_id)
            decided = time.perf_counter()
            await subject.deliver(decision)
            await end
            return Timing(to_waiting, time.perf_counter() - decided)
    except TimeoutError as error:
        raise PlacetError(f"{subject.kind} run {run_id!r} did not end within {RUN_SECONDS:g} s") from error


async def drive_many(subject: Subject, notices: Notices, numbers: Iterable[int], in_flight: int) -> Load:
    """Drive runs with at most `in_flight` under way.

    Raises:
        PlacetError: one of them did not end executed.
    """
    slots = asyncio.Semaphore(in_flight)

    async def one(number: int) -> Timing:
        async with slots:
            return await drive(subject, notices, number)

    began = time.perf_counter()
    timings = await asyncio.gather(*(one(number) for number in numbers))
    return Load(time.perf_counter() - began, tuple(timings))
