"""What was measured of the console, beside the same server's smallest page, and the aims it is held against."""

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any, Final

from placet.bench.figures import Aim

SMALL, LARGE = "small", "large"

_SLOWEST_MS: Final[dict[str, float]] = {"inbox": 150, "run page": 150, "start a run": 100}
_LIVE_SHARE: Final = 0.20
_FIRST_PAINT: Final = 100 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Many requests for one thing, in turn with as many for the reference.

    Attributes:
        runs: Runs in the database.
        cpu_ms: CPU time of the serving process for each.
        reference_p50_ms: The reference's.
        size: Bytes of the answer's body.
    """

    database: str
    runs: int
    name: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    reference_p50_ms: float
    reference_p95_ms: float
    size: int

    @property
    def ratio(self) -> float:
        """Median over the reference's."""
        return self.p50_ms / self.reference_p50_ms

    @property
    def aim(self) -> Aim | None:
        """What its slowest twentieth should keep to."""
        limit = _SLOWEST_MS.get(self.name)
        return None if limit is None else Aim(f"p95 of {self.name}, {self.database}", self.p95_ms, limit)


@dataclass(frozen=True, slots=True)
class Live:
    """Open pages that follow runs which wait for people.

    Attributes:
        share: CPU time of the serving process over the time that passed: 1 is a core.
    """

    database: str
    runs: int
    pages: int
    share: float

    @property
    def aim(self) -> Aim:
        """What share of a core they may take."""
        return Aim(f"{self.pages} open pages, share of a core, {self.database}", self.share, _LIVE_SHARE)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One whole session.

    Attributes:
        first_paint: Bytes of a run's page and all that it loads, as they are sent.
        notes: What was not measured, and why.
    """

    pending: int
    requests: int
    samples: tuple[Sample, ...]
    live: tuple[Live, ...]
    first_paint: int
    notes: tuple[str, ...]

    def aims(self) -> tuple[Aim, ...]:
        """Return each aim, of the largest database of each kind."""
        largest = max(sample.runs for sample in self.samples)
        of_samples = [one.aim for one in self.samples if one.runs == largest]
        of_live = [one.aim for one in self.live if one.runs == largest]
        paint = Aim("first paint, bytes", float(self.first_paint), float(_FIRST_PAINT))
        return (*(aim for aim in of_samples if aim is not None), *of_live, paint)

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        return {
            **asdict(self),
            "aims": [{**asdict(aim), "met": aim.met} for aim in self.aims()],
            "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        }
