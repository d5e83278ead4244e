"""`placet bench console`: copies that pages accept, figures beside their reference. No timing is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from placet.bench.console.figures import Live, Measurement, Sample
from placet.bench.console.seeding import Template, copies, put, run_id_of
from placet.bench.governance.databases.databases import SqliteFiles
from placet.contracts.billing import Evidence
from placet.contracts.proposal import Proposal
from placet.service.inbox import parse_filter, read_inbox
from placet.storage.database import Database
from tests.support.databases import Postgres
from tests.support.guard import GUARD
from tests.support.world import World

BENCH = (sys.executable, "-m", "placet.entrypoints.program", "bench", "console")
pytestmark = pytest.mark.xdist_group("bench_console")


def test_copies_of_runs_hold_as_the_real_ones_do(a_world: World, tmp_path: Path) -> None:
    world = a_world
    executed = world.pending("C00009")
    world.approve(executed, world.approver())
    waiting = world.pending("C00005")
    server = SqliteFiles(tmp_path)
    url = server.new()
    with Database(url) as database:
        database.migrate()
        put(server, url, copies(Template.of(world.database, waiting), range(5)))
        put(server, url, copies(Template.of(world.database, executed), range(5, 25)))
        assert database.weakened() == (), "the guards are back"
        inbox = read_inbox(database, "demo", parse_filter({}), world.now(), limit=10)
        assert [row.record.run_id for row in inbox.rows] == [run_id_of(number) for number in range(5)]
        assert all(row.fault == "" for row in inbox.rows)
        with database.reading() as tx:
            for number in (0, 24):
                run = tx.runs.get(run_id_of(number))
                assert run is not None
                assert run.customer_id == f"B{number:05d}"
                assert tx.audit.verify(run.run_id) == (6 if number == 0 else 11)
                proposal = tx.artifacts.get_model(str(run.proposal), Proposal, tenant="demo")
                evidence = tx.artifacts.get_model(proposal.evidence, Evidence, tenant="demo")
                assert (proposal.run_id, proposal.customer_id) == (run.run_id, run.customer_id)
                assert evidence.customer.customer_id == run.customer_id


def test_each_page_is_measured_on_both_databases_and_nothing_is_left(tmp_path: Path, postgres: Postgres) -> None:
    # An installation's settings must not reach the bench: this database could not even be opened.
    size = ("--runs", "300", "--pending", "10", "--requests", "5")
    done = subprocess.run(
        [*BENCH, *size, "--json", "--postgres", postgres.url("postgres")],
        env={**os.environ, "TMPDIR": str(tmp_path), "PLACET_DATABASE_URL": "sqlite:////nowhere/placet.db"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert {(one["database"], one["runs"]) for one in measured["samples"]} == {
        (database, runs) for database in ("SQLite", "PostgreSQL") for runs in (30, 300)
    }
    names = {one["name"] for one in measured["samples"]}
    assert {"inbox", "run page", "runs", "walkthrough", "start a run"} <= names
    assert all(one["p50_ms"] > 0 and one["reference_p50_ms"] > 0 for one in measured["samples"])
    assert 10_000 < measured["first_paint"] <= 100 * 1024
    assert len(measured["aims"]) == 9
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("placet-bench-")] == []


def test_aims_are_those_of_the_largest_database() -> None:
    small, large = (Sample("SQLite", runs, "inbox", 10, p95, 5, 1, 2, 100) for runs, p95 in ((10, 999.0), (100, 149.0)))
    live = (Live("SQLite", 10, 100, 0.9), Live("SQLite", 100, 100, 0.1))
    measured = Measurement(5, 5, (small, large), live, 90_000, ())
    assert [(aim.value, aim.met) for aim in measured.aims()] == [(149.0, True), (0.1, True), (90_000.0, True)]


def test_more_pending_runs_than_a_tenth_are_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*BENCH, "--runs", "1000", "--pending", "100"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
