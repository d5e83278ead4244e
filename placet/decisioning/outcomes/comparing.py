"""Treated customers beside control customers, by measure and by group: uplifts, and what of them is clear.

Whoever looks at many differences finds some that chance made. So a difference beside the one that the strategy was for
counts as clear only where an interval leaves it out that is as sure as it takes for all of them together (Bonferroni).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from placet.contracts.outcomes.figures import Unit, Unknown
from placet.contracts.outcomes.uplift import Uplift
from placet.decisioning.outcomes.intervals import WHOLE_BP
from placet.decisioning.outcomes.narrowing import narrowed_uplift
from placet.decisioning.outcomes.uplift import CONFIDENCE_BP

_ERROR_BP: Final = WHOLE_BP - CONFIDENCE_BP
Column = NDArray[np.float64]
"""One figure of each customer; NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class Sides:
    """One measure of both groups, after and before.

    Attributes:
        planned: How the groups should stand to each other.
    """

    unit: Unit
    treated: Column
    treated_before: Column
    control: Column
    control_before: Column
    planned: tuple[int, int]

    def uplift(self, confidence_bp: int = CONFIDENCE_BP) -> Uplift | Unknown:
        """Return the uplift, narrowed where that helps."""
        return narrowed_uplift(
            self.unit,
            treated=self.treated,
            treated_before=self.treated_before,
            control=self.control,
            control_before=self.control_before,
            planned=self.planned,
            confidence_bp=confidence_bp,
        )


def adjusted_bp(comparisons: int) -> int:
    """Return how sure each of so many intervals is to be, in basis points, for 95 % of all of them together.

    It is at most 99.99 %: of more than 500 comparisons together it promises less.
    """
    return min(WHOLE_BP - max(_ERROR_BP // max(comparisons, 1), 1), WHOLE_BP - 1)


def clear_ones(
    sides: Sequence[Sides], found: Mapping[int, Uplift | Unknown], alone: frozenset[int]
) -> tuple[dict[int, bool], int, int]:
    """Say which differences are clear.

    Args:
        sides: What was compared.
        found: The uplift of each, by its place.
        alone: Places of those that stand by themselves: they were chosen before anybody looked.

    Returns:
        By place, of those that are known; how many were compared beside those alone; how sure an interval had to be.
    """
    known = {place: one for place, one in found.items() if isinstance(one, Uplift)}
    comparisons = sum(place not in alone for place in known)
    sure = adjusted_bp(comparisons)
    clear = {}
    for place, one in known.items():
        strict = one if place in alone or not one.certain else sides[place].uplift(sure)
        clear[place] = isinstance(strict, Uplift) and strict.certain
    return clear, comparisons, sure
