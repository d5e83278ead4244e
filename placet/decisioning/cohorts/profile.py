"""Tallies over the base, a frame at a time: counts, sums and bins, whose size does not grow with the base."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from placet.contracts.cohorts.preview import Bin, Difference, Distribution
from placet.decisioning.cohorts.columns import BY_NAME, COLUMNS, Column
from placet.decisioning.cohorts.wording import in_words

_LEAST_STRENGTH: Final = 0.2
"""A difference below is small by Cohen's convention, and is not told."""
_MOST_TOLD: Final = 8
_FEWEST: Final = 5
"""Of fewer customers nothing is told: a mean of them says little, and much of each."""
_MOST_DISTRIBUTIONS: Final = 3
_MOST_BINS: Final = 8
_EDGES: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536)

PROFILED: Final = tuple(
    column
    for column in COLUMNS
    if column.kind in ("integer", "boolean")
    and column.name not in ("events", "simulated", "days_since_event")
    # A mean of per cents says little: one customer who doubles outweighs two who halve.
    and not column.name.endswith("_percent")
)
_COUNTED_IN: Final = tuple(column.name for column in PROFILED)


@dataclass(slots=True)
class Sums:
    """Of each profiled column: how often it is known, its sum, and the sum of its squares.

    All are whole numbers: fractions would round by the page, and a base would have other figures in other pages.
    """

    known: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    squares: Counter[str] = field(default_factory=Counter)

    def add(self, frame: pl.DataFrame) -> None:
        """Add the rows of a frame."""
        if frame.is_empty():
            return
        columns = [pl.col(name).cast(pl.Int64) for name in _COUNTED_IN]
        known, total, squares = (
            frame.select([part(one) for one in columns]).row(0) for part in (pl.Expr.count, pl.Expr.sum, _squares)
        )
        for name, many, much, square in zip(_COUNTED_IN, known, total, squares, strict=True):
            self.known[name] += many
            self.total[name] += much
            self.squares[name] += square

    def mean(self, name: str) -> float:
        """Return the mean of those of whom it is known."""
        return self.total[name] / self.known[name]

    def deviation(self, name: str) -> float:
        """Return the standard deviation of those."""
        known = self.known[name]
        return math.sqrt(known * self.squares[name] - self.total[name] ** 2) / known


def _squares(column: pl.Expr) -> pl.Expr:
    """Return the sum of a column's squares; an amount may be 10¹², so that 64 bits are too few."""
    wide = column.cast(pl.Int128)
    return (wide * wide).sum()


@dataclass(slots=True)
class Tally:
    """What is counted of a cohort and of the base.

    Attributes:
        asks: The columns that the cohort's expression names.
        currencies: Of the base: means of amounts are told where there is one.
    """

    asks: tuple[str, ...]
    base: int = 0
    members: int = 0
    unknown: int = 0
    simulated: int = 0
    of_base: Sums = field(default_factory=Sums)
    of_cohort: Sums = field(default_factory=Sums)
    currencies: set[str] = field(default_factory=set)
    bins: dict[str, tuple[Counter[int], Counter[int]]] = field(default_factory=dict)

    def add(self, frame: pl.DataFrame, answers: pl.Series) -> None:
        """Add a frame of the base, and for each row whether it is in the cohort."""
        members = frame.filter(answers)
        self.base += frame.height
        self.members += members.height
        self.unknown += answers.null_count()
        self.simulated += int(frame["simulated"].sum())
        self.currencies.update(frame["currency"].drop_nulls().unique())
        self.of_base.add(frame)
        self.of_cohort.add(members)
        for column in self._binned():
            base, cohort = self.bins.setdefault(column.name, (Counter(), Counter()))
            _bin(frame[column.name], base)
            _bin(members[column.name], cohort)

    def profile(self) -> tuple[Difference, ...]:
        """Return by what the cohort differs most; of one figure in several windows the window that shows it best."""
        found: dict[str, Difference] = {}
        for difference in sorted(self._differences(), key=lambda one: (-abs(one.strength), one.column)):
            found.setdefault(_family(difference.column), difference)
        return tuple(found.values())[:_MOST_TOLD]

    def distributions(self) -> tuple[Distribution, ...]:
        """Return how the columns that the expression names are spread."""
        return tuple(
            Distribution(column=column.name, about=column.about, bins=_bins(*self.bins[column.name]))
            for column in self._binned()
            if column.name in self.bins
        )

    def _binned(self) -> Sequence[Column]:
        return [BY_NAME[name] for name in self.asks if BY_NAME[name].kind == "integer"][:_MOST_DISTRIBUTIONS]

    def _differences(self) -> Iterator[Difference]:
        if self.members < _FEWEST or self.members == self.base:
            return
        asked = {_family(name) for name in self.asks}
        for column in PROFILED:
            name = column.name
            amount = name.rpartition("_minor")[1] == "_minor"
            if _family(name) in asked or (amount and len(self.currencies) > 1):
                continue
            if self.of_cohort.known[name] < _FEWEST or not (spread := self.of_base.deviation(name)):
                continue
            cohort, base = self.of_cohort.mean(name), self.of_base.mean(name)
            strength = (cohort - base) / spread
            if abs(strength) >= _LEAST_STRENGTH:
                scale = 100 if column.kind == "boolean" else 1
                yield Difference(
                    column=name,
                    cohort=round(cohort * scale, 2),
                    base=round(base * scale, 2),
                    strength=round(strength, 2),
                    words=in_words(column, cohort, base, next(iter(self.currencies), "")),
                )


def _family(name: str) -> str:
    """Return the name without its window."""
    stem, _, window = name.rpartition("_")
    return stem if window.endswith("d") and window[:-1].isdecimal() else name


def _bin(values: pl.Series, into: Counter[int]) -> None:
    edges = pl.Series(_EDGES, dtype=pl.Int64)
    places = edges.search_sorted(values.drop_nulls(), side="right")
    for place, many in places.value_counts().iter_rows():
        into[place - 1] += many


def _bins(base: Counter[int], cohort: Counter[int]) -> tuple[Bin, ...]:
    if not base:
        return ()
    lowest, highest = min(base), max(base)
    width = -(-(highest - lowest + 1) // _MOST_BINS)
    return tuple(
        _bin_of(range(place, min(place + width, highest + 1)), base, cohort)
        for place in range(lowest, highest + 1, width)
    )


def _bin_of(places: range, base: Counter[int], cohort: Counter[int]) -> Bin:
    first, last = places[0], places[-1]
    return Bin(
        first=_EDGES[first] if first >= 0 else None,
        last=_EDGES[last + 1] - 1 if last + 1 < len(_EDGES) else None,
        base=sum(base[place] for place in places),
        cohort=sum(cohort[place] for place in places),
    )
