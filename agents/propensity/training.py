"""Training: folds, scores of customers that were kept apart, calibration on these, and the model on everybody."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agents.propensity import boosting
from agents.propensity.calibration import Calibration, calibrate, probabilities
from agents.propensity.encoding import Figures, Layout
from agents.propensity.metrics import auc, bands, brier, calibration_error, rounded
from placet.contracts.propensity.card import Quality
from placet.errors import UsageError

FOLDS: Final = 5
FEWEST: Final = 500
FEWEST_OF_EACH: Final = 100
"""Rows, and rows of those who left and of those who stayed, below which the figures of a card are chance."""

Folds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trained:
    """What training gives.

    Attributes:
        kept_apart: Each customer's probability, from a model and a calibration that had not seen them.
    """

    trees: boosting.Trees
    calibration: Calibration
    kept_apart: Figures
    quality: Quality


def in_order(ids: Sequence[str]) -> NDArray[np.int64]:
    """Return the rows by customer: the order of the file must not show in the model."""
    return np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)


def folds_of(ids: Sequence[str], left: Figures) -> Folds:
    """Deal customers out to the folds by the digest of their id: by chance, but always the same.

    Those who left and those who stayed are dealt out apart, so that each fold has as many of them.
    """
    folds = np.zeros(len(ids), dtype=np.int64)
    digests = [hashlib.sha256(f"fold/{name}".encode()).digest() for name in ids]
    for label in (0.0, 1.0):
        rows = sorted(np.flatnonzero(left == label).tolist(), key=digests.__getitem__)
        folds[rows] = np.arange(len(rows)) % FOLDS
    return folds


def check_enough(left: Figures) -> None:
    """Refuse a table that is too small to learn from.

    Raises:
        UsageError: it is.
    """
    ones = int(left.sum())
    if len(left) < FEWEST or min(ones, len(left) - ones) < FEWEST_OF_EACH:
        raise UsageError(
            f"the table has {len(left)} customers, {ones} of whom left; a model needs {FEWEST}, "
            f"of whom {FEWEST_OF_EACH} left and {FEWEST_OF_EACH} stayed"
        )


def train(ids: Sequence[str], figures: Figures, left: Figures, layout: Layout) -> Trained:
    """Train on rows that are in the order of `in_order`.

    Raises:
        UsageError: the table is too small, or says nothing about who leaves.
    """
    check_enough(left)
    folds, names, signs = folds_of(ids, left), layout.names, layout.signs
    raw = np.zeros(len(left))
    for fold in range(FOLDS):
        apart = folds == fold
        raw[apart] = boosting.train(figures[~apart], left[~apart], names, signs).log_odds(figures[apart])
    # A fold is calibrated by the others, or the calibration error would be of customers that the line was fitted to.
    kept_apart = np.zeros(len(left))
    for fold in range(FOLDS):
        apart = folds == fold
        line = calibrate(raw[~apart], left[~apart])
        kept_apart[apart] = probabilities(line.log_odds(raw[apart]))
    return Trained(
        trees=boosting.train(figures, left, names, signs),
        calibration=calibrate(raw, left),
        kept_apart=kept_apart,
        quality=_quality(kept_apart, left, folds),
    )


def _quality(kept_apart: Figures, left: Figures, folds: Folds) -> Quality:
    by_fold = [auc(left[folds == fold], kept_apart[folds == fold]) or 0.0 for fold in range(FOLDS)]
    table = bands(left, kept_apart)
    return Quality(
        auc=rounded(sum(by_fold) / FOLDS),
        auc_folds=tuple(map(rounded, by_fold)),
        calibration_error=rounded(calibration_error(table)),
        brier=rounded(brier(left, kept_apart)),
        brier_of_rate=rounded(brier(left, np.full(len(left), left.mean()))),
        bands=table,
    )
