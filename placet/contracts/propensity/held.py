"""The churn models that a tenant holds, and which of them its runs use."""

import re
from typing import Annotated, Final

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints

from placet.contracts.base import Digest, Frozen
from placet.contracts.propensity.card import Line, ModelCard, Share
from placet.contracts.text import NAME, one_line

MOST_HELD: Final = 100
"""Models that are listed, the newest files first."""

BEGINNING: Final = r"^[0-9a-f]{8,64}$"
"""Of how people name a model: its digest, or how that begins."""
_BEGINNING: Final = re.compile(BEGINNING, re.ASCII)


class HeldCard(Frozen):
    """What a list says of a model's card.

    Attributes:
        source: Whose customers it learned from.
        customers: How many.
        left: How many of them left.
        auc: Of the cross-validation: how often one who left scores higher than one who stayed.
        calibration_error: Of the same: the mean distance of what it expected and what happened.
    """

    trained_on: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    source: str
    customers: PositiveInt
    left: NonNegativeInt
    auc: Share
    calibration_error: Share


class HeldModel(Frozen):
    """A model's file.

    Attributes:
        model: Its digest, by which the file is called.
        in_use: Whether the settings name it for runs.
        trained_last: Whether commands take it where none is named.
        for_runs: Whether its mapping says where a run finds each figure.
        card: None where the file is not the model of this digest, or no model.
        fault: Why; None where it is in order.
    """

    model: Digest
    in_use: bool
    trained_last: bool
    for_runs: bool
    card: HeldCard | None
    fault: Line | None


class HeldModels(Frozen):
    """The models of a tenant.

    Attributes:
        runs_use: Where runs take the probability of leaving from, in words.
        models: Those that are held: what runs use first, then the day of training, the newest first.
        left_out: How many more files there are, of an older date.
        fault: Why none can be listed, or why nobody can say which one was trained last; None where all is in order.
    """

    runs_use: str
    models: Annotated[tuple[HeldModel, ...], Field(max_length=MOST_HELD)]
    left_out: NonNegativeInt
    fault: Line | None = None


class ShownModel(Frozen):
    """A model with its whole card.

    Attributes:
        unread_by_runs: Figures of which its mapping does not say where a run finds them. With one of them it is not
            for runs.
    """

    model: Digest
    in_use: bool
    unread_by_runs: tuple[str, ...]
    card: ModelCard


def no_name_of_a_model(named: str) -> str | None:
    """Return what is wrong with how a model is named; None where one may be named so.

    Whoever tells it says where their reader finds the digests.
    """
    if _BEGINNING.fullmatch(named):
        return None
    return f"{one_line(named, NAME)!r} is no digest of a model, nor how one begins: 8 to 64 characters of 0-9 and a-f"


def none_so_named(named: str, *, several: bool = False) -> str:
    """Say that no model has a digest that begins so, or that several have; see `no_name_of_a_model`."""
    return f"{'several churn models begin' if several else 'no churn model begins'} with {one_line(named, NAME)!r}"
