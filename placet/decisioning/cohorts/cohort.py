"""A cohort: an expression that was checked and compiled once, and is asked of one customer or of many.

Logic is SQL's of three values: a condition on what is NULL is neither true nor false, and whoever is only that is not
in the cohort. Division by zero gives NULL. Whole numbers cannot overflow: an expression that could is refused.
CURRENT_DATE is the day in UTC that the state is as of: yesterday's state gives yesterday's answer.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import polars as pl

from placet.decisioning.cohorts import tree
from placet.decisioning.cohorts.checking import Checker
from placet.decisioning.cohorts.columns import COLUMNS, LIVE_STATE, TODAY, Vocabulary
from placet.decisioning.cohorts.compiling import DTYPES, compiled
from placet.decisioning.cohorts.constancy import ALL_WORK, constant_part, possible_together
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.cohorts.parsing import fault, parse

_VERSION: Final = "placet cohort 1"
_KEPT: Final = 512

SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    TODAY: pl.Date,
    **{column.name: DTYPES[column.kind] for column in COLUMNS},
}
"""The columns of a frame, and their types."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """An expression that is ready to be asked.

    Attributes:
        written: The expression in one form: two texts that mean the same by their letters are one cohort.
        digest: SHA-256 of it and of the version of its meaning.
        columns: The columns that it names, in their order.
        needs: Those and the day that it is as of, where it asks.
        schema: The type of each of these.
        condition: The compiled expression; it gives true, false or NULL.
    """

    written: str
    digest: str
    columns: tuple[str, ...]
    needs: tuple[str, ...]
    schema: Mapping[str, type[pl.DataType]]
    condition: pl.Expr

    def has(self, row: Row) -> bool | None:
        """Return whether a customer is in it; None where what it asks is not known, which counts as no."""
        frame = pl.DataFrame([[row[name] for name in self.needs]], schema=self.schema, orient="row")
        answer: bool | None = self._of(frame)[0]
        return answer

    def members(self, frame: pl.DataFrame) -> pl.Series:
        """Return for each row of a frame what `has` returns for it."""
        return self._of(frame)

    def _of(self, frame: pl.DataFrame) -> pl.Series:
        answers = frame.select(self.condition).to_series()
        if len(answers) == 1:  # where all rows are alike the engine may answer once for all of them
            answers = answers.new_from_index(0, frame.height)
        if len(answers) != frame.height:
            raise AssertionError(f"{len(answers)} answers for {frame.height} rows of {self.written!r}")
        return answers


def cohort_of(text: str, known: Vocabulary = LIVE_STATE) -> Cohort:
    """Return the cohort of an expression, compiled once.

    Args:
        text: It.
        known: The columns that it may name.

    Raises:
        UsageError: code `cohort_expression`; with the position, and what to write instead.
    """
    return _of_text(text.strip(), known)


def can_hold_together(
    texts: Sequence[str], but: Sequence[str] = (), most_work: int = ALL_WORK, known: Vocabulary = LIVE_STATE
) -> bool:
    """Return whether a customer can exist of whom all of `texts` are true, and none of `but`.

    Args:
        texts: Expressions of which `cohort_of` takes each.
        but: The same.
        most_work: How much may be looked at: `possible_together`.
        known: The columns that they may name.

    Returns:
        False where it is certain that there is none; true may only mean that it was not noticed.
    """
    one, other = ([_tree_of(text.strip(), known) for text in each] for each in (texts, but))
    return possible_together(one, other, most_work)


@lru_cache(maxsize=_KEPT)
def _tree_of(text: str, known: Vocabulary) -> tree.Node:
    return Checker(text, known).check(parse(text))


@lru_cache(maxsize=_KEPT)
def _of_text(text: str, known: Vocabulary) -> Cohort:
    try:
        return _read(text, known)
    except RecursionError:  # of whatever part: how deep it may go depends on who calls
        fault(text, 0, "the expression nests too deep")


def _read(text: str, known: Vocabulary) -> Cohort:
    checked = _tree_of(text, known)
    found = constant_part(checked)
    if found is not None:
        part, always = found
        said = "always true: it leaves nobody out" if always else "never true: it leaves everybody out"
        fault(text, part.at, f"{_shown(part)} is {said}")
    return _of_tree(checked, known)


@lru_cache(maxsize=_KEPT)
def _of_tree(checked: tree.Node, known: Vocabulary) -> Cohort:
    written = tree.written(checked)
    names = tree.columns_of(checked)
    columns = tuple(name for name in known.columns if name in names)
    needs = (TODAY, *columns) if tree.asks_the_date(checked) else columns
    digest = hashlib.sha256(f"{_VERSION}\n{written}".encode()).hexdigest()
    schema = {name: pl.Date if name == TODAY else DTYPES[known.columns[name].kind] for name in needs}
    return Cohort(written, digest, columns, needs, schema, compiled(checked).alias("member"))


def frame_of(rows: Sequence[Row], names: Iterable[str] | None = None) -> pl.DataFrame:
    """Return rows as a frame of exact types, with all columns or those of `names`."""
    chosen = SCHEMA if names is None else names
    return pl.DataFrame([pl.Series(name, [row[name] for row in rows], SCHEMA[name]) for name in chosen])


def _shown(node: tree.Node) -> str:
    text = tree.written(node)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - a line's length
