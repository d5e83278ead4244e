"""Sample-ratio mismatch: groups that are not as many as planned were not drawn, or not counted, as planned.

Then no figure of theirs means anything (Fabijan et al., "Diagnosing sample ratio mismatch in online controlled
experiments", KDD 2019). Up to 10,000 customers the chance is exact, from the binomial distribution; of more it is
Pearson's chi-square with one degree of freedom. Of look number k the threshold is divided by k (k + 1), which adds up
to no more than the whole however many looks there are, and whatever was planned at each.
"""

import math
from typing import Final

import numpy as np

from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.sample_ratio import BILLION, SampleRatio
from placet.contracts.strategies.written import share_in_words
from placet.decisioning.outcomes.groups import share_group, unknown
from placet.decisioning.outcomes.intervals import WHOLE_BP

THRESHOLD: Final = 0.001
"""Of all looks together: one sound comparison in a thousand is stopped."""
EXACT_UP_TO: Final = 10_000
"""Customers."""


def planned_ratio(holdout_bp: int, stage_bp: int) -> tuple[int, int]:
    """Return how the treated of a stage should stand to the whole control group.

    Where only those of the control group are compared whose rollout bucket the stage has reached, pass 10,000 as the
    stage: then both groups grow alike.
    """
    return (WHOLE_BP - holdout_bp) * stage_bp, holdout_bp * WHOLE_BP


def sample_ratio(treated: int, control: int, planned: tuple[int, int], *, look: int = 1) -> SampleRatio | Unknown:
    """Compare two groups with how they were planned.

    Args:
        treated: Customers counted.
        control: Customers counted.
        planned: How the two should stand to each other, such as (9, 1); `planned_ratio` makes it.
        look: The number of this look, from 1.
    """
    checked = share_group(treated + control, treated) if _counts(treated, control) else None
    if checked is None or not _counts(*planned) or look < 1:
        return unknown(
            "not_a_number", f"{treated!r} and {control!r} customers, planned {planned!r}: write whole numbers"
        )
    if isinstance(checked, Unknown):
        return checked
    if min(planned) == 0:
        return unknown("no_plan", f"planned {planned[0]} to {planned[1]}: one of the groups should have nobody")
    many, chance_of_one = treated + control, planned[0] / sum(planned)
    exact = many <= EXACT_UP_TO
    chance = _exact(treated, many, chance_of_one) if exact else _chi_square(treated, many, chance_of_one)
    threshold = THRESHOLD / (look * (look + 1))
    wrong = chance < threshold
    planned_bp, counted_bp = round(chance_of_one * WHOLE_BP), round(treated / many * WHOLE_BP)
    return SampleRatio(
        verdict="sample_ratio_mismatch" if wrong else "as_planned",
        treated=treated,
        control=control,
        planned_treated_bp=planned_bp,
        counted_treated_bp=counted_bp,
        chance=math.ceil(chance * BILLION),
        threshold=math.ceil(threshold * BILLION),
        method="exact_binomial" if exact else "chi_square",
        detail=_detail(treated, many, planned_bp, counted_bp, wrong=wrong),
    )


def _detail(treated: int, many: int, planned_bp: int, counted_bp: int, *, wrong: bool) -> str:
    seen = f"{treated:,} of {many:,} customers are treated ({share_in_words(counted_bp)})"
    if not wrong:
        return f"{seen}, as planned ({share_in_words(planned_bp)})"
    return (
        f"{seen}, and {share_in_words(planned_bp)} were planned; chance alone does not do that: find out who is "
        "missing or counted twice before any figure is believed"
    )


def _counts(*numbers: object) -> bool:
    return all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in numbers)


def _chi_square(treated: int, many: int, chance: float) -> float:
    expected = many * chance
    square = (treated - expected) ** 2 / (expected * (1 - chance))
    return math.erfc(math.sqrt(square / 2))


def _exact(treated: int, many: int, chance: float) -> float:
    """Return twice the smaller tail of the binomial distribution, at most 1."""
    k = np.arange(many + 1)
    ways = np.concatenate(([0.0], np.cumsum(np.log((many - k[1:] + 1) / k[1:]))))
    each = np.exp(ways + k * math.log(chance) + (many - k) * math.log1p(-chance))
    upper, lower = float(each[treated:].sum()), float(each[: treated + 1].sum())
    return min(1.0, 2 * min(upper, lower))
