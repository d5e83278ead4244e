"""Models of who leaves, in words for people."""

from collections.abc import Iterator

from placet.contracts.propensity.card import Band, ModelCard, ReadFeature, Subgroup
from placet.contracts.propensity.held import HeldModel, HeldModels, ShownModel
from placet.contracts.text import counted, spoken_list

_WAYS = {"more_leave": "more of it may only raise the score", "fewer_leave": "more of it may only lower the score"}


def quality_lines(card: ModelCard) -> Iterator[str]:
    """Say how well a model does, on customers that it had not seen."""
    quality = card.quality
    low, high = min(quality.auc_folds), max(quality.auc_folds)
    share = _share(card.left / card.customers)
    yield f"learned from {counted(card.customers, 'customer')}, {card.left} of whom left ({share})"
    yield (
        f"{pairs_in_words(quality.auc)} (AUC {quality.auc:.3f}; "
        f"{low:.3f} to {high:.3f} in {len(quality.auc_folds)} parts kept apart)"
    )
    yield (
        f"what it expects is off by {quality.calibration_error * 100:.1f} points on average "
        f"(calibration error {quality.calibration_error:.3f})"
    )


def pairs_in_words(auc: float) -> str:
    """Say how well scores tell those who left from those who stayed."""
    return (
        "of 100 pairs of one who left and one who stayed, it gives the one who left the higher score in "
        f"{auc * 100:.0f}"
    )


def trained_last_in_words(held: HeldModels) -> str | None:
    """Say that no model is the one that was trained last; None where one is, there is none, or `held.fault` says why.

    It is so where files were copied from elsewhere.
    """
    usable = any(one.card is not None for one in held.models)
    if not usable or held.fault or any(one.trained_last for one in held.models):
        return None
    return "no model was trained last here"


def held_lines(one: HeldModel) -> Iterator[str]:
    """Say what a list says of a model, its whole digest first: settings are told it so."""
    not_for_runs = one.card is not None and not one.for_runs
    named = ("in use" if one.for_runs else "named for runs",) * one.in_use
    marks = named + ("trained last",) * one.trained_last + ("not for runs",) * not_for_runs
    marked = f"  ({', '.join(marks)})" if marks else ""
    yield f"{one.model}{marked}"
    if one.card is None:
        yield f"  {one.fault}"
        return
    card = one.card
    learned = f"{counted(card.customers, 'customer')}, {card.left} of whom left"
    yield f"  trained {card.trained_on} on {learned}; off by {card.calibration_error * 100:.1f} points on average"
    yield f"  {pairs_in_words(card.auc)}"


def for_runs_in_words(model: ShownModel, runs_use: str) -> str:
    """Say whether runs can use it, and what it takes; `runs_use` says what they use now."""
    if model.in_use and not model.unread_by_runs:
        return "used by them now"
    if not model.unread_by_runs:
        once = "runs use it once PLACET_CHURN_SOURCES names this digest and the workers were started again"
        return f"{once}; until then: {runs_use}" if runs_use else once
    figures = spoken_list(model.unread_by_runs)
    found = (
        f"its mapping does not say where a run finds {figures}, or names what there is not; see to `run` of each and "
        "train again"
    )
    if model.in_use:
        return f"PLACET_CHURN_SOURCES names it, and no worker starts with it: {found}"
    return f"not for runs: {found}"


def card_lines(model: ShownModel, runs_use: str) -> Iterator[str]:
    """Write a card out; `runs_use` says what runs use now."""
    card = model.card
    yield card.purpose
    yield f"source     {card.source}"
    yield f"leaving    {card.left_means}"
    yield f"data       SHA-256 {card.data_digest}"
    yield f"trained    {card.trained_on}, with {', '.join(card.made_with)}"
    yield f"in runs    {for_runs_in_words(model, runs_use)}"
    yield ""
    yield from quality_lines(card)
    yield (
        f"mean squared error {card.quality.brier:.3f}; "
        f"{card.quality.brier_of_rate:.3f} if everybody were given the share of all"
    )
    yield ""
    yield "score           customers  expected     left"
    for band in card.quality.bands:
        left = band.left / band.customers
        yield f"{band_in_words(band):<15} {band.customers:>9}  {_share(band.predicted):>8}  {_share(left):>7}"
    yield ""
    yield "what it reads, the weightiest first"
    for feature in card.features:
        yield _feature(feature)
    if card.subgroups:
        yield ""
        yield f"what it never reads ({', '.join(card.never_read)}), and how it does for each group"
        yield "group                     customers  expected     left    AUC"
        for subgroup in card.subgroups:
            yield _subgroup(subgroup)
    yield ""
    yield "where it ends"
    for limit in card.limits:
        yield f"  - {limit}"


def band_in_words(band: Band) -> str:
    """Return the scores of a band: `1.2 to 3.4 %`."""
    return f"{band.from_bp / 100:.1f} to {band.to_bp / 100:.1f} %"


def way_in_words(feature: ReadFeature) -> str:
    """Say which way a feature may move the score, and why; empty where it may move it both ways."""
    return f"{_WAYS[feature.direction]}: {feature.why}" if feature.direction else ""


def _feature(feature: ReadFeature) -> str:
    way = f"; {said}" if (said := way_in_words(feature)) else ""
    weight = "not used" if feature.weight == 0 else f"{feature.weight:.2f}"
    return f"  {feature.name.replace('_', ' '):<22} {weight:>8}{way}"


def _subgroup(one: Subgroup) -> str:
    area = "too few" if one.auc is None else f"{one.auc:.3f}"
    return f"{one.words:<25} {one.customers:>9}  {_share(one.predicted):>8}  {_share(one.left):>7}  {area:>5}"


def share_in_words(share: float) -> str:
    """Return a share in per cent: `26.8 %`."""
    return f"{share * 100:.1f} %"


_share = share_in_words
