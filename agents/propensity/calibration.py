"""Calibration: from raw scores to probabilities that come true, by Platt's method.

A straight line in log-odds. It keeps the order of customers, and multiplies every Shapley value by the same factor, so
that the contributions still add up exactly; isotonic regression would break that.
"""

from typing import Final

import numpy as np
from pydantic import Field, FiniteFloat

from agents.propensity.encoding import Figures
from placet.contracts.base import Frozen
from placet.errors import UsageError

_STEPS: Final = 50
_NEAR: Final = 1e-10
_DIGITS: Final = 9


class Calibration(Frozen):
    """The line: `slope * raw + offset`, in log-odds. The slope is more than 0: a higher score stays higher."""

    slope: FiniteFloat = Field(gt=0, le=100)
    offset: FiniteFloat = Field(ge=-100, le=100)

    def log_odds(self, raw: Figures) -> Figures:
        """Return calibrated log-odds."""
        return self.slope * raw + self.offset


def probabilities(log_odds: Figures) -> Figures:
    """Return the probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700, 700))), dtype=np.float64)


def calibrate(raw: Figures, left: Figures) -> Calibration:
    """Fit the line by Newton's method, on scores of customers that the model had not seen.

    Platt's targets, a little inside 0 and 1, keep it finite where the scores separate everybody.

    Raises:
        UsageError: the scores say nothing about who leaves.
    """
    ones = float(left.sum())
    high, low = (ones + 1) / (ones + 2), 1 / (len(left) - ones + 2)
    target = np.where(left > 0, high, low)
    inputs = np.column_stack([raw, np.ones(len(raw))])
    line = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        expected = probabilities(inputs @ line)
        gradient = inputs.T @ (target - expected)
        weights = np.maximum(expected * (1 - expected), 1e-12)
        step = np.linalg.solve(inputs.T @ (inputs * weights[:, None]) + 1e-9 * np.eye(2), gradient)
        line += np.clip(step, -5, 5)
        if float(np.abs(step).max()) < _NEAR:
            break
    slope, offset = round(float(line[0]), _DIGITS), round(float(line[1]), _DIGITS)
    if not (0 < slope <= 100 and abs(offset) <= 100):  # noqa: PLR2004 - the bounds of the line
        raise UsageError("the columns that the mapping names say nothing about who leaves: there is no model to be had")
    return Calibration(slope=slope, offset=offset)
