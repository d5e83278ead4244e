"""What a churn model says of a customer, and how far a table has moved from what a model learned from."""

from typing import Literal

from pydantic import FiniteFloat, NonNegativeInt

from placet.contracts.base import Digest, Frozen
from placet.contracts.propensity.card import Band, BasisPoints, Share


class Contribution(Frozen):
    """How much one feature moves the score, against the average customer of the training table.

    Attributes:
        value: What the model read: a number in full, yes or no, or the word of a choice.
        log_odds: Its exact Shapley value; more than 0 raises the probability of leaving.
        words: The same as a sentence.
    """

    feature: str
    value: str
    log_odds: FiniteFloat
    words: str


class Score(Frozen):
    """The probability that a customer leaves, and where it comes from.

    Attributes:
        base_log_odds: Of the average customer. With all contributions it adds up to `log_odds`.
        contributions: Of every feature, the strongest first.
        sentences: What a person reads.
        alike: Customers of the training table with a similar score.
        model: Digest of the model's file.
    """

    customer_id: str
    probability_bp: BasisPoints
    base_log_odds: FiniteFloat
    log_odds: FiniteFloat
    contributions: tuple[Contribution, ...]
    sentences: tuple[str, ...]
    alike: Band
    model: Digest


class Unread(Frozen):
    """A row of a table that cannot be scored, and why.

    Attributes:
        row: In which line of the file it begins, as an editor counts: the line of names is line 1.
    """

    row: NonNegativeInt
    customer_id: str
    why: str


class Brief(Frozen):
    """One customer of a table that was scored as a whole: the probability, and the strongest reason for and against."""

    customer_id: str
    probability_bp: BasisPoints
    raises: str
    lowers: str


class ScoredTable(Frozen):
    """A table that was scored as a whole.

    Attributes:
        data_digest: SHA-256 of the table's file.
        simulated: Whether it is the bundled sample, whose customers are not real.
        scores: The likeliest to leave first.
        unread: Rows that cannot be scored.
    """

    model: Digest
    data_digest: Digest
    simulated: bool
    scores: tuple[Brief, ...]
    unread: tuple[Unread, ...]


Verdict = Literal["steady", "moved", "shifted", "too_few"]


class Moved(Frozen):
    """How far one figure has moved.

    Attributes:
        psi: Population stability index; its rule of thumb: below 0.1 steady, from 0.25 shifted.
        words: What moved most, in a sentence.
    """

    name: str
    psi: FiniteFloat
    verdict: Verdict
    words: str


class Drift(Frozen):
    """A table beside the one that a model learned from.

    Attributes:
        learned_from: Whether it is that very table, by its digest.
        fewest: Customers below which no verdict can be given.
        unread: Rows that cannot be read.
        first_unread: The first of them.
        score: The model's own answers; the features follow.
        auc: How well it does on this table, where the table says who left.
        observed: The share of them who left.
        predicted: The share that the model expected.
    """

    model: Digest
    data_digest: Digest
    learned_from: bool
    customers: NonNegativeInt
    fewest: NonNegativeInt
    unread: NonNegativeInt
    first_unread: Unread | None
    score: Moved
    features: tuple[Moved, ...]
    auc: Share | None
    observed: Share | None
    predicted: Share
