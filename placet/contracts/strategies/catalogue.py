"""A catalogue: what an application weighs in a run that names no strategy. A strategy that nobody signs."""

from typing import Annotated, Final, Literal

from pydantic import Field

from placet.contracts.base import AgentName, Frozen
from placet.contracts.money import Currency
from placet.contracts.strategies.strategy import StrategyName, ValueModel
from placet.contracts.strategies.treatment import Expression, Sentence, StrategyTreatment, Title

CATALOGUE: Final = "placet-catalogue/1"


class Catalogue(Frozen):
    """One version of a catalogue, known by its digest.

    It says whom it is for, what they may be given and what that is worth, as a strategy does. It has no budget, no
    control group, no stages, no term and no contact rules of its own: nothing is cleared by it, so each proposal goes
    to the gate for itself, and the tenant's contact policy bounds it. Its conditions name what a run reads, and a month
    is what billing says of it.

    Attributes:
        agent: The application that it belongs to.
        cohort: For whom it is.
    """

    form: Literal["placet-catalogue/1"]
    name: StrategyName
    title: Title
    about: Sentence
    agent: AgentName
    currency: Currency
    cohort: Expression
    treatments: Annotated[tuple[StrategyTreatment, ...], Field(min_length=1, max_length=50)]
    value: ValueModel
