import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from placet.sandbox.config import SandboxConfig
from placet.sandbox.errors import SandboxError
from placet.sandbox.server import running
from tests.integration.tmf.requests import ADJUST, CUSTOMER, adjustment
from tests.support.guard import GUARD
from tests.support.servers import asking

SERVE = """
import sys
from pathlib import Path
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import serve
serve(SandboxConfig(database=Path(sys.argv[1])), on_ready=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_served_sandbox_tells_its_address_ends_on_a_signal_and_loses_nothing(
    tmp_path: Path, ending: signal.Signals
) -> None:
    database = tmp_path / "bss.sqlite"
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(database)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert asking.post(f"{url}{ADJUST}", json=adjustment("C00001", 5)).status_code == 201
        os.kill(process.pid, ending)
        assert process.wait(GUARD) in {0, -ending}
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    with running(SandboxConfig(database=database)) as url:
        assert asking.get(f"{url}/sandbox/effects").json()["adjustments"] == 1


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with running(SandboxConfig()) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(SandboxError) as refusal, running(SandboxConfig(port=port)):
            pass
    assert str(refusal.value) == (
        f"sandbox cannot listen on '127.0.0.1' port {port}: Address already in use; try port 0"
    )


def test_a_database_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "folder.sqlite", tmp_path):
        with pytest.raises(SandboxError, match="cannot be opened") as refusal, running(SandboxConfig(database=path)):
            pass
        assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing to see here\n" * 100)
    with pytest.raises(SandboxError, match="file is not a database"), running(SandboxConfig(database=path)):
        pass


def test_a_database_locked_by_somebody_else_is_answered_503_and_nothing_is_half_done(tmp_path: Path) -> None:
    path = tmp_path / "bss.sqlite"
    with (
        running(SandboxConfig(database=path, busy_timeout_s=0.1)) as url,
        httpx.Client(base_url=url, timeout=GUARD) as client,
    ):
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        response = client.post(ADJUST, json=adjustment("C00001", 5))
        holder.execute("ROLLBACK")
        holder.close()
        assert (response.status_code, response.json()["code"]) == (503, "databaseUnavailable")
        assert client.get("/sandbox/effects").json()["adjustments"] == 0
        assert client.post(ADJUST, json=adjustment("C00001", 5)).status_code == 201


def test_sandboxes_in_one_process_share_nothing() -> None:
    with running(SandboxConfig()) as one, running(SandboxConfig()) as other:
        assert asking.post(f"{one}{ADJUST}", json=adjustment("C00001", 5)).status_code == 201
        assert asking.get(f"{one}/sandbox/effects").json()["adjustments"] == 1
        assert asking.get(f"{other}/sandbox/effects").json()["adjustments"] == 0


def test_the_series_follow_the_present_day_when_none_is_configured() -> None:
    with running(SandboxConfig()) as url:
        started = asking.get(f"{url}{CUSTOMER}/C00489").json()["validFor"]["startDateTime"]
        today = asking.get(f"{url}/sandbox/health").headers["date"]
    assert int(started[8:10]) == int(today[5:7])
