"""From the cells of a table to the figures that the model reads, and back to the words for them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from agents.propensity.features import Value, check_mapping, direction_of, kind_of, plain
from agents.propensity.table import Table, shown
from placet.contracts.propensity.mapping import Feature, Mapping
from placet.errors import UsageError

Figures = NDArray[np.float64]

MOST_FIGURES: Final = 200_000_000
"""Of a table, in all: 1.6 GB of memory, and as much again in training."""

_LARGEST: Final = 1e12
_LONGEST_ID: Final = 64
_SIGNS: Final = {None: 0, "more_leave": 1, "fewer_leave": -1}


@dataclass(frozen=True, slots=True)
class Input:
    """One column of figures: a feature's own, or one value of a choice."""

    feature: Feature
    name: str
    value: str | None = None
    sign: int = 0


class Layout:
    """The order of the model's inputs; it depends on the mapping's features alone."""

    def __init__(self, mapping: Mapping) -> None:
        check_mapping(mapping)
        self.mapping = mapping
        self.inputs: list[Input] = []
        for feature in mapping.features:
            if kind_of(feature) == "choice":
                # Sorted: a table of TOML has no order that canonical JSON would keep.
                values = sorted(feature.choices)
                self.inputs += [Input(feature, f"{feature.name}_{at}", value) for at, value in enumerate(values)]
            else:
                self.inputs.append(Input(feature, feature.name, sign=_SIGNS[direction_of(feature)[0]]))

    @property
    def names(self) -> list[str]:
        """The inputs' names, in which the model's file has them."""
        return [one.name for one in self.inputs]

    @property
    def signs(self) -> list[int]:
        """Of each input: 1 where more of it may only raise the probability, -1 where it may only lower it."""
        return [one.sign for one in self.inputs]

    def by_feature(self, contributions: Figures) -> Figures:
        """Add the contributions of inputs up to those of the features, in the mapping's order."""
        names = [feature.name for feature in self.mapping.features]
        summed = np.zeros((len(contributions), len(names)))
        for at, one in enumerate(self.inputs):
            summed[:, names.index(one.feature.name)] += contributions[:, at]
        return summed


@dataclass(slots=True)
class Encoded:
    """The rows of a table, as figures.

    Attributes:
        ids: The customers.
        figures: A row for each, a column for each input.
        values: By feature: what each row says, for sentences.
        faults: Rows that cannot be read, with the first reason; their figures mean nothing.
    """

    ids: list[str]
    figures: Figures
    values: dict[str, list[Value]] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


def encode(table: Table, layout: Layout) -> Encoded:
    """Read what the model reads of every row; a row that cannot be read is a fault, and stops nothing.

    Raises:
        UsageError: a column is not there, or the table would give more figures than memory should hold.
    """
    mapping = layout.mapping
    _check_size(table, layout)
    ids = table.column(mapping.customer_id, "the customer's id").to_list()
    encoded = Encoded(ids, np.zeros((len(ids), len(layout.inputs))))
    seen: dict[str, int] = {}
    for row, name in enumerate(ids):
        if not name or len(name) > _LONGEST_ID:
            encoded.faults[row] = f"{shown(name)} is no customer id: it has {len(name)} characters"
        elif name in seen:
            # Of both: which of them is the customer's, nobody can know.
            for one in (seen[name], row):
                encoded.faults[one] = f"customer {shown(name)} is there twice"
        seen.setdefault(name, row)
    at = 0
    for feature in mapping.features:
        cells = table.column(feature.column, f"feature {feature.name}")
        width = max(1, len(feature.choices))
        encoded.values[feature.name] = _fill(encoded, cells, feature, at)
        at += width
    return encoded


def left_of(table: Table, mapping: Mapping) -> tuple[Figures, dict[int, str]]:
    """Return who left (1) and who stayed (0), and the rows of which the table does not say so.

    Raises:
        UsageError: the column is not there.
    """
    cells = table.column(mapping.left.column, "the column that says who left").to_list()
    known = {**dict.fromkeys(mapping.left.yes, 1.0), **dict.fromkeys(mapping.left.no, 0.0)}
    faults = {
        row: f"{mapping.left.column} is {shown(cell)}; the mapping knows {_list(known)}"
        for row, cell in enumerate(cells)
        if cell not in known
    }
    return np.array([known.get(cell, 0.0) for cell in cells]), faults


