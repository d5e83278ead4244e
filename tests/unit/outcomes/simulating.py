"""Simulated customers whose truth is known. All of it is simulated, from fixed seeds."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from placet.contracts.outcomes.figures import MILLION, Between

TIMES = 1_000
"""Simulations of each kind."""
LEAST_COVERED = 0.94

Numbers = NDArray[np.int64]


def spend(seed: int, customers: int, *, sigma: float, none: float, scale: float = 1_000.0) -> Numbers:
    """Return `TIMES` groups of customers, a row each: log-normal minor units, and zeros."""
    chance = np.random.default_rng(seed)
    paid = np.exp(chance.standard_normal((TIMES, customers)) * sigma) * scale
    return np.where(chance.random((TIMES, customers)) < none, 0, np.rint(paid)).astype(np.int64)


def mean_spend(*, sigma: float, none: float, scale: float = 1_000.0) -> float:
    """Return the true mean of `spend`; rounding to whole minor units leaves it as it is, but for a trifle."""
    return float((1 - none) * scale * np.exp(sigma**2 / 2))


def covered(intervals: Iterable[Between], truth: float) -> float:
    """Return the share of intervals that hold the truth."""
    return float(np.mean([one.low <= truth * MILLION <= one.high for one in intervals]))
