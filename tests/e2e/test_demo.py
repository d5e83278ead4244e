"""`placet demo`, as a newcomer runs it: it shows a real change, and leaves nothing running, also on Ctrl-C."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from placet.entrypoints.processes.process import await_condition
from tests.support.guard import GUARD

pytestmark = pytest.mark.xdist_group("model")


def environment(home: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    return {**clean, "PLACET_HOME": str(home)}


def ours(home: Path) -> list[psutil.Process]:
    """Processes that still work in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            touched = str(home) in " ".join(process.cmdline()) or str(home) in process.environ().get("PLACET_HOME", "")
            if touched and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_the_demo_changes_the_customer_in_the_bss_and_leaves_nothing_running(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "placet.entrypoints.program", "demo"],
        # An operator's own addresses in the environment must not be reached by what signs by itself.
        env={**environment(tmp_path / "home"), "PLACET_BSS_URL": "http://127.0.0.1:9", "PLACET_TENANT": "acme"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("(1) analyse", "(2) query billing", "(3) propose", "(4) gate", "(4) approve", "execute"):
        assert step in done.stdout
    assert "signing as the simulated approver demo-approver" in done.stdout
    before, after = (line.split("after")[-1].split("before")[-1].strip() for line in _reports(done.stdout))
    assert before != after
    assert "the run ended executed" in done.stdout
    assert re.search(r"^  http://localhost:\d+/console/walkthrough/[A-Za-z0-9_-]{160}$", done.stdout, re.MULTILINE)
    assert ours(tmp_path / "home") == []


@pytest.mark.parametrize("moment", ["starting", "running"])
def test_interrupting_the_demo_leaves_nothing_running(tmp_path: Path, moment: str) -> None:
    home = tmp_path / "home"
    log = tmp_path / "out.log"
    with log.open("w") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "placet.entrypoints.program", "demo"],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    sign = {
        "starting": (home / "demo" / "logs" / "worker.log").exists,
        "running": lambda: "stack up in" in log.read_text(),
    }[moment]
    await_condition(sign, seconds=GUARD, what=moment)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(GUARD) == 130
    assert "Traceback" not in log.read_text()
    assert ours(home) == []


def _reports(text: str) -> list[str]:
    lines = text.splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith("the BSS reports")]
    return lines[start : start + 2]


def test_a_second_stack_in_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with (home / "stack.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-m", "placet.entrypoints.program", "up"],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("placet: a stack is running in")
    assert not (home / "logs").exists()
