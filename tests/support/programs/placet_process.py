"""`placet` in a process of its own for each command, forked from one that has imported everything.

Half a second of a command is imports, and a suite runs hundreds. What is forked runs `main()` as the console script
does: its own environment, standard streams and exit code. `python -m tests.support.programs.placet_process` forks: a
line {"arguments": [...], "environment": {...}, "out": "...", "err": "..."} on stdin starts a command; its exit code
answers.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.world import PASSPHRASE


class _Forking:
    """The process that forks. One command at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.programs.placet_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.kill)

    def run(self, arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            asked = {"arguments": arguments, "environment": environment, "out": str(out), "err": str(err)}
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


@cache
def _forking() -> _Forking:
    return _Forking()


def placet(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the installation at `home`, with no settings but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    given = {**clean, "PLACET_HOME": str(home), "PLACET_KEY_PASSPHRASE": PASSPHRASE, **environment}
    return _forking().run(arguments, given)


def one_line(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line of a command that was refused."""
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def _serve() -> None:
    # What most commands import for themselves.
    import placet.engine.client
    import placet.entrypoints.connection
    import placet.entrypoints.services
    import placet.interfaces.cli.app
    import placet.replay  # noqa: F401

    for line in sys.stdin:
        sys.stdout.write(f"{_forked(json.loads(line))}\n")
        sys.stdout.flush()


def _forked(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    streams = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(asked["out"], os.O_WRONLY | os.O_CREAT),
        os.open(asked["err"], os.O_WRONLY | os.O_CREAT),
    )
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["placet", *asked["arguments"]]
    try:
        from placet.entrypoints.main import main

        main()
    except BaseException:  # noqa: BLE001 - whatever it was, a person would see it
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(70)


if __name__ == "__main__":
    _serve()
