"""How well scores do: discrimination (AUC), calibration (reliability table), and the shares of groups."""

from typing import Final

import numpy as np

from agents.propensity.encoding import Figures
from placet.contracts.propensity.card import Band

_BANDS: Final = 10
_WHOLE: Final = 10_000


def auc(left: Figures, scores: Figures) -> float | None:
    """Return how often one who left scores higher than one who stayed; a tie counts half. None without both.

    It is the Mann-Whitney statistic over the number of pairs.
    """
    ones = float(left.sum())
    if not 0 < ones < len(left):
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]
    return float((ranks[left > 0].sum() - ones * (ones + 1) / 2) / (ones * (len(left) - ones)))


def brier(left: Figures, predicted: Figures) -> float:
    """Return the mean squared error of probabilities."""
    return float(np.mean((predicted - left) ** 2))


def bands(left: Figures, predicted: Figures) -> tuple[Band, ...]:
    """Return the reliability table: tenths of the customers by score, each with what was expected and what happened."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, _BANDS) if len(part)]
    return tuple(
        Band(
            from_bp=basis_points(float(predicted[part[0]])),
            to_bp=basis_points(float(predicted[part[-1]])),
            customers=len(part),
            left=int(left[part].sum()),
            predicted=rounded(float(predicted[part].mean())),
        )
        for part in parts
    )


def calibration_error(table: tuple[Band, ...]) -> float:
    """Return the expected calibration error over the bands."""
    customers = sum(band.customers for band in table)
    return sum(abs(band.predicted * band.customers - band.left) for band in table) / customers


def band_of(table: tuple[Band, ...], probability_bp: int) -> Band:
    """Return the band that a score falls into; beyond both ends, the outermost."""
    return next((band for band in table if probability_bp <= band.to_bp), table[-1])


def basis_points(probability: float) -> int:
    """Return a probability in basis points."""
    return round(probability * _WHOLE)


def rounded(figure: float) -> float:
    """Round a figure as cards carry it: more digits than it deserves, fewer than would differ by machine."""
    return round(figure, 4)
