"""The program itself when the machine, or the person at it, cuts it short: one line, or none, and never a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.guard import GUARD

PROGRAM = ("-m", "placet.entrypoints.program")


def environment(home: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    return {**clean, "PLACET_HOME": str(home)}


@pytest.mark.parametrize("command", [("run", "list"), ("env",), ("audit", "log", "--help")])
def test_a_full_disk_is_one_line_that_says_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, *PROGRAM, "migrate"], env=environment(tmp_path), check=True, capture_output=True)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *PROGRAM, *command],
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"placet: cannot go on: No space left on device: {str(tmp_path)!r}, or where this is")
    assert line.endswith("make room there, or choose another place")


def test_an_interruption_while_it_is_still_importing_ends_it_without_a_word(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *PROGRAM, "run", "list"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:  # each module, as soon as it is imported
        if line.rstrip().endswith("placet.errors"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=GUARD)
    assert (process.returncode, out) == (130, "")
    assert [line for line in err.splitlines() if not line.startswith("import time:")] == []
