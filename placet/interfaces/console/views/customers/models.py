"""Models of who may leave, as tables whose shares are bars."""

from dataclasses import dataclass

from placet.contracts.propensity.card import ModelCard
from placet.contracts.propensity.held import HeldModels
from placet.interfaces.telling.models import band_in_words, quality_lines, share_in_words, way_in_words


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model in the list; `fault` says why it has no figures."""

    model: str
    marks: tuple[str, ...]
    trained_on: str
    learned_from: str
    ranks: str
    is_off_by: str
    fault: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Customers who were scored alike, or are of one group: what was expected of them, and what happened.

    Attributes:
        ranks: How many of 100 pairs among them are in the right order.
    """

    words: str
    customers: int
    expected: float
    left: float
    expected_words: str
    left_words: str
    ranks: str = ""


@dataclass(frozen=True, slots=True)
class FeatureShown:
    """What the model reads; `part` is its weight in per cent of the weightiest's."""

    name: str
    part: float
    weight: str
    way: str


@dataclass(frozen=True, slots=True)
class CardShown:
    """A card; `never_read` names the columns of the groups."""

    quality: tuple[str, ...]
    bands: tuple[Compared, ...]
    features: tuple[FeatureShown, ...]
    groups: tuple[Compared, ...]
    never_read: str


def rows_of(held: HeldModels) -> tuple[ModelRow, ...]:
    """Return the list's rows."""
    rows = []
    for one in held.models:
        card = one.card
        rows.append(
            ModelRow(
                model=one.model,
                marks=("Used by runs" if one.for_runs else "Named for runs",) * one.in_use
                + ("Trained last",) * one.trained_last
                + ("Not for runs",) * (card is not None and not one.for_runs),
                trained_on="" if card is None else card.trained_on,
                learned_from="" if card is None else f"{card.customers:,} customers, {card.left:,} of whom left",
                ranks="" if card is None else _ranks(card.auc),
                is_off_by="" if card is None else f"{card.calibration_error * 100:.1f} points",
                fault="" if one.fault is None else one.fault,
            )
        )
    return tuple(rows)


def card_of(card: ModelCard) -> CardShown:
    """Return how a card is shown."""
    most = max((one.weight for one in card.features), default=0.0)
    return CardShown(
        quality=tuple(quality_lines(card))[1:],  # the first is of what it learned from
        bands=tuple(
            _compared(band_in_words(band), band.customers, band.predicted, band.left / band.customers)
            for band in card.quality.bands
        ),
        features=tuple(
            FeatureShown(
                name=one.name.replace("_", " "),
                part=round(one.weight / most * 100, 1) if most > 0 else 0.0,
                weight="not used" if one.weight == 0 else f"{one.weight:.2f}",
                way=way_in_words(one),
            )
            for one in card.features
        ),
        groups=tuple(
            _compared(
                one.words,
                one.customers,
                one.predicted,
                one.left,
                "too few to tell" if one.auc is None else _ranks(one.auc),
            )
            for one in card.subgroups
        ),
        never_read=", ".join(name.replace("_", " ") for name in card.never_read),
    )


def _ranks(auc: float) -> str:
    return f"{auc * 100:.0f} of 100 pairs"


def _compared(words: str, customers: int, expected: float, left: float, ranks: str = "") -> Compared:
    return Compared(
        words,
        customers,
        round(expected * 100, 1),
        round(left * 100, 1),
        share_in_words(expected),
        share_in_words(left),
        ranks,
    )
