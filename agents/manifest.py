"""`agent.toml`: what an application says of itself, in one form for all of them."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from agents.model_calls.routing import TaskName
from placet.contracts.base import AgentName, Frozen
from placet.contracts.billing import BillingQuery
from placet.contracts.customer import MOST_FACTS, Declared
from placet.toml_files import load_toml


class Gate(Frozen):
    """What is asked of people where policy leaves it open."""

    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
    ttl_hours: Annotated[int, Field(ge=1, le=24 * 30)]


class Manifest(Frozen):
    """One application.

    Attributes:
        tasks: What it asks of models; the models file says of each which of them answer it.
        facts: What it tells customers apart by, beside status, tenure and risk.
    """

    name: AgentName
    gate: Gate
    tasks: tuple[TaskName, ...] = ()
    facts: Annotated[Declared, Field(max_length=MOST_FACTS)] = ()
    required_reads: tuple[BillingQuery, ...]

    @model_validator(mode="after")
    def _each_fact_once(self) -> Self:
        names = [fact.name for fact in self.facts]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"fact {name!r} is declared twice")
        return self


def read_manifest(path: Path) -> Manifest:
    """Read the manifest at `path`.

    Raises:
        ConfigurationError: It is missing, is not TOML, or says something impossible.
    """
    return load_toml(path, Manifest, "the manifest")
