"""`placet up`: a killed worker costs no run, a killed `up` leaves nothing behind, the BSS tells what happens in it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from placet.entrypoints.processes.process import await_condition
from placet.entrypoints.settings import running_stack
from placet.service.documents.first_administrator import SetupCode
from placet.storage.database import Database
from tests.e2e.test_demo import environment, ours
from tests.integration.tmf.requests import ADJUST, adjustment
from tests.support.guard import GUARD

pytestmark = pytest.mark.xdist_group("model")

PLACET = [sys.executable, "-m", "placet.entrypoints.program"]


def test_a_killed_worker_costs_no_run_and_a_killed_up_leaves_nothing(tmp_path: Path) -> None:
    home, said = tmp_path / "home", tmp_path / "up.log"
    with said.open("w") as log:
        up = subprocess.Popen([*PLACET, "up"], env=environment(home), stdout=log, stderr=log)
    try:
        await_condition(lambda: "ready;" in said.read_text() or up.poll() is not None, seconds=GUARD, what="placet up")
        assert up.poll() is None, said.read_text()
        started = [*PLACET, "run", "start", "--customer", "C00003", "--key", "first", "--by", "olga"]
        subprocess.run(started, env=environment(home), check=True, capture_output=True)
        (worker,) = (one for one in ours(home) if "worker" in one.cmdline())
        worker.send_signal(signal.SIGKILL)
        with Database(f"sqlite:///{home / 'placet.db'}") as database:
            run_id = _only_run(database)
            await_condition(lambda: _state(database, run_id) == "awaiting_decision", seconds=GUARD, what="the gate")
        assert re.search(
            r"^worker was killed by signal 9 \(log: .*\); starting it again in 0.5 s", said.read_text(), re.MULTILINE
        )
        console = re.search(r"^  console +(http://localhost:\d+/console)$", said.read_text(), re.MULTILINE)
        assert console is not None
        assert "Sign in" in httpx.get(console[1], follow_redirects=True, timeout=GUARD).text
        code = re.search(r"^  first administrator: +\S+/console/setup with code (\S+)$", said.read_text(), re.MULTILINE)
        assert code is not None
        assert SetupCode(home / "setup.code", "demo").check(code[1])
        left = ours(home)
        assert {one.name() for one in left} > {"temporal"}
        up.kill()
        up.wait()
        await_condition(lambda: not [one for one in left if _works(one)], seconds=GUARD, what="the end of all parts")
        assert ours(home) == []
        assert running_stack(home) == {}
        assert not [path for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o077]
    finally:
        up.kill()


def _works(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _only_run(database: Database) -> str:
    with database.reading() as tx:
        (run,) = tx.runs.list("demo")
    return run.run_id


def _state(database: Database, run_id: str) -> str:
    with database.reading() as tx:
        run = tx.runs.get(run_id)
    assert run is not None
    return run.state


def test_what_happens_at_the_sandbox_bss_is_in_the_customers_state(tmp_path: Path) -> None:
    home, said = tmp_path / "home", tmp_path / "up.log"
    with said.open("w") as log:
        up = subprocess.Popen([*PLACET, "up"], env=environment(home), stdout=log, stderr=log)
    try:
        await_condition(lambda: "ready;" in said.read_text() or up.poll() is not None, seconds=GUARD, what="placet up")
        address = re.search(r"^  bss_url +(\S+)$", said.read_text(), re.MULTILINE)
        assert address is not None, said.read_text()
        httpx.post(f"{address[1]}{ADJUST}", json=adjustment("C00003", 7.5), timeout=GUARD).raise_for_status()
        await_condition(lambda: "7.50 USD credited" in _shown(home), seconds=GUARD, what="the credit in the state")
        assert "from      “tmf688:bss”" in _shown(home)
        doctor = subprocess.run([*PLACET, "doctor"], env=environment(home), capture_output=True, text=True, check=False)
        said_so = f"ok BSS events the BSS at {address[1]} sends its events to http://127.0.0.1:"
        assert said_so in " ".join(doctor.stdout.split())
        assert not [path for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o077]
        secret = (home / "listener.token").read_text().strip()
        logs = "".join(path.read_text() for path in (home / "logs").iterdir())
        assert secret not in logs + said.read_text() + doctor.stdout
    finally:
        up.send_signal(signal.SIGINT)
        try:
            up.wait(GUARD)
        finally:
            up.kill()
    assert ours(home) == []


def _shown(home: Path) -> str:
    shown = [*PLACET, "state", "show", "C00003"]
    return subprocess.run(shown, env=environment(home), check=True, capture_output=True, text=True).stdout
