"""How a table is distributed: kept with a model, so that a later table can be laid beside it."""

from itertools import pairwise
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, FiniteFloat, NonNegativeInt, model_validator

from agents.propensity.encoding import Encoded, Figures, Layout
from agents.propensity.features import Value, kind_of, plain
from agents.propensity.wording import per_cent
from placet.contracts.base import Frozen
from placet.contracts.propensity.mapping import Feature
from placet.contracts.propensity.score import Moved, Verdict

MOVED: Final = 0.1
SHIFTED: Final = 0.25
"""The trade's rule of thumb for the population stability index."""

FEWEST: Final = 200
"""Rows below which the index is chance."""

_TENTHS: Final = tuple(tenth / 10 for tenth in range(1, 10))
_HALF: Final = 0.5
_MISSING: Final = "missing"


class Profile(Frozen):
    """Of one figure: how many customers fall into each bin.

    Attributes:
        edges: Of a number: the upper bounds of all bins but the last; a value on a bound belongs below it.
        labels: Of words: the bins' names.
        counts: By bin; the last is of what is missing.
    """

    name: str
    of: Literal["number", "words", "score"]
    edges: Annotated[tuple[FiniteFloat, ...], Field(max_length=20)] = ()
    labels: Annotated[tuple[str, ...], Field(max_length=60)] = ()
    counts: Annotated[tuple[NonNegativeInt, ...], Field(min_length=2, max_length=61)]

    @model_validator(mode="after")
    def _a_count_for_each_bin(self) -> Self:
        bins = len(self.labels) if self.of == "words" else len(self.edges) + 1
        if (self.edges if self.of == "words" else self.labels) or len(self.counts) != bins + 1:
            raise ValueError(f"the profile of {self.name} has {len(self.counts)} counts, which are not of its bins")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError(f"the bounds of the profile of {self.name} do not grow")
        return self


def labels_of(feature: Feature) -> tuple[str, ...]:
    """Return the bins of a feature that is no number, without the one for what is missing."""
    return tuple(sorted(feature.choices)) if kind_of(feature) == "choice" else ("no", "yes")


def profiles_of(encoded: Encoded, layout: Layout) -> tuple[Profile, ...]:
    """Return the profile of every feature."""
    made = []
    for feature in layout.mapping.features:
        values = encoded.values[feature.name]
        if kind_of(feature) == "number":
            made.append(_of_numbers(feature.name, _floats(values)))
        else:
            labels = labels_of(feature)
            made.append(Profile(name=feature.name, of="words", labels=labels, counts=_count_words(values, labels)))
    return tuple(made)


def profile_of_scores(probabilities: Figures) -> Profile:
    """Return the profile of a model's answers."""
    return _of_numbers("score", probabilities).model_copy(update={"of": "score"})


def compare(before: Profile, values: "list[Value] | Figures") -> Moved:
    """Lay values beside a profile."""
    if before.of == "words":
        counts = _count_words(list(values), before.labels)
    else:
        counts = _count_numbers(_floats(list(values)), before.edges)
    old, new = _shares(before.counts), _shares(counts)
    psi = round(float(np.sum((new - old) * np.log(new / old))), 4)
    most = int(np.argmax(np.abs(new - old)))
    total, then = max(1, sum(counts)), max(1, sum(before.counts))
    now, was = per_cent(counts[most] / total), per_cent(before.counts[most] / then)
    words = f"{_bin(before, most)}: {now} now, {was} when it was trained"
    return Moved(name=before.name, psi=psi, verdict=_verdict(psi, sum(counts)), words=words)


def _verdict(psi: float, rows: int) -> Verdict:
    if rows < FEWEST:
        return "too_few"
    if psi >= SHIFTED:
        return "shifted"
    return "moved" if psi >= MOVED else "steady"


def _shares(counts: tuple[int, ...]) -> Figures:
    """Return shares, with half a customer more in each bin: the index of an empty one would be infinite."""
    smoothed = np.array(counts, dtype=np.float64) + _HALF
    return np.asarray(smoothed / smoothed.sum(), dtype=np.float64)


def _of_numbers(name: str, numbers: Figures) -> Profile:
    there = numbers[~np.isnan(numbers)]
    edges: tuple[float, ...] = ()
    if len(there):
        # The largest value is no bound: there would be nothing above it.
        edges = tuple(
            sorted({float(edge) for edge in np.quantile(there, _TENTHS, method="lower")} - {float(there.max())})
        )
    return Profile(name=name, of="number", edges=edges, counts=_count_numbers(numbers, edges))


def _count_numbers(numbers: Figures, edges: tuple[float, ...]) -> tuple[int, ...]:
    missing = np.isnan(numbers)
    places = np.searchsorted(np.array(edges, dtype=np.float64), numbers[~missing], side="left")
    return (*np.bincount(places, minlength=len(edges) + 1).tolist(), int(missing.sum()))


def _count_words(values: "list[Value] | list[float]", labels: tuple[str, ...]) -> tuple[int, ...]:
    said = ["yes" if value is True else "no" if value is False else value for value in values]
    known = [sum(value == label for value in said) for label in labels]
    return (*known, len(said) - sum(known))


def _floats(values: "list[Value] | list[float]") -> Figures:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _bin(profile: Profile, at: int) -> str:
    if at == len(profile.counts) - 1:
        return _MISSING
    if profile.of == "words":
        return profile.labels[at]
    edges = [per_cent(edge) if profile.of == "score" else plain(edge) for edge in profile.edges]
    if not edges:
        return "any value"
    if at == 0:
        return f"up to {edges[0]}"
    return f"more than {edges[-1]}" if at == len(edges) else f"more than {edges[at - 1]}, up to {edges[at]}"
