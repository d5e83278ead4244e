"""The clock of an open gate: it strikes at the reminder and the escalation, and stops when the gate closes."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

from placet.contracts.gate import Gate, Milestone


class GateClock:
    """One clock for the whole wait: a flood of refused decisions must not start and cancel timers.

    Attributes:
        due: Milestones that have come and are not recorded yet, oldest first.
    """

    def __init__(self, gate: Gate) -> None:
        self.due: list[Milestone] = []
        self._struck: list[Milestone] = []
        self._running = asyncio.create_task(self._run(gate))

    @property
    def closed(self) -> bool:
        """Whether the gate's time is over."""
        return self._running.done()

    def rewind(self, gate: Gate) -> None:
        """Go on by the times of another gate; what has struck does not strike again."""
        self._running.cancel()
        self._running = asyncio.create_task(self._run(gate))

    async def _run(self, gate: Gate) -> None:
        times: list[tuple[datetime | None, Milestone]] = [(gate.remind_at, "reminded"), (gate.escalate_at, "escalated")]
        coming = sorted((at, name) for at, name in times if at is not None and name not in self._struck)
        for at, milestone in coming:
            await _until(at)
            self._struck.append(milestone)
            self.due.append(milestone)
        await _until(gate.expires_at)


async def _until(at: datetime) -> None:
    """Return at `at`, at once when that is past."""
    await asyncio.sleep(max(at - workflow.now(), timedelta(0)).total_seconds())
