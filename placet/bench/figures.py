"""What one session measured, and the aims it is held against."""

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of run. Durations are medians in milliseconds, the approver's own time not counted.

    Attributes:
        rounds: Runs per second of each round under load; `runs_per_second` is their median.
        alone_ms: A run by itself: request to waiting, and decision to end.
        to_waiting_ms: Its first part.
        decision_ms: Its second part: from handing over the decision until the end is known to the caller.
        decision_under_load_ms: The same with all slots taken.
        events: Events in the workflow's history.
        history_bytes: Serialised size of these events.
        cpu_ms: Worker CPU time per run under load, all threads.
        server_cpu_ms: The Temporal server's.
        bss_cpu_ms: The sandbox BSS's; the bare run does not ask it.
        peak_rss_mb: Largest resident set of the worker process in the whole session, MiB.
        model_library: Whether the worker had imported litellm.
    """

    runs_per_second: float
    rounds: tuple[float, ...]
    alone_ms: float
    to_waiting_ms: float
    decision_ms: float
    decision_under_load_ms: float
    events: int
    history_bytes: int
    cpu_ms: float
    server_cpu_ms: float
    bss_cpu_ms: float
    peak_rss_mb: float
    model_library: bool


@dataclass(frozen=True, slots=True)
class Effects:
    """Proof that the governed runs were real: runs that ended executed, and changes that the BSS counts."""

    executed_runs: int
    distinct_receipts: int
    changes_in_bss: int

    @property
    def once_each(self) -> bool:
        """Each run changed the BSS exactly once."""
        return self.executed_runs == self.distinct_receipts == self.changes_in_bss


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure of the governed run, what it should be, and whether it is."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Is the figure on the right side of its limit?"""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Figures:
    """One whole session. `runs` and `alone_runs` count each kind."""

    runs: int
    alone_runs: int
    in_flight: int
    bare: Measured
    governed: Measured
    effects: Effects

    def aims(self) -> tuple[Aim, ...]:
        """Compare the figures with the project's aims for the governed run."""
        bare, governed = self.bare, self.governed
        return (
            Aim("throughput over bare", _over(governed.runs_per_second, bare.runs_per_second), 0.9, at_least=True),
            Aim("decision to executed over bare", _over(governed.decision_ms, bare.decision_ms), 1.3, at_least=False),
            Aim("server CPU over bare", _over(governed.server_cpu_ms, bare.server_cpu_ms), 1.0, at_least=False),
            Aim("worker CPU per run, ms", governed.cpu_ms, 40, at_least=False),
            Aim("history, bytes per run", governed.history_bytes, 9_216, at_least=False),
            Aim("history, events per run", governed.events, 28, at_least=False),
            Aim("worker peak memory, MiB", governed.peak_rss_mb, 200, at_least=False),
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        return {
            **asdict(self),
            "aims": [{**asdict(aim), "met": aim.met} for aim in self.aims()],
            "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        }


def _over(value: float, reference: float) -> float:
    return value / reference if reference else 0.0
