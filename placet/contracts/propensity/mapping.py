"""What the columns of an operator's table of customers mean: which a model reads, and which it never may."""

import contextlib
import re
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)

from placet.contracts.base import PLAIN, Fault, Frozen, faults_of
from placet.contracts.propensity.figures import figure_fault
from placet.contracts.text import NAME, shortened

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=80), PLAIN]
Column = Annotated[str, StringConstraints(min_length=1, max_length=120), PLAIN]
Cell = Annotated[str, StringConstraints(max_length=80)]
"""A cell of the table, as it is written there; empty for a cell without anything."""

Kind = Literal["number", "flag", "choice"]
Direction = Literal["more_leave", "fewer_leave"]
"""Whether more customers leave, or fewer, as the figure grows."""

_MOST_FEATURES = 100
_MOST_VALUES = 60
_ADDED_LATER = ("least", "most", "run")


_READABLE = re.compile(
    r"customer\.tenure_months|customer\.fact\.[a-z][a-z0-9_]{0,47}|products\.(monthly_price|held)"
    r"|state\.(7|30|90)\.[a-z][a-z0-9_]{0,47}(:[A-Z]{3})?"
)
_MOST_TOLD = 8
"""Faults of a mapping that are told at once."""


def _readable(text: str) -> str:
    if not _READABLE.fullmatch(text):
        raise ValueError(
            "a run reads customer.tenure_months, customer.fact.NAME, products.monthly_price, products.held, or "
            "state.DAYS.FIGURE with 7, 30 or 90 for DAYS"
        )
    return text


class RunSource(Frozen):
    """Where a governed run finds a feature of its customer.

    Attributes:
        read: `customer.tenure_months`; `customer.fact.NAME`, what billing says by that name; `products.monthly_price`,
            in whole units of `currency`; `products.held`, whether one of `offerings` is held and active; or
            `state.DAYS.FIGURE`, a figure of the live state's window of 7, 30 or 90 days.
        cells: What the table writes for what the run reads; what is not listed stays as it was read.
        offerings: For `products.held`: ids of offerings.
        currency: For `products.monthly_price`: the only currency that the model learned from.
    """

    read: Annotated[str, AfterValidator(_readable)]
    cells: dict[Cell, Cell] = Field(default_factory=dict, max_length=_MOST_VALUES)
    offerings: Annotated[tuple[Column, ...], Field(max_length=_MOST_VALUES)] = ()
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        if (self.read == "products.held") != bool(self.offerings):
            raise ValueError("offerings belong to products.held, which needs at least one")
        if (self.read == "products.monthly_price") != (self.currency is not None):
            raise ValueError("a currency belongs to products.monthly_price, which needs one")
        return self


class Feature(Frozen):
    """One column that the model reads.

    Attributes:
        name: Ours. A name that the trade knows (`tenure_months`) brings its kind, words and direction with it.
        column: The table's.
        kind: A number, yes or no, or one of a few values; may be left out for a name that the trade knows.
        words: In a sentence: `a monthly charge of {value}` for a number, the thing held for a flag.
        numbers: For a number that is written as words: what each stands for.
        least: For a number: the least that it can be; a cell below it is a fault of its row.
        most: For a number: the most that it can be.
        choices: For a choice: its words in a sentence, for each value of the table.
        yes: For a flag: what is written where it holds.
        no: For a flag: what is written where it does not.
        direction: Which way it works, if the trade demands that; the model then never learns otherwise.
        why: The reason of the direction; both are given, or none.
        may_be_missing: Whether an empty cell is no fault.
        run: Where a governed run finds it; without one, no run can use the model.
    """

    name: Name
    column: Column
    kind: Kind | None = None
    words: Words | None = None
    numbers: dict[Cell, FiniteFloat] = Field(default_factory=dict, max_length=_MOST_VALUES)
    least: FiniteFloat | None = None
    most: FiniteFloat | None = None
    choices: dict[Cell, Words] = Field(default_factory=dict, max_length=_MOST_VALUES)
    yes: Annotated[tuple[Cell, ...], Field(max_length=_MOST_VALUES)] = ()
    no: Annotated[tuple[Cell, ...], Field(max_length=_MOST_VALUES)] = ()
    direction: Direction | None = None
    why: Words | None = None
    may_be_missing: bool = False
    run: RunSource | None = None

    @model_serializer(mode="wrap")
    def _without_what_was_added_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The file of a model is canonical: one from before must still be written as it was.
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if name not in _ADDED_LATER or value is not None}

    @model_validator(mode="after")
    def _a_direction_has_a_reason(self) -> Self:
        if (self.direction is None) != (self.why is None):
            raise ValueError(f"{self.name} needs both a direction and why, or none of them")
        if both := sorted({*self.yes} & {*self.no}):
            raise ValueError(f"{self.name} takes {both[0]!r} for yes and for no")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"{self.name} can be nothing: its least is above its most")
        return self


