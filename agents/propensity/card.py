"""Write the card of a model that was just trained."""

from datetime import date
from typing import Final

import numpy as np

from agents.propensity import boosting
from agents.propensity.encoding import Figures, Layout
from agents.propensity.features import direction_of, kind_of
from agents.propensity.metrics import auc, rounded
from agents.propensity.training import FOLDS, Trained
from agents.propensity.wording import per_cent
from placet.contracts.propensity.card import ModelCard, ReadFeature, Subgroup
from placet.version import version

_PURPOSE: Final = (
    "It estimates how likely a customer is to leave, so that people and policies can weigh what keeping them is worth."
)
_FEWEST: Final = 100
"""Customers of a group below which its figures are chance."""

_APART: Final = 0.03
"""Distance of the shares expected and observed from which a group is named among the limits."""

_LIMITS: Final = (
    "It holds for customers like those it learned from. Train it on customers of your own before you rely on it.",
    "It says who is likely to leave. It does not say why, nor whom an offer would keep: that takes a control group.",
    "A contribution is what the model makes of a figure. It is no cause: changing the figure may change nothing.",
    "The probabilities are of the time of the table. `placet model drift` says how far customers have moved since.",
    "It knows no more of a customer than the columns that it reads.",
    "What it never reads may still show in what it reads. The table of groups says how far.",
    "The same digest comes from the same table, mapping, date and versions on the same kind of processor.",
)


def write_card(
    trained: Trained,
    layout: Layout,
    figures: Figures,
    left: Figures,
    groups: dict[str, list[str]],
    *,
    data_digest: str,
    on: date,
) -> ModelCard:
    """Write the card.

    `figures`, `left` and `groups` are of the same rows in the same order. The day is given: a clock would give every
    training a digest of its own.
    """
    mapping = layout.mapping
    compared = _subgroups(trained.kept_apart, left, groups)
    return ModelCard(
        purpose=_PURPOSE,
        source=mapping.source,
        left_means=mapping.left_means,
        data_digest=data_digest,
        customers=len(left),
        left=int(left.sum()),
        trained_on=on.isoformat(),
        made_with=(f"Placet {version()}", boosting.library(), f"NumPy {np.__version__}"),
        features=_features(trained, layout, figures),
        never_read=tuple(group.column for group in mapping.groups),
        quality=trained.quality,
        subgroups=compared,
        settings=(
            f"{boosting.ROUNDS} trees of one split, {FOLDS} folds dealt out by the SHA-256 of the customer's id",
            *(f"{name} = {value}" for name, value in boosting.PARAMETERS.items()),
        ),
        limits=(_ranking(trained), *map(_gap, filter(_is_apart, compared)), *_LIMITS),
    )


def _is_apart(one: Subgroup) -> bool:
    return one.customers >= _FEWEST and abs(one.predicted - one.left) >= _APART


def _gap(one: Subgroup) -> str:
    """Say how far what was expected of a group is from what happened."""
    way = "few" if one.predicted < one.left else "many"
    happened = f"{per_cent(one.predicted)} expected, {per_cent(one.left)} left"
    return f"It expects too {way} to leave of one group, {one.words}: {happened}, of {one.customers} customers."


def _ranking(trained: Trained) -> str:
    right = round(trained.quality.auc * 100)
    return (
        f"Of one customer who left and one who stayed, it scores the one who left higher in {right} of 100 pairs, "
        f"and so ranks {100 - right} of 100 pairs the wrong way round."
    )


def _features(trained: Trained, layout: Layout, figures: Figures) -> tuple[ReadFeature, ...]:
    _, values = trained.trees.contributions(figures)
    weights = np.abs(layout.by_feature(values) * trained.calibration.slope).mean(axis=0)
    read = []
    for feature, weight in zip(layout.mapping.features, weights, strict=True):
        direction, why = direction_of(feature)
        read.append(
            ReadFeature(
                name=feature.name,
                column=feature.column,
                kind=kind_of(feature),
                direction=direction,
                why=why,
                weight=rounded(float(weight)),
            )
        )
    return tuple(sorted(read, key=lambda one: (-one.weight, one.name)))


def _subgroups(predicted: Figures, left: Figures, groups: dict[str, list[str]]) -> tuple[Subgroup, ...]:
    found = []
    for group, words in groups.items():
        for word in sorted(set(words) - {""}):
            rows = np.array([one == word for one in words])
            area = auc(left[rows], predicted[rows]) if rows.sum() >= _FEWEST else None
            found.append(
                Subgroup(
                    group=group,
                    words=word,
                    customers=int(rows.sum()),
                    left=rounded(float(left[rows].mean())),
                    predicted=rounded(float(predicted[rows].mean())),
                    auc=None if area is None else rounded(area),
                )
            )
    return tuple(found)
