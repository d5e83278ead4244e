"""An installation that meets another one's Temporal says so at once; no other one's workers take its runs."""

import time
from pathlib import Path

import pytest

from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.connection import connect
from placet.entrypoints.main import Tools
from placet.entrypoints.settings import Settings
from placet.interfaces.cli.app import run
from tests.security.perimeter.impostor import stranger
from tests.support.programs.command import Command, WorldTools
from tests.support.world import World


def test_another_installations_temporal_is_asked_for_nothing(
    a_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_world.pending("C00005")
    here = Settings(home=tmp_path / "other", temporal_address=a_world.settings.temporal_address)
    tools = Tools()
    vars(tools)["settings"] = here
    began = time.monotonic()
    code = run(["run", "start", "--customer", "C00005", "--key", "k", "--wait", "60"], tools)
    said = capsys.readouterr()
    with tools.database().reading() as tx:
        recorded = tx.runs.list(here.tenant, limit=10)
    tools.database().close()
    assert (code, time.monotonic() - began < 30, said.out, recorded) == (1, True, "", ())
    queue = load_or_create_key(here.payload_key).task_queue
    (line,) = said.err.splitlines()
    assert line.startswith("placet: this Temporal serves another installation (placet-")
    assert a_world.engine.task_queue in line
    assert queue in line


def test_the_queue_is_the_installations_own_and_run_show_names_it(a_world: World, command: Command) -> None:
    run_id = a_world.pending("C00005")
    engine = a_world.run(connect(a_world.settings))
    name = load_or_create_key(a_world.settings.payload_key).installation
    assert engine.task_queue == f"placet-{name}"
    assert f"installation {name}" in command("run", "show", run_id).out
    assert a_world.run(a_world.engine.meeting()).warning is None


def test_reconcile_says_what_it_found(a_world: World, command: Command) -> None:
    tools = WorldTools(a_world)
    tools.settings = a_world.settings.model_copy(update={"reconcile_grace_seconds": 0.0})
    assert run(["reconcile"], tools) == 0  # this Temporal is met
    run_id = a_world.pending("C00005")
    a_world.run(a_world.engine.handle(run_id).terminate())
    theirs = a_world.run(stranger(a_world).start_workflow("GovernedRun", id=run_id, task_queue="another-installation"))
    assert run(["reconcile"], tools) == 1
    assert a_world.record(run_id).state == "awaiting_decision"
    soon = command("reconcile")
    assert (soon.code, soon.out) == (0, "every run that is not over and has not moved for 60 s has its workflow\n")
    assert soon.err == "1 run moved within the last 60 s, too young to judge: ask again after that\n"
    a_world.run(theirs.terminate())
    assert run(["reconcile"], tools) == 0
    assert a_world.record(run_id).state == "failed"
