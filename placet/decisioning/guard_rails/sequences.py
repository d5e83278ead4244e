"""How far bounds are from an estimate so that they hold at every look at once.

*Counted once* (`once`): asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52, 2024). The boundary
is the normal mixture of Robbins (1970), with the estimated spread. With `t` customers a bound is this many standard
errors from the estimate:

    sqrt((1 + 1 / (t r)) * (ln(1 + t r) - 2 ln(alpha)))

It holds at all looks from the rail's smallest sample on, whenever and however often one looks, with probability
1 - alpha. `r` says where it is closest; it is chosen once, for the rail's smallest sample, and never by the data. For
two groups `t` is the product of their sizes over the sum.

*Counted anew* (`anew`): who is asked again at each look says nearly the same again, and the theorem does not hold. Look
number k then has its own interval at alpha / (k (k + 1)); these add up to alpha however they depend on each other (the
union bound). It is wider after some looks, and holds always.
"""

from statistics import NormalDist
from typing import Final

import numpy as np

from placet.contracts.outcomes.guard import Counting
from placet.decisioning.outcomes.intervals import Number

_STEPS: Final = 60


def information(treated: Number, control: Number) -> Number:
    """Return how many customers two groups tell as much as."""
    return treated * control / (treated + control)


def critical(counting: Counting, *, told: Number, sample: int, look: Number, alpha: float) -> Number:
    """Return the standard errors from an estimate to each of its bounds.

    Args:
        counting: How customers are counted.
        told: Of `information`.
        sample: The rail's smallest sample.
        look: The number of the look, from 1.
        alpha: How often the bounds may fail at any look.
    """
    if counting == "anew":
        return NormalDist().inv_cdf(1 - alpha / (2 * look * (look + 1)))
    grown = told * _closest(alpha) / sample
    return np.sqrt((1 + 1 / grown) * (np.log1p(grown) - 2 * np.log(alpha)))


def _closest(alpha: float) -> float:
    """Return `t r` where the boundary is closest at `t`: its derivative is zero where x = ln(1 + x) - 2 ln(alpha)."""
    found = 1.0
    for _ in range(_STEPS):
        found = float(np.log1p(found) - 2 * np.log(alpha))
    return found
