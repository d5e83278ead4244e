"""How likely it is that the customer of a run leaves, and by what that was computed."""

from typing import Literal

from placet.contracts.base import Digest, Frozen
from placet.contracts.propensity.card import BasisPoints


class Likelihood(Frozen):
    """A probability of leaving with its reasons.

    Attributes:
        source: A trained model, or the counts that a tenant falls back to by configuration.
        digest: Of the model's file, or of the canonical form of the counts.
        named: What it was computed by, in words.
        reasons: Where it comes from, each a sentence; counts give none.
    """

    probability_bp: BasisPoints
    source: Literal["model", "counts"]
    digest: Digest
    named: str
    reasons: tuple[str, ...] = ()