def groups_of(table: Table, mapping: Mapping) -> dict[str, list[str]]:
    """Return by group the words of every row; empty for a value that the mapping does not know.

    Raises:
        UsageError: a column is not there.
    """
    return {
        group.name: [group.words.get(cell, "") for cell in table.column(group.column, f"group {group.name}").to_list()]
        for group in mapping.groups
    }


def check_rows(faults: dict[int, str], table: Table) -> None:
    """Refuse a table with rows that cannot be read: a model that learned from the rest would be of another table.

    Raises:
        UsageError: there is one.
    """
    if faults:
        first = min(faults)
        raise UsageError(
            f"{table.name}: {len(faults)} of {table.frame.height} rows cannot be read; the first is in line "
            f"{table.lines[first]}: {faults[first]}"
        )


def never_missing(encoded: Encoded, names: Collection[str]) -> None:
    """Make an empty cell a fault of its row, where training had none: of that, the trees know nothing.

    LightGBM would take it for the number 0, and the sentence would say that not knowing it raises the score.
    """
    for name in names:
        for row, value in enumerate(encoded.values[name]):
            if value is None:
                encoded.faults.setdefault(row, f"{name} is empty; in training it never was")


def _check_size(table: Table, layout: Layout) -> None:
    rows, width = table.frame.height, len(layout.inputs)
    if rows * width > MOST_FIGURES:
        raise UsageError(
            f"{table.name} has {rows:,} rows of {width} figures, more than {MOST_FIGURES:,} in all; "
            f"take at most {MOST_FIGURES // width:,} rows, or map fewer features or choices"
        )


def _fill(encoded: Encoded, cells: pl.Series, feature: Feature, at: int) -> list[Value]:
    kind = kind_of(feature)
    texts: list[str] = cells.to_list()
    if kind == "number":
        numbers = _numbers(texts, cells, feature)
        encoded.figures[:, at] = numbers
        values: list[Value] = [None if np.isnan(number) else float(number) for number in numbers]
        bad = [value is None for value in values]
    elif kind == "flag":
        known = {**dict.fromkeys(feature.yes, True), **dict.fromkeys(feature.no, False)}
        values = [known.get(text) for text in texts]
        encoded.figures[:, at] = [np.nan if value is None else float(value) for value in values]
        bad = [value is None for value in values]
    else:
        values = [text if text in feature.choices else None for text in texts]
        for offset, choice in enumerate(sorted(feature.choices)):
            encoded.figures[:, at + offset] = [np.nan if value is None else float(value == choice) for value in values]
        bad = [value is None for value in values]
    for row, is_bad in enumerate(bad):
        if is_bad and not (texts[row] == "" and feature.may_be_missing):
            encoded.faults.setdefault(row, _fault(feature, texts[row]))
    return values


def _numbers(texts: list[str], cells: pl.Series, feature: Feature) -> Figures:
    if feature.numbers:
        numbers = np.array([feature.numbers.get(text, np.nan) for text in texts])
    else:
        numbers = cells.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy().astype(np.float64)
        numbers = np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan)
    least = -np.inf if feature.least is None else feature.least
    most = np.inf if feature.most is None else feature.most
    return np.where((numbers >= least) & (numbers <= most), numbers, np.nan)


def _fault(feature: Feature, text: str) -> str:
    if text == "":
        return f"{feature.column} is empty; say may_be_missing = true of {feature.name} where that is no fault"
    kind = kind_of(feature)
    if kind == "number" and (not feature.numbers or text in feature.numbers):
        least = plain(-_LARGEST if feature.least is None else feature.least)
        most = plain(_LARGEST if feature.most is None else feature.most)
        return f"{feature.column} is {shown(text)}, which is no number from {least} to {most}"
    known = feature.numbers or feature.choices or [*feature.yes, *feature.no]
    return f"{feature.column} is {shown(text)}; the mapping knows {_list(known)}"


def _list(values: "dict[str, float] | dict[str, str] | list[str]") -> str:
    return ", ".join(shown(value) for value in list(values)[:8])


def row_of(encoded: Encoded, customer_id: str, name: str) -> int:
    """Return the row of a customer.

    Raises:
        UsageError: they are not there, or their row cannot be read.
    """
    if customer_id not in encoded.ids:
        raise UsageError(f"{name} has no customer {customer_id!r}", code="unknown_customer")
    row = encoded.ids.index(customer_id)
    if row in encoded.faults:
        raise UsageError(f"{name}, customer {customer_id!r}: {encoded.faults[row]}")
    return row
