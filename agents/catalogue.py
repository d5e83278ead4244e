"""The hosted applications: every folder here that holds an `agent.toml`. Adding one is adding a folder."""

import importlib
import tomllib
from functools import cache
from pathlib import Path

from agents.application import Application
from agents.manifest import read_manifest
from placet.contracts.customer import Declared
from placet.errors import ConfigurationError, UsageError

_HERE = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of the applications, sorted; nothing of theirs is imported."""
    return tuple(sorted(manifest.parent.name for manifest in _HERE.glob("*/agent.toml")))


def treatment_codes(name: str) -> tuple[str, ...]:
    """Read the codes in the application's catalogue of treatments, as data: nothing of it is imported."""
    try:
        catalogue = tomllib.loads((_HERE / name / "treatments.toml").read_text(encoding="utf-8"))
        return tuple(str(treatment["code"]) for treatment in catalogue["treatments"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"the treatments of agent {name!r} cannot be read: {error}") from error


def declared_facts(name: str) -> Declared:
    """Read what the application tells customers apart by, as data: nothing of the application is imported.

    Raises:
        UsageError: There is no such application; code `unknown_agent`.
        ConfigurationError: Its manifest is wrong.
    """
    if name not in names():
        raise UsageError(f"unknown agent {name!r}; known: {', '.join(names())}", code="unknown_agent")
    return read_manifest(_HERE / name / "agent.toml").facts


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
