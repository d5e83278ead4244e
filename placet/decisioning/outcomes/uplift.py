"""Uplift: what the treated have more than the control group, of a share or of an amount."""

import math
from collections.abc import Callable
from typing import Final

from placet.contracts.money import LARGEST_MINOR
from placet.contracts.outcomes.figures import MILLION, Between, RelativeChange, Unknown
from placet.contracts.outcomes.uplift import Uplift
from placet.decisioning.outcomes.groups import CONTROL, TREATED, Group, comparable, unknown
from placet.decisioning.outcomes.intervals import (
    MOST_SKEW,
    WHOLE_BP,
    Range,
    apart,
    range_of,
    ratio,
    skewness,
    standard_errors,
)
from placet.decisioning.outcomes.sample_ratio import sample_ratio

CONFIDENCE_BP: Final = 9_500


def uplift(
    treated: Group | Unknown,
    control: Group | Unknown,
    *,
    planned: tuple[int, int] | None = None,
    confidence_bp: int = CONFIDENCE_BP,
) -> Uplift | Unknown:
    """Return the difference of two groups with its interval, or why none is known.

    It is for one look at the end of a period; of a figure that is looked at every day see `guard_rails`.

    Args:
        treated: The treated customers.
        control: The control group.
        planned: How the two should stand to each other (`sample_ratio.planned_ratio`); without it nobody notices that
            customers are missing.
        confidence_bp: How sure the interval is to be: surer than 95 % where many are looked at.
    """
    groups = comparable(treated, control)
    if isinstance(groups, Unknown):
        return groups
    found = mismatch(*groups, planned=planned) or unspread(*groups)
    if found is not None:
        return found
    return _compared(*groups, confidence_bp)


def _compared(treated: Group, control: Group, confidence_bp: int) -> Uplift:
    z = standard_errors(confidence_bp)
    ours, theirs = range_of(treated, z), range_of(control, z)
    low, high = apart(treated.unit, ours, theirs)
    seen = treated.mean - control.mean
    return Uplift(
        unit=treated.unit,
        treated=treated.figures(),
        control=control.figures(),
        difference=round(seen * MILLION),
        between=between(seen, float(low), float(high)),
        relative=relative(treated.mean, control.mean, ours, theirs),
        confidence_bp=confidence_bp,
        method="agresti_caffo" if treated.unit == "share" else "skew_corrected_mean",
    )


def mismatch(treated: Group, control: Group, *, planned: tuple[int, int] | None, look: int = 1) -> Unknown | None:
    """Say why the groups are not as many as planned; nothing where nobody says what was planned."""
    if planned is None:
        return None
    found = sample_ratio(treated.customers, control.customers, planned, look=look)
    if isinstance(found, Unknown):
        return found
    return unknown("sample_ratio_mismatch", found.detail) if found.verdict == "sample_ratio_mismatch" else None


def unspread(treated: Group, control: Group) -> Unknown | None:
    """Say why amounts tell nothing of their own spread: all are the same, or a few customers have nearly all."""
    if treated.unit == "share":
        return None
    for name, group in ((TREATED, treated), (CONTROL, control)):
        if group.variance == 0:
            return unknown("no_spread", f"{name}: all {group.customers} have the same amount; how sure can nobody say")
        skew = abs(float(skewness(group.customers, group.variance, group.third)))
        if skew > MOST_SKEW:
            return unknown(
                "too_skewed",
                f"{name}: a few of {group.customers} customers have nearly all of it (skewness of the mean {skew:.2f}, "
                f"at most {MOST_SKEW}); wait for more customers, or look at a share instead",
            )
    return None


def between(middle: float, low: float, high: float) -> Between:
    """Return an interval in millionths, rounded outwards, with its middle in it."""
    ends = math.floor(min(low, middle) * MILLION), math.ceil(max(high, middle) * MILLION)
    return Between(low=min(ends[0], round(middle * MILLION)), high=max(ends[1], round(middle * MILLION)))


def relative(mean: float, of: float, ours: Range, theirs: Range) -> RelativeChange | None:
    """Return the change in relation to the control group; None where it has nothing."""
    if of <= 0:
        return None
    low, high = (float(end) for end in ratio(ours, theirs))
    change = mean / of
    top = _change_bp(max(high, change), math.ceil) if math.isfinite(high) else None
    bottom = _change_bp(min(low, change), math.floor)
    middle = _change_bp(change, round)
    if middle is None or bottom is None:
        return None
    return RelativeChange(change_bp=middle, low_bp=bottom, high_bp=top)


def _change_bp(to_control: float, rounded: Callable[[float], int]) -> int | None:
    """Return a ratio as a change in basis points; None where it is more than JSON carries."""
    change = (to_control - 1) * WHOLE_BP
    return max(rounded(change), -WHOLE_BP) if change < LARGEST_MINOR else None
