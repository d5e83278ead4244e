"""`placet bench governance`: each figure stands beside its reference, nothing is left behind. No timing is asserted."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import log
from pathlib import Path
from typing import Any

import psutil
import pytest

from placet.bench.governance.databases.built_log import BuiltLog
from placet.bench.governance.databases.databases import SqliteFiles
from placet.bench.governance.figures import Figure
from placet.bench.governance.policy import hundred_policies
from placet.bench.governance.scale import PARTS, Scale
from placet.entrypoints.processes.process import await_condition
from placet.errors import UsageError
from tests.support.databases import Postgres
from tests.support.guard import GUARD

# One worker measures; the others wait for nothing.
pytestmark = pytest.mark.xdist_group("bench_governance")

ENTRIES = 2000
APPENDS = [
    "audit append, SQLite, 8 threads",
    "audit append, PostgreSQL, 8 threads",
    "audit append, PostgreSQL, 8 processes",
]
WITHOUT_AIM = ("decision envelope, signature only", "audit append, PostgreSQL, 8 threads")
KEPT = {".lockfile"}
"""What the embedded PostgreSQL leaves in the temporary folder for the next one; port locks are the stack's."""


@contextmanager
def outside() -> Iterator[Path]:
    """A temporary folder that is not pytest's: another session of the same user shuts that to all others.

    As root, the embedded PostgreSQL runs as somebody else, and stops when it cannot reach its own files any more.
    """
    with tempfile.TemporaryDirectory(prefix="placet-bench-test-") as folder:
        yield Path(folder)


def start(temporary: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "placet.entrypoints.program", "bench", "governance", "--entries", str(ENTRIES)]
    return subprocess.Popen(
        [*command, "--rounds", "2", *arguments],
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        cwd=temporary,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def bench(temporary: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start(temporary, *arguments, **environment)
    out, err = process.communicate(timeout=GUARD)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="module")
def temporary() -> Iterator[Path]:
    with outside() as folder:
        yield folder


@pytest.fixture(scope="module")
def measured(temporary: Path) -> dict[str, Any]:
    # An installation's settings must not reach the bench: this database could not even be opened.
    done = bench(temporary, "--json", PLACET_DATABASE_URL="sqlite:////nowhere/placet.db")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def names(measured: dict[str, Any], part: str) -> list[str]:
    return [figure["name"] for figure in measured["figures"] if figure["part"] == part]


def test_every_part_gives_its_figures_on_both_databases(measured: dict[str, Any]) -> None:
    assert names(measured, "policy") == [
        "policy question (propose), 100 policies",
        "policy question (decide), 100 policies",
    ]
    assert names(measured, "envelope") == [
        "decision envelope, every check",
        "decision envelope, signature only",
    ]
    assert names(measured, "gate") == [
        "gate share of a run, embedded model",
        "gate share of a run, inference scripted",
        "gate share of a run, worker CPU, inference scripted",
    ]
    servers = ("SQLite", "PostgreSQL")
    assert names(measured, "append") == APPENDS
    assert names(measured, "checkpoint") == [f"checkpoint of 2k new, {server}, 2k" for server in servers]
    assert names(measured, "proof") == [
        f"inclusion proof{which}, {server}, 2k" for server in servers for which in (" p50", " p99", ", largest")
    ]
    assert names(measured, "growth") == [
        f"{what}, {server}, 2k over 200" for server in servers for what in ("proof", "append", "checkpoint of 1k new")
    ]


def test_every_figure_has_a_reference_of_the_same_run(measured: dict[str, Any]) -> None:
    assert (measured["entries"], measured["rounds"]) == (ENTRIES, 2)
    for figure in measured["figures"]:
        assert figure["ours"] > 0, figure
        assert figure["reference"] > 0, figure
        assert figure["against"], figure
        assert figure["ratio"] == figure["ours"] / figure["reference"]


def test_every_aim_says_whether_it_is_met(measured: dict[str, Any]) -> None:
    aims = {"policy": 1.2, "envelope": 1.3, "checkpoint": 1000.0, "gate": 0.05, "growth": log(2000) / log(200)}
    for figure in measured["figures"]:
        if figure["limit"] is None:
            assert figure["name"] in WITHOUT_AIM
            assert figure["met"] is None
            continue
        assert figure["limit"] == aims.get(figure["part"], figure["limit"])
        value = figure["ours"] if figure["absolute"] else figure["ratio"]
        assert figure["met"] is (value >= figure["limit"] if figure["at_least"] else value <= figure["limit"])


def test_a_check_costs_no_less_than_the_bare_call_inside_it(measured: dict[str, Any]) -> None:
    # Not a timing: the bare call is a part of ours, so a ratio of half would show that something was left out.
    for figure in measured["figures"]:
        if figure["part"] in ("policy", "envelope"):
            assert figure["ratio"] > 0.5, figure


def test_the_proof_is_as_long_as_the_log_is_high(measured: dict[str, Any]) -> None:
    sizes = [figure for figure in measured["figures"] if figure["unit"] == "bytes"]
    assert [figure["reference"] for figure in sizes] == [11 * 32, 11 * 32]
    # Eleven hashes in base64 (44 characters), quotes, and a comma and a space between them.
    assert [figure["ours"] for figure in sizes] == [11 * 48, 11 * 48]


def test_nothing_is_left_in_the_temporary_folder(measured: dict[str, Any], temporary: Path) -> None:
    assert measured
    assert left_in(temporary) <= KEPT


def test_an_interrupted_bench_leaves_no_server_and_no_file() -> None:
    with outside() as folder:
        process = start(folder, "--only", "append", "--rounds", "100000")
        written = "placet-bench-*/postgres/postmaster.pid"

        def serving() -> bool:
            assert process.poll() is None, process.communicate()
            try:
                return any("ready" in postmaster.read_text() for postmaster in folder.glob(written))
            except FileNotFoundError:  # that of `initdb`, which writes one too and takes it away
                return False

        await_condition(serving, seconds=GUARD, what="the start of PostgreSQL")
        server = psutil.Process(int(next(folder.glob(written)).read_text().split()[0]))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=GUARD)
        assert process.returncode == 130
        # Nobody may have reaped it yet: its parent is gone.
        assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
        assert left_in(folder) <= KEPT


