"""`placet bench workers`: real workers on a real PostgreSQL, each effect once. No timing is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from placet.bench.workers import Growth, Step
from tests.support.databases import Postgres
from tests.support.guard import GUARD

pytestmark = pytest.mark.xdist_group("bench_workers")

RUNS = 10


def bench(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "placet.entrypoints.program", "bench", "workers", "--runs", str(RUNS)]
    return subprocess.run(
        [*command, "--in-flight", "5", *arguments],
        env={**os.environ, "TMPDIR": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )


def test_one_two_and_four_workers_share_a_database_and_nothing_is_left(tmp_path: Path, postgres: Postgres) -> None:
    # An installation's settings must not reach the bench: this database could not even be opened.
    done = bench(
        tmp_path, "--json", "--postgres", postgres.url("postgres"), PLACET_DATABASE_URL="sqlite:////nowhere/placet.db"
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert [(step["workers"], len(step["rounds"])) for step in measured["steps"]] == [(1, 2), (2, 2), (4, 1)]
    for step in measured["steps"]:
        assert step["over_one"] == step["runs_per_second"] / measured["steps"][0]["runs_per_second"]
        assert min(step["worker_cpu_ms"], step["server_cpu_ms"], step["bss_cpu_ms"]) > 0
    assert "fsync=off" in measured["durability"]  # it is the server of the tests that was measured
    assert [path.name for path in tmp_path.iterdir() if "-port-" not in path.name] == []
    with postgres.admin() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'placet_bench%'").fetchall()
    assert rows == []


def test_a_server_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    done = bench(tmp_path, "--postgres", "sqlite:///file.db")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("placet: --postgres 'sqlite:///file.db' is not PostgreSQL")


@pytest.mark.parametrize(("rate", "met"), [(16.0, True), (15.9, False)])
def test_two_workers_are_held_against_one(rate: float, met: bool) -> None:
    one, two = (Step(workers, (each,), 1, 1, 1) for workers, each in ((1, 10.0), (2, rate)))
    growth = Growth(RUNS, 5, "", (one, two))
    assert growth.over_one(one) == 1
    assert growth.aim.met is met
