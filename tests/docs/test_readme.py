"""The README's commands, run as a newcomer would, on the stack it starts: real Temporal, BSS, model, worker."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from placet.entrypoints.processes.process import await_condition
from placet.entrypoints.settings import running_stack
from tests.support.guard import GUARD

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """`placet up` in a folder of its own; yields the environment of the other terminal."""
    folder = tmp_path_factory.mktemp("newcomer")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PLACET_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PLACET_KEY_PASSPHRASE": "correct horse",
        "FOLDER": str(folder),
        "PLACET_HOME": str(folder / "another home"),
    }
    log = (folder / "up.log").open("w")
    # What this terminal was told of an earlier stack must not lead the worker of this one away.
    stale = {**environment, "PLACET_TEMPORAL_ADDRESS": "127.0.0.1:9"}
    up = subprocess.Popen(["placet", "up"], cwd=folder, env=stale, stdout=log, stderr=log)
    try:
        said = folder / "up.log"
        await_condition(lambda: "ready" in said.read_text() or up.poll() is not None, seconds=GUARD, what="placet up")
        assert up.poll() is None, said.read_text()
        children = psutil.Process(up.pid).children(recursive=True)
        yield environment
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(GUARD) == 0, (folder / "up.log").read_text()
        log.close()
    left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert left == []
    assert running_stack(folder / "another home") == {}


def test_the_readme_shows_the_two_commands() -> None:
    assert "\nmake demo " in README
    assert "\nmake test " in README
    assert len(BLOCKS) == 11
    assert ".placet/" not in "".join(BLOCKS)


@pytest.mark.xdist_group("model")
def test_every_command_of_the_readme_does_what_it_says(newcomer: dict[str, str]) -> None:
    script = "set -euo pipefail\n" + "\n".join(BLOCKS)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=newcomer["FOLDER"],
        env=newcomer,
        capture_output=True,
        text=True,
        timeout=4 * GUARD,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    assert "approve by anna: accepted" in shown
    assert shown.count("the history replays and every digest holds") == 2
    assert "state     executed" in shown
    assert "reversed  by run-" in shown
    assert "four-eyes" in shown or "may-propose" in shown


@pytest.mark.xdist_group("model")
def test_doctor_finds_the_running_stack_sound(newcomer: dict[str, str]) -> None:
    done = subprocess.run(
        ["placet", "doctor"],
        cwd=newcomer["FOLDER"],
        env=newcomer,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
