"""Bounds of what a guard rail watches: a difference in points, or a change in relation to the control group."""

import math
from typing import Final

import numpy as np

from placet.contracts.money import LARGEST_MINOR
from placet.contracts.outcomes.figures import MILLION
from placet.contracts.outcomes.guard import Bounds
from placet.contracts.strategies.rollout import GuardRail
from placet.contracts.strategies.written import Margin
from placet.decisioning.outcomes.groups import Group
from placet.decisioning.outcomes.intervals import Number, Range, apart, range_of, ratio

_HUNDREDTHS: Final = 100 * 100


def boundary(rail: GuardRail) -> int:
    """Return the margin with its sign, in millionths: a point is a hundredth of all, a per cent of what control has."""
    size = rail.by_more_than.hundredths * (MILLION // _HUNDREDTHS)
    return size if rail.must_not == "rise" else -size


def ends(margin: Margin, treated: Range, control: Range) -> tuple[Number, Number]:
    """Return the lower and upper end of what a margin speaks of."""
    if margin.unit == "points":
        return apart("share", treated, control)
    low, high = ratio(treated, control)
    return low - 1, high - 1


def bounds_of(rail: GuardRail, treated: Group, control: Group, errors: float) -> Bounds:
    """Return what is seen and its bounds, `errors` standard errors away, rounded outwards.

    The control group has something where the margin is in per cent: the caller has asked.
    """
    low, high = (float(end) for end in ends(rail.by_more_than, range_of(treated, errors), range_of(control, errors)))
    seen = treated.mean - control.mean if rail.by_more_than.unit == "points" else treated.mean / control.mean - 1
    upper = max(high, seen) * MILLION
    return Bounds(
        estimate=_fitting(round(seen * MILLION)),
        lower=min(_fitting(math.floor(min(low, seen) * MILLION)), _fitting(round(seen * MILLION))),
        upper=max(math.ceil(upper), _fitting(round(seen * MILLION))) if upper < LARGEST_MINOR else None,
        boundary=boundary(rail),
    )


def _fitting(figure: int) -> int:
    return int(np.clip(figure, -LARGEST_MINOR, LARGEST_MINOR))