def left_in(temporary: Path) -> set[str]:
    return {path.name for path in temporary.iterdir() if "-port-" not in path.name}


def test_one_part_alone_measures_nothing_else(tmp_path: Path) -> None:
    done = bench(tmp_path, "--only", "envelope", "--json")
    assert done.returncode == 0, done.stderr
    assert {figure["part"] for figure in json.loads(done.stdout)["figures"]} == {"envelope"}


def test_a_table_shows_each_figure_and_its_reference(tmp_path: Path) -> None:
    done = bench(tmp_path, "--only", "policy", COLUMNS="120")  # a narrower table breaks the names of figures
    assert done.returncode == 0, done.stderr
    assert "policy question (propose), 100 policies" in done.stdout
    assert "reference, policy: cedarpy.is_authorized: same request, parsed set and schema" in done.stdout


def test_databases_on_a_given_server_are_dropped_again(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.url("postgres")
    done = bench(tmp_path, "--only", "append", "--postgres", url, "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert names(measured, "append") == APPENDS
    assert "fsync=off" in measured["notes"][1]  # it is the server of the tests that was measured
    with postgres.admin() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'placet_bench%'").fetchall()
    assert rows == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///file.db", "--postgres 'sqlite:///file.db' is not PostgreSQL"),
        ("nonsense", "--postgres cannot be read"),
        ("postgresql://u:secret@127.0.0.1:1/x", "--postgres 'postgresql://u:***@127.0.0.1:1/x': no database can be"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line(tmp_path: Path, url: str, said: str) -> None:
    done = bench(tmp_path, "--only", "append", "--postgres", url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"placet: {said}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UsageError, match="--only 'prof' is no part of the bench; known: policy, envelope, append"):
        Scale.of("policy,prof", 1000, 1)


def test_logs_are_compared_at_sizes_ten_times_apart() -> None:
    assert Scale.of(None, 10_000_000, 30).sizes == (10_000, 100_000, 1_000_000, 10_000_000)
    assert Scale.of(None, 2000, 1).sizes == (200, 2000)
    assert Scale.of(None, 1000, 1).parts == frozenset(PARTS)


def test_the_measured_set_has_a_hundred_policies_with_the_shipped_ones_in_force() -> None:
    policies = hundred_policies()
    assert len(policies.policies) == 100


def test_a_built_log_is_a_log_whose_proofs_verify_and_that_goes_on_growing(tmp_path: Path) -> None:
    with BuiltLog(SqliteFiles(tmp_path), 1234) as built:
        for number in range(20):
            _, size = built.proof_ms(number)
            assert size <= 11 * 48
        built.append_ms()
        for _ in range(2):
            built.checkpoint_ms(100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("p", "n", "ms", ours=3, reference=2, against="r", limit=1.5), True),
        (Figure("p", "n", "ms", ours=4, reference=2, against="r", limit=1.5), False),
        (Figure("p", "n", "ms", ours=4, reference=2, against="r", limit=1.5, at_least=True), True),
        (Figure("p", "n", "ms", ours=1, reference=2, against="r", limit=1.5, absolute=True), True),
        (Figure("p", "n", "ms", ours=4, reference=2, against="r", limit=1.5, absolute=True), False),
    ],
)
def test_an_aim_is_held_against_the_ratio_or_the_figure_itself(figure: Figure, met: bool) -> None:
    assert figure.aim is not None
    assert figure.aim.met is met
