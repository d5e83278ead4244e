"""What one session of the bench of rollouts measured, and the aims it is held against."""

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any, Final

from placet.bench.figures import Aim

_AS_FAST: Final = 1.0
_NO_DEARER: Final = 1.25
_NO_LARGER: Final = 1.15
MOST_EVENTS: Final = 2_100
"""Of one workflow's history: it begins anew after 2,000 and finishes the step that it is at."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What was seen when so many of a hundred customers were over.

    Attributes:
        seconds: Since the rollout was started.
        resident_mb: Of the worker, in MiB.
        worker_cpu_ms: Per customer since the mark before.
    """

    percent: int
    seconds: float
    resident_mb: float
    worker_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """The BSS's own ledger beside the record.

    Attributes:
        changed_once: Customers of the stage with exactly one adjustment, of the amount that the record says.
        others_changed: Changes of customers whom the stage does not treat.
        given_minor: What the BSS booked for the stage, in minor units.
        spent_minor: What the record says that the mandate cleared.
    """

    changed_once: int
    others_changed: int
    given_minor: int
    spent_minor: int


@dataclass(frozen=True, slots=True)
class Staged:
    """One whole session.

    Attributes:
        customers: Whom the stage treats.
        taken_down: Everybody in the cohort, control group and later stages with them.
        enrolled_seconds: From the start of the rollout until the cohort was taken down.
        seconds: From there until the last run was over.
        compared: Runs per second that people decide, measured before and after it.
        histories: Events of each history of the rollout's workflow, the newest first.
        largest_bytes: Of the largest of them.
    """

    customers: int
    taken_down: int
    runs: int
    in_flight: int
    enrolled_seconds: float
    seconds: float
    compared: tuple[float, ...]
    marks: tuple[Mark, ...]
    ledger: Ledger
    histories: tuple[int, ...]
    largest_bytes: int

    @property
    def customers_per_second(self) -> float:
        """How fast the stage was reached."""
        return self.customers / self.seconds

    @property
    def compared_per_second(self) -> float:
        """The mean of the runs that people decide."""
        return sum(self.compared) / len(self.compared)

    def aims(self) -> tuple[Aim, ...]:
        """Compare the figures with what is asked of a rollout."""
        first, last = (self._mark(percent) for percent in (10, 100))
        early, late = self._cpu(first=True), self._cpu(first=False)
        return (
            Aim(
                "rate over runs that people decide",
                self.customers_per_second / self.compared_per_second,
                _AS_FAST,
                at_least=True,
            ),
            Aim("worker CPU per customer, last half over first", late / early, _NO_DEARER),
            Aim("worker memory, at 100 % over 10 %", last.resident_mb / first.resident_mb, _NO_LARGER),
            Aim("events of the largest history of the rollout", max(self.histories), MOST_EVENTS),
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        return {
            **asdict(self),
            "customers_per_second": self.customers_per_second,
            "compared_per_second": self.compared_per_second,
            "aims": [{**asdict(aim), "met": aim.met} for aim in self.aims()],
            "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        }

    def _mark(self, percent: int) -> Mark:
        return next(mark for mark in self.marks if mark.percent >= percent)

    def _cpu(self, *, first: bool) -> float:
        """Return what a customer costs the worker in one half of the stage; the first tenth, which warms up, apart."""
        found = [mark for mark in self.marks if (10 < mark.percent <= 50 if first else mark.percent > 50)]  # noqa: PLR2004
        return sum(mark.worker_cpu_ms for mark in found) / max(len(found), 1)
