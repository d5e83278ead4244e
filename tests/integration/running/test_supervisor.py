"""Parts that die are started again, unless they die again and again; nothing outlives who started it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from placet.entrypoints.processes import supervisor
from placet.entrypoints.processes.child_log import clean
from placet.entrypoints.processes.process import await_condition
from placet.entrypoints.processes.process_group import ProcessGroup
from placet.entrypoints.processes.supervisor import MOST_DEATHS, Deaths, pause_after, supervise
from placet.errors import ConfigurationError
from tests.support.guard import GUARD

FAMILY = "sleep 600 & echo $$ $! >> {folder}/pids; echo started; wait"
"""A part with a child of its own."""


def alive(pid: int) -> bool:
    """Is it running still (a zombie is not)?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], what: str) -> None:
    await_condition(condition, seconds=GUARD, what=what)


class Parts(ProcessGroup):
    """Shell scripts as parts."""

    def __init__(self, folder: Path, scripts: dict[str, str], **logs: int) -> None:
        super().__init__(folder / "logs", {}, **logs)
        self.folder, self.scripts = folder, scripts

    def start(self) -> None:
        for name, script in self.scripts.items():
            self.spawn(name, ["sh", "-c", script.format(folder=self.folder)])

    def pids(self) -> list[int]:
        """All that ever started, children's children included."""
        file = self.folder / "pids"
        return [int(word) for word in file.read_text().split()] if file.exists() else []


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_part_that_was_killed_is_started_again_and_said_so(
    tmp_path: Path, stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.01)
    said: list[str] = []
    with Parts(tmp_path, {"family": FAMILY}) as parts:
        until(lambda: len(parts.pids()) == 2, "the first start")
        first = parts.pids()

        def tell(line: str) -> None:
            said.append(line)

        def kill_then_stop() -> None:
            os.kill(first[0], signal.SIGKILL)
            until(lambda: len(parts.pids()) == 4, "the second start")
            stop.set()

        threading.Thread(target=kill_then_stop).start()
        supervise(parts, stop, tell)
        until(lambda: not any(map(alive, first)), "the end of the dead part's own child")
        assert all(map(alive, parts.pids()[2:]))
    until(lambda: not any(map(alive, parts.pids())), "the end of what was killed")  # SIGKILL takes a moment
    log = tmp_path / "logs" / "family.log"
    assert said == [f"family was killed by signal 9 (log: {str(log)!r}); starting it again in 0.01 s (1 of 4)"]
    assert log.read_text() == "started\nstarted\n"


def test_a_part_that_dies_again_and_again_ends_the_whole(
    tmp_path: Path, stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.01)
    said: list[str] = []
    parts = Parts(tmp_path, {"family": FAMILY, "broken": "echo no such port >&2; exit 3"})
    with parts:
        until(lambda: len(parts.pids()) == 2, "the start")
        with pytest.raises(
            ConfigurationError, match=r"^broken ended 5 times within 10 minutes, .* code 3: no such port"
        ):
            supervise(parts, stop, said.append)
    assert len(said) == MOST_DEATHS - 1
    until(lambda: not any(map(alive, parts.pids())), "the end of what was killed")  # SIGKILL takes a moment


def test_deaths_long_ago_do_not_count() -> None:
    now = 0.0
    deaths = Deaths(lambda: now)
    assert [deaths.count("worker") for _ in range(3)] == [1, 2, 3]
    now = 601.0
    assert deaths.count("worker") == 1
    assert [pause_after(count) for count in (1, 2, 3, 4, 9)] == [0.5, 1, 2, 4, 30]


def test_what_was_started_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    # The part ignores the polite signal, and so does its child: neither may stay.
    stubborn = f"trap '' TERM; {FAMILY.format(folder=tmp_path)}; wait; sleep 600"
    program = (
        "import sys, signal, pathlib\n"
        "from placet.entrypoints.processes.process import Child\n"
        "Child('part', ['sh', '-c', sys.argv[1]], pathlib.Path(sys.argv[2]))\n"
        "signal.pause()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, stubborn, str(tmp_path / "part.log")])
    pids = tmp_path / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the start")
    left = [int(word) for word in pids.read_text().split()]
    assert all(map(alive, left))
    parent.kill()
    parent.wait()
    until(lambda: not any(map(alive, left)), "the end of what was started")


def test_a_log_is_bounded_private_and_plain(tmp_path: Path, stop: threading.Event) -> None:
    noisy = r"""printf '\033[31mred\033[0m \033]8;;http://x\007link\033]8;;\007 \007bell\n'; seq 1 2000"""
    with Parts(tmp_path, {"noisy": noisy}, log_bytes=2_000, log_files=3) as parts:
        until(lambda: bool(parts.dead()), "its end")
    logs = sorted((tmp_path / "logs").iterdir())
    assert [log.name for log in logs] == ["noisy.log", "noisy.log.1", "noisy.log.2"]
    assert all(log.stat().st_size <= 2_000 and log.stat().st_mode & 0o077 == 0 for log in logs)
    assert logs[0].read_text().endswith("1999\n2000\n")
    assert clean("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x07bell") == "red link \\u0007bell"
