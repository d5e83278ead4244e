"""Sentences about a score, as a business person reads them."""

from typing import Final

from agents.propensity.features import Value, plain, said
from placet.contracts.propensity.card import Band
from placet.contracts.propensity.mapping import Feature
from placet.contracts.propensity.score import Contribution

_MOST_REASONS: Final = 3
_FELT: Final = 0.05
"""Log-odds below which a contribution is not worth a sentence: it moves 40 % by little more than one point."""
_TENTH: Final = 0.095
_NEARLY_ALL: Final = 0.955
_FEWEST: Final = 0.01


def in_ten(share: float) -> str:
    """Return a share as people count: `4 in 10`, `1 in 25`, `fewer than 1 in 100`, `nearly all`."""
    if share < _FEWEST:
        return "fewer than 1 in 100"
    if share < _TENTH:
        return f"1 in {round(1 / share)}"
    return "nearly all" if share >= _NEARLY_ALL else f"{max(1, min(9, round(share * 10)))} in 10"


def per_cent(share: float) -> str:
    """Return a share in whole per cent: `41 %`."""
    return "less than 1 %" if 0 < share < _FEWEST else f"{round(share * 100)} %"


def headline(probability: float, all_left: float) -> str:
    """Say how likely it is, beside all customers."""
    return f"{in_ten(probability)} customers like this one left; of all customers, {in_ten(all_left)}"


def seen(band: Band) -> str:
    """Say what became of the customers who were scored alike."""
    share = band.left / band.customers
    between = f"between {per_cent(band.from_bp / 10_000)} and {per_cent(band.to_bp / 10_000)}"
    return f"of {band.customers} customers with a score {between}, {band.left} left ({per_cent(share)})"


def contribution(feature: Feature, value: Value, log_odds: float) -> Contribution:
    """Say what a feature does."""
    does = "raises it" if log_odds > 0 else "lowers it" if log_odds < 0 else "changes nothing"
    words = f"{said(feature, value)} {does}"
    return Contribution(feature=feature.name, value=_cell(value), log_odds=log_odds, words=words)


def reasons(contributions: tuple[Contribution, ...]) -> tuple[str, ...]:
    """Return the sentences for the strongest contributions both ways: `a month-to-month contract raises it most`."""
    raising = [one.words for one in contributions if one.log_odds >= _FELT][:_MOST_REASONS]
    lowering = [one.words for one in contributions if one.log_odds <= -_FELT][:_MOST_REASONS]
    told = [f"{words} most" if at == 0 else words for part in (raising, lowering) for at, words in enumerate(part)]
    return tuple(told) or ("nothing about this customer stands out",)


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, float) else value
