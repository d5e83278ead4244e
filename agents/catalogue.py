"""The hosted applications: every folder here that holds an `agent.toml`. Adding one is adding a folder."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

from agents.application import Application
from agents.manifest import read_manifest
from placet.contracts.base import first_fault
from placet.contracts.customer import Declared
from placet.errors import ConfigurationError, UsageError
from placet.files import read_given
from placet.yaml_files import parse_yaml

_HERE = Path(__file__).parent


class _Action(BaseModel):
    kind: str


class _Treatment(BaseModel):
    code: str
    title: str
    action: _Action


class _Treatments(BaseModel):
    """What lists need of an application's `strategy.yaml`; all of it is read and checked where it decides."""

    treatments: tuple[_Treatment, ...]


def names() -> tuple[str, ...]:
    """Return the names of the applications, sorted; nothing of theirs is imported."""
    return tuple(sorted(manifest.parent.name for manifest in _HERE.glob("*/agent.toml")))


def treatment_codes(name: str) -> tuple[str, ...]:
    """Return the codes in the application's catalogue of treatments. Nothing of it is imported."""
    return tuple(treatment.code for treatment in _treatments(name))


def treatment_names(name: str) -> Mapping[str, str]:
    """Return what the application calls its treatments, by code. Nothing of it is imported."""
    return {treatment.code: treatment.title for treatment in _treatments(name)}


def treatment_kinds(name: str) -> Mapping[str, str]:
    """Return the kind of change that each of the application's treatments is, by code. Nothing of it is imported."""
    return {treatment.code: treatment.action.kind for treatment in _treatments(name)}


@cache
def _treatments(name: str) -> tuple[_Treatment, ...]:
    path = _HERE / name / "strategy.yaml"
    data = parse_yaml(read_given(path, "the catalogue"), str(path)).data
    try:
        return _Treatments.model_validate(data).treatments
    except ValidationError as error:
        raise ConfigurationError(f"the catalogue {str(path)!r} is wrong: {first_fault(error)}") from error


def declared_facts(name: str) -> Declared:
    """Return what the application tells customers apart by, read as data: nothing of the application is imported.

    Raises:
        UsageError: There is no such application; code `unknown_agent`.
        ConfigurationError: Its manifest is wrong.
    """
    if name not in names():
        raise UsageError(f"unknown agent {name!r}; known: {', '.join(names())}", code="unknown_agent")
    return read_manifest(_HERE / name / "agent.toml").facts


def declared_tasks() -> dict[str, tuple[str, ...]]:
    """Return what each application asks of models, read as data: nothing of the applications is imported.

    Raises:
        ConfigurationError: A manifest is wrong.
    """
    return {name: read_manifest(_HERE / name / "agent.toml").tasks for name in names()}


@cache
def load(name: str) -> Application:
    """Build the application in folder `name` once, with the function `build` of its module `agent`.

    Raises:
        UsageError: There is no such application; code `unknown_agent`.
        ConfigurationError: One of its files is wrong.
    """
    if name not in names():
        raise UsageError(f"unknown agent {name!r}; known: {', '.join(names())}", code="unknown_agent")
    module = importlib.import_module(f"agents.{name}.agent")
    application: Application = module.build()
    return application
