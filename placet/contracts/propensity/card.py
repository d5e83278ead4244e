"""What is known of a churn model: what it learned from, how well it does and for whom, and where it ends."""

from typing import Annotated

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, StrictInt, StringConstraints

from placet.contracts.base import Digest, Frozen
from placet.contracts.propensity.mapping import Direction, Kind, Name

Line = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
BasisPoints = Annotated[StrictInt, Field(ge=0, le=10_000)]


class ReadFeature(Frozen):
    """A feature that the model reads.

    Attributes:
        weight: Mean size of its contribution over the table, in log-odds.
    """

    name: Name
    column: str
    kind: Kind
    direction: Direction | None
    why: str | None
    weight: FiniteFloat


class Band(Frozen):
    """Customers of the table with a similar score, who were kept apart when they were scored.

    Attributes:
        from_bp: Lowest score, in basis points.
        to_bp: Highest score.
        customers: How many they are.
        left: How many of them left.
        predicted: Mean score.
    """

    from_bp: BasisPoints
    to_bp: BasisPoints
    customers: PositiveInt
    left: NonNegativeInt
    predicted: Share


class Subgroup(Frozen):
    """How the model does for one group; it does not read the column.

    Attributes:
        auc: None where the group is too small, or all of them left or stayed.
    """

    group: Name
    words: str
    customers: NonNegativeInt
    left: Share
    predicted: Share
    auc: Share | None


class Quality(Frozen):
    """Figures of a cross-validation: each customer was scored by a model that had not seen them.

    Attributes:
        auc: Mean of the folds: how often one who left scores higher than one who stayed.
        auc_folds: Of each fold.
        calibration_error: Mean distance of predicted and observed share over the bands, weighted by customers.
        brier: Mean squared error of the probability.
        brier_of_rate: The same if everybody were given the rate of all: what the model must beat.
        bands: The reliability table, by tenths of the customers.
    """

    auc: Share
    auc_folds: Annotated[tuple[Share, ...], Field(min_length=1, max_length=20)]
    calibration_error: Share
    brier: Share
    brier_of_rate: Share
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=20)]


class ModelCard(Frozen):
    """What goes with a model, for whoever must answer for it.

    Attributes:
        purpose: What it is for.
        source: Whose customers it learned from.
        left_means: What counts as having left.
        data_digest: SHA-256 of the table's file.
        customers: Rows of the table.
        left: How many of them left.
        trained_on: The day that was given, as in 2026-11-28.
        made_with: The versions of what trained it.
        features: What it reads, the weightiest first.
        never_read: Columns that it does not read, by which the subgroups are compared.
        settings: Settings of the training.
        limits: Where it must not be relied on, in plain words.
    """

    purpose: Line
    source: str
    left_means: str
    data_digest: Digest
    customers: PositiveInt
    left: NonNegativeInt
    trained_on: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    made_with: tuple[Line, ...]
    features: tuple[ReadFeature, ...]
    never_read: tuple[str, ...]
    quality: Quality
    subgroups: tuple[Subgroup, ...]
    settings: tuple[Line, ...]
    limits: tuple[Line, ...]
