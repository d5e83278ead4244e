"""The structure of docs/architecture.md: layers, ports and their implementations, what passes through the sandbox."""

import inspect
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from temporalio import activity
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities import all_activities
from placet import ports
from placet.entrypoints.worker import sandbox

ROOT = Path(__file__).parents[2]
FREE = {"bench", "demo", "doctor", "entrypoints", "replay"}
"""Rooms that may know everything: what a person runs beside the product, and the processes."""


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_is_held_by_a_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = {module for contract in contracts for module in contract["source_modules"]}
    rooms = {path.parent.name for path in (ROOT / "placet").glob("*/__init__.py")} - FREE
    assert {f"placet.{room}" for room in rooms} - held == set()
    assert {"workflows", "activities", "agents", "plugins"} <= held


def test_no_room_holds_more_than_a_reader_can_keep_in_mind() -> None:
    for top in ("placet", "workflows", "activities", "agents", "plugins", "tests"):
        for folder in [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())]:
            modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
            assert len(modules) <= 15, f"{folder.relative_to(ROOT)} holds {len(modules)} modules; give it rooms"


NOTHING: Any = None
"""In place of a worker's context: what the steps are called and take depends on none."""

PORTS = {name: port for name, port in vars(ports).items() if inspect.isfunction(port)}


@pytest.fixture(scope="module")
def implementations() -> dict[str, Callable[..., object]]:
    found = {}
    for method in all_activities(NOTHING, NOTHING):
        definition = activity._Definition.must_from_callable(method)
        found[str(definition.name)] = method
    return found


def test_each_port_has_one_implementation(implementations: dict[str, Callable[..., object]]) -> None:
    assert sorted(implementations) == sorted(PORTS)


@pytest.mark.parametrize("name", sorted(PORTS))
def test_an_implementation_takes_and_gives_what_its_port_says(
    name: str, implementations: dict[str, Callable[..., object]]
) -> None:
    port, method = PORTS[name], implementations[name]
    assert list(inspect.signature(method).parameters) == list(inspect.signature(port).parameters)
    assert get_type_hints(method) == get_type_hints(port)


def test_only_messages_and_signatures_pass_through_the_sandbox() -> None:
    """What passes through is not checked: a clock that is read there would be found by nobody."""
    passed = sandbox().restrictions.passthrough_modules
    assert passed - SandboxRestrictions.default.passthrough_modules == {"placet.contracts", "placet.ports"}