class Group(Frozen):
    """A column that the model never reads, and by which the card compares how well it does.

    Attributes:
        words: For each value of the table: who these customers are.
    """

    name: Name
    column: Column
    words: Annotated[dict[Cell, Words], Field(min_length=1, max_length=_MOST_VALUES)]


class Left(Frozen):
    """The column that says who left."""

    column: Column
    yes: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=_MOST_VALUES)]
    no: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=_MOST_VALUES)]

    @model_validator(mode="after")
    def _nobody_did_both(self) -> Self:
        if both := sorted({*self.yes} & {*self.no}):
            raise ValueError(f"{both[0]!r} stands for those who left and for those who stayed")
        return self


class Mapping(Frozen):
    """A mapping file.

    Attributes:
        source: Whose customers these are, for the card.
        left_means: What counts as having left, within which time, for the card.
        separator: Between the cells of a line of a CSV file.
        customer_id: The column that names the customer.
    """

    source: Annotated[str, StringConstraints(min_length=1, max_length=200), PLAIN]
    left_means: Annotated[str, StringConstraints(min_length=1, max_length=200), PLAIN]
    separator: Literal[",", ";", "|", "\t"] = ","
    customer_id: Column
    left: Left
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=_MOST_FEATURES)]
    groups: Annotated[tuple[Group, ...], Field(max_length=20)] = ()

    @property
    def unread_by_runs(self) -> tuple[str, ...]:
        """Names of the features that no run finds: with one of them, the model is not for runs."""
        return tuple(feature.name for feature in self.features if feature.run is None or figure_fault(feature.run.read))

    @property
    def figure_faults(self) -> tuple[str, ...]:
        """What is wrong with the figures of the live state that runs would read, a sentence for each feature."""
        return tuple(
            f"feature {feature.name!r}: {fault}"
            for feature in self.features
            if feature.run is not None and (fault := figure_fault(feature.run.read))
        )

    @model_validator(mode="wrap")
    @classmethod
    def _with_all_its_faults(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Tell all faults at once: whoever writes a mapping would else be sent back for each."""
        try:
            return read(given)
        except ValidationError as error:
            raise ValueError(_all_of(error, given)) from error

    @model_validator(mode="after")
    def _a_column_has_one_meaning(self) -> Self:
        names = [feature.name for feature in self.features] + [group.name for group in self.groups]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{twice[0]} is named twice")
        read = [feature.column for feature in self.features]
        if twice := sorted({column for column in read if read.count(column) > 1}):
            raise ValueError(f"column {twice[0]!r} is read by two features")
        for what, column in (
            ("says who left", self.left.column),
            ("names the customer", self.customer_id),
            *((f"is what the card compares by ({group.name})", group.column) for group in self.groups),
        ):
            if column in read:
                raise ValueError(f"column {column!r} {what}: no feature may read it")
        return self


_PARTS: dict[str, tuple[str, type[Frozen]]] = {"features": ("feature", Feature), "groups": ("group", Group)}


def _all_of(error: ValidationError, given: object) -> str:
    """Return all faults in one line, up to a bound: misspelt names first; what is missing is often one of them."""
    found = list(zip(error.errors(), faults_of(error), strict=True))
    found.sort(key=lambda one: one[0]["type"] != "extra_forbidden")
    told = [_told(where, fault, given, misspelt=raw["type"] == "extra_forbidden") for raw, (where, fault) in found]
    more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return "; ".join(told[:_MOST_TOLD]) + more


def _told(where: tuple[str | int, ...], fault: Fault, given: object, *, misspelt: bool) -> str:
    """Say a fault with the name of the feature or group that it is of."""
    said = fault.said
    if misspelt and (near := get_close_matches(str(where[-1]), _fields_of(where), n=1)):
        said = f"there is no field of this name; did you mean {near[0]!r}?"
    if where[0] not in _PARTS or not where[1:]:
        return replace(fault, said=said).line()
    what, at = _PARTS[str(where[0])][0], int(where[1])
    named = f"{what} number {at + 1}"
    with contextlib.suppress(LookupError, TypeError, AttributeError):
        name = given[where[0]][at]["name"]  # type: ignore[index]
        named = f"{what} {shortened(repr(name), NAME)}" if isinstance(name, str) else named
    return f"{named}: {replace(fault, where='.'.join(map(str, where[2:])), said=said).line()}"


def _fields_of(where: tuple[str | int, ...]) -> list[str]:
    """Return the names of fields that may stand where one is misspelt."""
    if "run" in where[:-1]:
        return list(RunSource.model_fields)
    of = Left if where[0] == "left" and where[1:] else _PARTS[str(where[0])][1] if where[0] in _PARTS else Mapping
    return list(of.model_fields)
