"""A replay for the console is a process of its own: whatever its history does to it, it ends, and it is said."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from placet.entrypoints.processes.judging import Bounds, judge_apart
from placet.entrypoints.processes.process import await_condition
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.support.guard import GUARD
from tests.support.servers.console import console_of
from tests.support.world import World, world

RUN = "run-" + "0" * 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, temporal_address: str) -> Iterator[World]:
    with (
        running(SandboxConfig()) as bss,
        world(tmp_path_factory.mktemp("judging"), temporal_address, bss) as ours,
    ):
        yield ours


def refusal(settings: Settings, *command: str, bounds: Bounds | None = None, run_id: str = RUN) -> PlacetError:
    given = {"command": command} if command else {}
    with pytest.raises(PlacetError) as refused:
        judge_apart(settings, run_id, bounds or Bounds(seconds=GUARD), **given)
    assert "\n" not in str(refused.value)
    return refused.value


def test_a_run_is_judged_as_the_command_judges_it(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACET_TENANT", "of-another")  # the child is given its settings, whatever is around it
    found = judge_apart(made.settings, made.pending("C00009"), Bounds(seconds=GUARD, megabytes=512))
    assert (found.faults, found.state) == ((), "running")
    assert found.events > 0
    assert found.proposal is not None


def test_what_the_replay_refuses_is_refused_with_its_code(made: World) -> None:
    assert refusal(made.settings).code == "unknown_run"


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hangs = f"sleep 600 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    began = time.monotonic()
    refused = refusal(Settings(home=tmp_path), "/bin/sh", "-c", hangs, bounds=Bounds(seconds=1.0))
    assert time.monotonic() - began < GUARD
    assert refused.code == "replay_too_long"
    assert str(refused) == (
        f"it took longer than 1 s and was ended; `placet replay {RUN}` on the command line has no such bound"
    )
    for pid in pids.read_text().split():
        await_condition(lambda pid=pid: not alive(pid), seconds=GUARD, what=f"the end of {pid}")  # type: ignore[misc]


def test_the_page_says_that_a_replay_was_ended_and_others_do_not_wait_for_it(made: World) -> None:
    run_id = made.pending("C00006")
    with (
        console_of(made, replays=Bounds(seconds=0.3)) as console,
        console.signed_in("otto", "auditor") as http,
    ):
        place = f"/console/audit/replays/{run_id}"
        await_condition(lambda: "was ended" in http.get(place).text, seconds=GUARD, what="the end being told")
        assert (
            "It could not be replayed (replay_too_long): it took longer than 0.3 s and was ended"
            in http.get(place).text
        )
        assert http.get("/console/inbox").status_code == 200


def alive(pid: str) -> bool:
    """Whether the process runs; one that is dead, and that nobody has buried, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_that_needs_too_much_memory_is_ended(made: World) -> None:
    """Where a library makes another error of it, the process ends without an answer, which is no verdict either."""
    refused = refusal(made.settings, bounds=Bounds(seconds=GUARD, megabytes=48))
    assert refused.code in ("replay_too_large", "replay_failed"), refused


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise MemoryError", "ended with code 1 without an answer"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9 without an answer"),
        ("print('{\"state\": 1}')", "ended with code 0 without an answer"),
        ("import os; os._exit(77)", "it needed more than 2048 MB of memory and was ended"),
    ],
)
def test_one_that_ends_without_an_answer_is_said(tmp_path: Path, program: str, said: str) -> None:
    assert said in str(refusal(Settings(home=tmp_path), sys.executable, "-c", program))


def test_it_gives_way_to_what_serves_and_ends_with_its_parent(tmp_path: Path) -> None:
    """A parent that is killed leaves nobody behind."""
    child = (
        "import os, sys, time; from placet.entrypoints.processes import confining; "
        "from placet.entrypoints.processes.process import die_with_parent; die_with_parent(); confining.confine(2048); "
        "open(sys.argv[1] + '.new', 'w').write(f'{os.getpid()} {os.nice(0)}'); "
        "os.rename(sys.argv[1] + '.new', sys.argv[1]); time.sleep(600)"
    )
    parent = (
        "import sys; from pathlib import Path; from placet.entrypoints.settings import Settings; "
        "from placet.entrypoints.processes.judging import judge_apart; "
        "judge_apart(Settings(home=Path('.')), 'run-x', command=(sys.executable, '-c', sys.argv[1], sys.argv[2]))"
    )
    said = tmp_path / "said"
    process = subprocess.Popen([sys.executable, "-c", parent, child, str(said)])
    try:
        await_condition(said.exists, seconds=GUARD, what="the child's word")
    finally:
        process.kill()
        process.wait(GUARD)
    pid, niceness = said.read_text().split()
    assert int(niceness) >= min(19, os.nice(0) + 10)
    await_condition(lambda: not alive(pid), seconds=GUARD, what="the end of the child")
