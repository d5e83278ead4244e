"""Intervals of one group, and of two together: of their difference and of their ratio.

*Shares*: Agresti and Caffo (2000): to each group a fourth of the square of `z` customers are added who have it, and as
many who have it not: one of each at 95 %. It covers the truth of rare events, also in groups of very unlike size, where
the plain interval and, by less, Newcombe's hybrid score interval do not.

*Means of amounts*: Hall (1992), whose transformation takes the skewness out of the studentised mean. Skewness is
estimated too low in heavy tails, so each end is the outer one of Hall's and the plain interval's.

*Two groups*: the method of variance estimates recovery: of a difference Zou and Donner (2008), of a ratio Donner and
Zou (2012). Both are one condition, so the ratio is apart from 1 exactly where the difference is apart from 0.

All take numbers, or numpy arrays of them.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from placet.contracts.outcomes.figures import Unit
from placet.decisioning.outcomes.groups import Figures, Group

Number = Any
"""A float, or an array of them."""

WHOLE_BP: Final = 10_000
_SMALL: Final = 1e-9
MOST_SKEW: Final = 0.8
"""Of a mean: from here on a few customers have nearly all, and nothing is known."""


@dataclass(frozen=True, slots=True)
class Range:
    """An interval of one group's mean: its middle, which need not be the mean observed, and its ends."""

    middle: Number
    low: Number
    high: Number


def standard_errors(confidence_bp: int) -> float:
    """Return how many standard errors a two-sided interval of a single look spans to each side."""
    return NormalDist().inv_cdf((1 + confidence_bp / WHOLE_BP) / 2)


def share_range(customers: Number, had: Number, z: Number) -> Range:
    """Return the interval of a share (Agresti and Caffo)."""
    added = z * z / 4
    size = customers + 2 * added
    middle = (had + added) / size
    half = z * np.sqrt(middle * (1 - middle) / size)
    return Range(middle, middle - half, middle + half)


def mean_range(customers: Number, mean: Number, variance: Number, third: Number, z: Number) -> Range:
    """Return the interval of a mean (Hall, and no narrower at either end than the plain one)."""
    error = np.sqrt(variance / customers)
    skew = skewness(customers, variance, third)
    low = mean - error * np.maximum(z, _untransformed(skew, z))
    high = mean + error * np.maximum(z, -_untransformed(skew, -z))
    return Range(mean, low, high)


def range_of_terms(terms: Figures, z: float) -> Range:
    """Return the interval of the mean of computed terms, which may spread far to both sides.

    There skewness says little, and the spread itself is uncertain: `z` becomes Student's quantile with the degrees of
    freedom that the kurtosis leaves of the variance, 2 n / (kurtosis - 1) (after Satterthwaite 1946; the quantile by
    Cornish and Fisher's expansion).

    Args:
        terms: One for each decision.
        z: Standard errors.
    """
    mean = terms.mean()
    distance = terms - mean
    squares = distance**2
    spread = squares.mean()
    if spread > 0:
        kurtosis = float((squares**2).mean() / spread**2)
        z = _student(z, 2 * len(terms) / max(kurtosis - 1, 1.0))
    return mean_range(len(terms), mean, terms.var(ddof=1), (squares * distance).mean(), z)


def _student(z: float, freedom: float) -> float:
    return z * (1 + (z**2 + 1) / (4 * freedom) + (5 * z**4 + 16 * z**2 + 3) / (96 * freedom**2))


def skewness(customers: Number, variance: Number, third: Number) -> Number:
    """Return the skewness of a mean; 0 where nothing differs."""
    spread = np.where(variance > 0, variance, 1.0)
    return np.where(variance > 0, third / spread**1.5 / np.sqrt(customers), 0.0)


def _untransformed(skew: Number, z: Number) -> Number:
    """Return what Hall's cubic transformation maps to `z`."""
    skew = np.where(np.abs(skew) < _SMALL, _SMALL, skew)
    return 3 / skew * (np.cbrt(1 + skew * (z - skew / 6)) - 1)


def range_of(group: Group, z: Number) -> Range:
    """Return the interval of a group's mean; amounts are not below zero."""
    if group.unit == "share":
        return share_range(group.customers, group.total, z)
    found = mean_range(group.customers, group.mean, group.variance, group.third, z)
    return Range(found.middle, np.maximum(found.low, 0.0), found.high)


def apart(unit: Unit, one: Range, other: Range) -> tuple[Number, Number]:
    """Return the ends of the interval of a difference in this unit; shares are at most all apart."""
    low, high = difference(one, other)
    return (np.maximum(low, -1.0), np.minimum(high, 1.0)) if unit == "share" else (low, high)


def difference(one: Range, other: Range) -> tuple[Number, Number]:
    """Return the ends of the interval of `one` less `other`."""
    middle = one.middle - other.middle
    low = middle - np.hypot(one.middle - one.low, other.high - other.middle)
    high = middle + np.hypot(one.high - one.middle, other.middle - other.low)
    return low, high


def ratio(one: Range, other: Range) -> tuple[Number, Number]:
    """Return the ends of the interval of `one` over `other`, not below 0; infinite where `other` may be nothing."""
    both = one.middle * other.middle
    near, far = one.low * (2 * one.middle - one.low), other.high * (2 * other.middle - other.high)
    root = np.sqrt(np.maximum(both * both - near * far, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where((one.low > 0) & (both + root > 0), near / (both + root), 0.0)
        far, near = one.high * (2 * one.middle - one.high), other.low * (2 * other.middle - other.low)
        root = np.sqrt(np.maximum(both * both - near * far, 0.0))
        high = np.where(other.low > 0, (both + root) / near, np.inf)
    return low, high
