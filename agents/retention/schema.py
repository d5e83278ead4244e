"""What the models may answer: choices are enumerated, every string is bounded."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from placet.contracts.analysis.assessment import Risk
from placet.contracts.base import Frozen

Driver = Literal[
    "short_tenure",
    "no_commitment",
    "fiber_service",
    "manual_payment",
    "no_internet_product",
    "long_tenure",
    "under_contract",
]
"""Reasons to leave or to stay that a profile can show."""

Read = Literal["products", "bills", "balances", "usage"]

MAX_SUMMARY = 200
MAX_RATIONALE = 200
_MIN_TEXT = 20


class AnalysisAnswer(Frozen):
    """Answer to the analyse prompt. The sentence comes first, so that the model reasons before it rates.

    `drivers` is narrowed by `analysis_schema` to those the profile bears out.
    """

    summary: Annotated[str, Field(min_length=_MIN_TEXT, max_length=MAX_SUMMARY)]
    drivers: Annotated[tuple[Driver, ...], Field(min_length=1, max_length=3)]
    risk: Risk
    reads: Annotated[tuple[Read, ...], Field(min_length=1, max_length=4)]
    months: Literal[3, 6, 12]


class PickAnswer(Frozen):
    """Answer to the propose prompt: `treatment` is narrowed to the eligible ones by `pick_schema`."""

    treatment: str
    rationale: Annotated[str, Field(min_length=_MIN_TEXT, max_length=MAX_RATIONALE)]


@lru_cache(maxsize=256)
def analysis_schema(supported: tuple[Driver, ...]) -> type[AnalysisAnswer]:
    """Make an `AnalysisAnswer` that admits only the drivers in `supported`."""
    choice: Any = Literal[supported]  # known only at run time
    drivers: Any = Annotated[tuple[choice, ...], Field(min_length=1, max_length=3)]
    return create_model("AnalysisAnswer", __base__=AnalysisAnswer, drivers=(drivers, ...))


@lru_cache(maxsize=256)
def pick_schema(eligible: tuple[str, ...]) -> type[PickAnswer]:
    """Make a `PickAnswer` that admits only the treatments in `eligible`: another pick is an invalid answer."""
    choice: Any = Literal[eligible]  # known only at run time
    return create_model("PickAnswer", __base__=PickAnswer, treatment=(choice, ...))
