"""Simulated rollouts of which the truth is known: what was counted, look by look. All of it is simulated."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from placet.contracts.strategies.rollout import GuardRail, Measure
from placet.contracts.strategies.written import Margin
from placet.decisioning.guard_rails.bounding import ends
from placet.decisioning.guard_rails.sequences import critical, information
from placet.decisioning.outcomes.intervals import Range, mean_range, share_range

TIMES = 1_000
LOOKS = 60
START = datetime(2026, 12, 1, 6, tzinfo=UTC)

Numbers = NDArray[np.float64]


def rail(
    measure: Measure = "complaints", must_not: str = "rise", margin: str = "0.5 points", sample: int = 500,
    confidence: int = 9_500,
) -> GuardRail:  # fmt: skip
    number, _, unit = margin.partition(" ")
    return GuardRail.model_validate(
        {
            "measure": measure,
            "must_not": must_not,
            "by_more_than": Margin(hundredths=round(float(number) * 100), unit="percent" if unit == "%" else "points"),
            "sample": sample,
            "confidence": confidence,
            "then": "stop",
        }
    )


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@dataclass(frozen=True)
class Rollouts:
    """Counts of many rollouts, a row each and a column for each look.

    Attributes:
        treated: Customers counted up to each look.
        had: Of them, on whom it is true, or the sum of their amounts.
        moments: Of amounts: variance and third moment of both groups.
    """

    treated: Numbers
    control: Numbers
    had: Numbers
    they: Numbers
    moments: tuple[Numbers, Numbers, Numbers, Numbers] | None = None

    def ranges(self, errors: Numbers) -> tuple[Range, Range]:
        if self.moments is None:
            return share_range(self.treated, self.had, errors), share_range(self.control, self.they, errors)
        a, b, c, d = self.moments
        ours = mean_range(self.treated, self.had / self.treated, a, b, errors)
        theirs = mean_range(self.control, self.they / self.control, c, d, errors)
        return tuple(Range(one.middle, np.maximum(one.low, 0.0), one.high) for one in (ours, theirs))  # type: ignore[return-value]

    def bounds(self, of: GuardRail, errors: Numbers | float | None = None) -> tuple[Numbers, Numbers]:
        """Return both bounds at each look at which there are enough; else ones that say nothing."""
        told = information(self.treated, self.control)
        if errors is None:
            errors = critical("once", told=told, sample=of.sample, look=1, alpha=1 - of.confidence / 10_000)
        low, high = ends(of.by_more_than, *self.ranges(np.broadcast_to(errors, self.had.shape)))
        enough = (self.treated >= of.sample) & (self.control >= of.sample)
        return np.where(enough, low, -np.inf), np.where(enough, high, np.inf)


def shares(seed: int, treated: Numbers, control: Numbers, *, rate: float, theirs: float) -> Rollouts:
    """Return rollouts in which `treated` and `control` customers are new at each look."""
    chance = np.random.default_rng(seed)
    new = [
        chance.binomial(many.astype(int), share, (TIMES, len(many))).cumsum(axis=1).astype(float)
        for many, share in ((treated, rate), (control, theirs))
    ]
    sizes: list[Numbers] = [np.cumsum(many).astype(np.float64) for many in (treated, control)]
    return Rollouts(sizes[0], sizes[1], new[0], new[1])


def amounts(seed: int, treated: int, control: int, *, lift: float, sigma: float, none: float) -> Rollouts:
    """Return rollouts of log-normal spend with zeros; `lift` is the treated's mean over that of the control group."""
    chance = np.random.default_rng(seed)
    sums = []
    for many, by in ((treated, lift), (control, 1.0)):
        powers = np.zeros((3, TIMES, LOOKS))
        for look in range(LOOKS):
            paid = np.exp(chance.standard_normal((TIMES, many)) * sigma) * (chance.random((TIMES, many)) >= none) * by
            for power in range(3):
                powers[power, :, look] = (paid ** (power + 1)).sum(axis=1)
        total, squares, cubes = powers.cumsum(axis=2)
        size: Numbers = np.asarray(np.arange(1, LOOKS + 1) * many, dtype=np.float64)
        mean = total / size
        variance = (squares / size - mean**2) * size / (size - 1)
        third = cubes / size - 3 * mean * squares / size + 2 * mean**3
        sums.append((size, total, variance, third))
    (ours, had, a, b), (theirs, they, c, d) = sums
    return Rollouts(ours, theirs, had, they, (a, b, c, d))


def even(many: int) -> Numbers:
    return np.full(LOOKS, float(many))
