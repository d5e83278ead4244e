"""What a cohort is, and how it stands out from the base, as every face of Placet shows it."""

from typing import Literal

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import CustomerId, Digest, Frozen

Membership = Literal["yes", "no", "unknown"]
"""Whether a customer is in a cohort; `unknown`: what it asks is not known of them, which counts as no."""


class CheckedCohort(Frozen):
    """An expression that means something.

    Attributes:
        expression: In one form, whatever its author's spaces, brackets and letters.
        digest: SHA-256 of that form and of the version of its meaning.
        columns: What it asks of a customer's state.
    """

    expression: str
    digest: Digest
    columns: tuple[str, ...]


class ListedSegment(Frozen):
    """A named segment of the trade.

    Attributes:
        needs: Columns which there are not yet: it is left out, and asked of nobody.
        digest: Of its cohort; None where it is left out.
    """

    name: str
    category: str
    title: str
    about: str
    expression: str
    needs: tuple[str, ...]
    digest: Digest | None


class ColumnShown(Frozen):
    """A column that expressions may name; `unknown` says when it is NULL, and is empty where it never is."""

    name: str
    type: str
    about: str
    unknown: str
    choices: tuple[str, ...]


class Difference(Frozen):
    """A figure by which the cohort differs from the base.

    Attributes:
        cohort: Mean in the cohort, of those of whom it is known; of a flag, the share in per cent.
        base: The same of the base.
        strength: Difference of the means over the base's standard deviation.
        words: The same as a sentence.
    """

    column: str
    cohort: float
    base: float
    strength: float
    words: str


class Overlap(Frozen):
    """A named segment, and how much of it and of the cohort is in both.

    Attributes:
        both: Customers that are in both.
        percent_of_cohort: Share of the cohort that is in the segment.
        percent_of_base: Share of the base that is in the segment: what chance alone would give.
    """

    segment: str
    title: str
    both: StrictInt
    percent_of_cohort: float
    percent_of_base: float


class Bin(Frozen):
    """How many customers have a value from `first` to `last`; None: there is no bound on that side."""

    first: StrictInt | None
    last: StrictInt | None
    base: StrictInt
    cohort: StrictInt


class Distribution(Frozen):
    """How a column's values are spread, in the base and in the cohort."""

    column: str
    about: str
    bins: tuple[Bin, ...]


class Asked(Frozen):
    """What the expression asked of an example, and what the answer was."""

    column: str
    value: str


class Example(Frozen):
    """A customer of the cohort, chosen by a digest and not by who comes first."""

    customer_id: CustomerId
    asked: tuple[Asked, ...]


class CohortPreview(Frozen):
    """Whom a cohort has.

    Attributes:
        as_of: Windows and rhythms of all customers are as of this time.
        base: Customers of whom events are known.
        members: Those that are in the cohort.
        unknown: Those who are not in it because what it asks is not known of them.
        percent: Share of the base that is in the cohort.
        simulated: Customers of the base with simulated events, which are not real.
        left_out: Customers whose rows cannot be read; they are not in the base.
        unreadable: The first of them.
        only_said: Of how many more only words about them are known, such as a score, and no event: they are not in the
            base. A file of the base does not say it, and gives 0.
        profile: The strongest differences first.
        overlaps: The largest first.
    """

    checked: CheckedCohort
    as_of: AwareDatetime
    base: StrictInt
    members: StrictInt
    unknown: StrictInt
    percent: float
    simulated: StrictInt
    left_out: StrictInt = 0
    unreadable: tuple[str, ...] = ()
    only_said: StrictInt = 0
    profile: tuple[Difference, ...]
    overlaps: tuple[Overlap, ...]
    distributions: tuple[Distribution, ...]
    examples: tuple[Example, ...]


class SegmentCount(Frozen):
    """How many customers a named segment has."""

    name: str
    members: StrictInt
    percent: float
