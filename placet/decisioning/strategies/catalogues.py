"""A catalogue from its text: shape, then sense, as a strategy's; it names the columns of a run."""

from collections.abc import Iterator
from dataclasses import dataclass

from placet.contracts.strategies.catalogue import CATALOGUE, Catalogue
from placet.contracts.strategies.findings import Finding
from placet.decisioning.cohorts.columns import Vocabulary
from placet.decisioning.strategies.bounds import catalogue_bounds
from placet.decisioning.strategies.conditions import condition_problems
from placet.decisioning.strategies.hints import treatment_hints
from placet.decisioning.strategies.problems import Problem
from placet.decisioning.strategies.reading import shaped_text, write_in_one_form
from placet.errors import YamlFault
from placet.yaml_files import parse_yaml


@dataclass(frozen=True, slots=True)
class ReadCatalogue:
    """What a text is.

    Attributes:
        catalogue: With its conditions in one form. None where there is an error.
        findings: In the order of the text.
    """

    catalogue: Catalogue | None
    findings: tuple[Finding, ...]


def agent_of_catalogue(text: str) -> str | None:
    """Return whose catalogue a text says that it is; empty where it does not say it; None: it is no catalogue."""
    try:
        data = parse_yaml(text, "").data
    except YamlFault:
        return None
    if not isinstance(data, dict) or data.get("form") != CATALOGUE:
        return None
    return str(data.get("agent") or "")


def read_catalogue(text: str, known: Vocabulary) -> ReadCatalogue:
    """Read and check a catalogue that a person wrote; nothing is raised for what is wrong with it.

    Args:
        text: It.
        known: The columns of its application's runs.
    """
    shaped = shaped_text(text, Catalogue)
    if isinstance(shaped, tuple):
        return ReadCatalogue(None, shaped)
    findings = shaped.findings(_problems(shaped.made, known))
    if any(one.severity == "error" for one in findings):
        return ReadCatalogue(None, findings)
    plain = shaped.made.model_dump()
    write_in_one_form(plain, known)
    return ReadCatalogue(Catalogue.model_validate(plain), findings)


def _problems(catalogue: Catalogue, known: Vocabulary) -> Iterator[Problem]:
    yield from condition_problems(catalogue, known)
    yield from catalogue_bounds(catalogue)
    yield from treatment_hints(catalogue.treatments)
