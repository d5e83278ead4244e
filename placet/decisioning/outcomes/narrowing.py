"""Narrowing an uplift by the same figure before the decision: CUPED (Deng, Xu, Kohavi and Walker, WSDM 2013).

Whoever spent much before spends much after; that part of the spread has nothing to do with the treatment. What is
compared is `after - theta * (before - mean before)`, with one `theta` for both groups: the covariance inside the groups
over the variance inside them. A figure from before the decision cannot be changed by it, so the estimate stays fair.
"""

from typing import Final

import numpy as np

from placet.contracts.outcomes.figures import MILLION, Between, Unit, Unknown
from placet.contracts.outcomes.uplift import Narrowing, Uplift
from placet.decisioning.outcomes.groups import (
    CONTROL,
    TREATED,
    Figures,
    Group,
    Values,
    amount_group,
    read_values,
    share_group,
    unknown,
)
from placet.decisioning.outcomes.intervals import (
    MOST_SKEW,
    WHOLE_BP,
    Range,
    apart,
    mean_range,
    skewness,
    standard_errors,
)
from placet.decisioning.outcomes.uplift import CONFIDENCE_BP, between, relative, uplift

FEWEST_OF_EACH: Final = 10
"""Of a share, customers of each group who have it, and who have it not: of fewer the plain interval is kept."""
_MOST_RATIO_BP: Final = 1_000_000
_NOTHING: Final = 1e-9
"""Variance that rounding alone leaves."""


def narrowed_uplift(
    unit: Unit,
    *,
    treated: Values,
    treated_before: Values,
    control: Values,
    control_before: Values,
    planned: tuple[int, int] | None = None,
    confidence_bp: int = CONFIDENCE_BP,
) -> Uplift | Unknown:
    """Return the uplift by what was known before; the plain one where that would be wider or cannot be computed.

    Args:
        unit: Of all four: 0 or 1 for a share, minor units for an amount.
        treated: The figure after the decision, of each treated customer.
        treated_before: The same before it, in the same order.
        control: As `treated`, of the control group.
        control_before: As `treated_before`.
        planned: As `uplift`.
        confidence_bp: As `uplift`.
    """
    plain = uplift(_group(unit, treated), _group(unit, control), planned=planned, confidence_bp=confidence_bp)
    if isinstance(plain, Unknown):
        return plain
    pairs = [_pair(unit, *of) for of in ((treated, treated_before), (control, control_before))]
    for name, pair in zip((TREATED, CONTROL), pairs, strict=True):
        if isinstance(pair, Unknown):
            return _kept(plain, unknown(pair.code, f"{name}, before: {pair.detail}").detail)
    return _narrowed(plain, [pair for pair in pairs if not isinstance(pair, Unknown)])


def _group(unit: Unit, values: Values) -> Group | Unknown:
    read = read_values(values, unit)
    if isinstance(read, Unknown):
        return read
    return share_group(len(read), int(read.sum())) if unit == "share" else amount_group(read)


def _pair(unit: Unit, after: Values, before: Values) -> tuple[Figures, Figures] | Unknown:
    """Return both figures of each customer."""
    now, then = read_values(after, unit), read_values(before, unit)
    if isinstance(now, Unknown):
        return now
    if isinstance(then, Unknown):
        return then
    if len(now) != len(then):
        return unknown("unlike_length", f"{len(then)} figures for {len(now)} customers")
    return now.astype(np.float64), then.astype(np.float64)


def _narrowed(plain: Uplift, pairs: list[tuple[Figures, Figures]]) -> Uplift:
    if plain.unit == "share" and min(min(now.sum(), (1 - now).sum()) for now, _ in pairs) < FEWEST_OF_EACH:
        return _kept(plain, f"fewer than {FEWEST_OF_EACH} customers of a group have it, or have it not")
    theta = _theta(pairs)
    if theta is None:
        return _kept(plain, "before the decision all customers of a group had the same")
    overall = float(np.concatenate([then for _, then in pairs]).mean())
    adjusted = [now - theta * (then - overall) for now, then in pairs]
    many = sum(len(one) for one in adjusted)
    lost = (many - 2) / (many - 3)  # theta took one degree of freedom
    ratio = _squared_error(adjusted) * lost / _squared_error([now for now, _ in pairs])
    ratio_bp = min(round(ratio * WHOLE_BP), _MOST_RATIO_BP)
    if min(float(one.var()) for one in adjusted) <= _NOTHING or max(map(_skew, adjusted)) > MOST_SKEW:
        return _kept(plain, "what is left without it has no spread, or a few customers have nearly all of it", ratio_bp)
    z = standard_errors(plain.confidence_bp)
    ours, theirs = (_range(one, lost, z) for one in adjusted)
    low, high = (float(end) for end in apart(plain.unit, ours, theirs))
    seen = float(ours.middle - theirs.middle)
    narrow = between(seen, low, high)
    if ratio_bp >= WHOLE_BP or narrow.high - narrow.low > plain.between.high - plain.between.low:
        return _kept(plain, "what customers had before says too little of what they have now", ratio_bp)
    return Uplift.model_validate(
        {
            **dict(plain),
            "difference": round(seen * MILLION),
            "between": narrow,
            "relative": relative(float(ours.middle), float(theirs.middle), ours, theirs),
            "method": "cuped",
            "narrowing": _said(plain, used=True, ratio_bp=ratio_bp),
        }
    )


def _theta(pairs: list[tuple[Figures, Figures]]) -> float | None:
    """Return covariance over variance, both inside the groups; None where nothing differed before."""
    together = inside = 0.0
    for now, then in pairs:
        distance = then - then.mean()
        together += float((distance * (now - now.mean())).sum())
        squares = float((distance**2).sum())
        if squares == 0:
            return None
        inside += squares
    return together / inside


def _skew(adjusted: Figures) -> float:
    """Return the size of the skewness of a group's mean."""
    distance = adjusted - adjusted.mean()
    return abs(float(skewness(len(adjusted), adjusted.var(ddof=1), (distance**3).mean())))


def _squared_error(groups: list[Figures]) -> float:
    """Return the variance of the difference of the groups' means."""
    return float(sum(one.var(ddof=1) / len(one) for one in groups))


def _range(adjusted: Figures, lost: float, z: float) -> Range:
    distance = adjusted - adjusted.mean()
    return mean_range(len(adjusted), adjusted.mean(), adjusted.var(ddof=1) * lost, (distance**3).mean(), z)


def _kept(plain: Uplift, why: str, ratio_bp: int | None = None) -> Uplift:
    """Return the plain uplift, with why it was not narrowed."""
    return Uplift.model_validate({**dict(plain), "narrowing": _said(plain, used=False, ratio_bp=ratio_bp, why=why)})


def _said(plain: Uplift, *, used: bool, ratio_bp: int | None, why: str | None = None) -> Narrowing:
    return Narrowing(
        used=used,
        variance_ratio_bp=ratio_bp,
        plain_difference=plain.difference,
        plain_between=Between(low=plain.between.low, high=plain.between.high),
        why_not=why,
    )
