"""What was measured, beside what, and the aim it is held against."""

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

from placet.bench.figures import Aim


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure and its reference, measured in turn in the same rounds.

    Attributes:
        part: Which part of the bench it belongs to.
        unit: Of `ours` and `reference`.
        against: What the reference is.
        limit: The aim; None where there is none.
        at_least: The aim is a lower limit.
        absolute: The aim is held against `ours` itself and not against its ratio to the reference.
    """

    part: str
    name: str
    unit: str
    ours: float
    reference: float
    against: str
    limit: float | None = None
    at_least: bool = False
    absolute: bool = False

    @property
    def ratio(self) -> float:
        """Ours over the reference."""
        return self.ours / self.reference

    @property
    def aim(self) -> Aim | None:
        """What the figure should be, and whether it is."""
        if self.limit is None:
            return None
        value = self.ours if self.absolute else self.ratio
        return Aim(self.name, value, self.limit, at_least=self.at_least)

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        aim = self.aim
        return {**asdict(self), "ratio": self.ratio, "met": None if aim is None else aim.met}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One whole session.

    Attributes:
        notes: How things were set up, and what was not measured and why.
    """

    entries: int
    rounds: int
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        return {
            "entries": self.entries,
            "rounds": self.rounds,
            "figures": [figure.as_json() for figure in self.figures],
            "notes": list(self.notes),
            "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        }
