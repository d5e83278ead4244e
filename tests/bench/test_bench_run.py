"""`placet bench run`: the figures are of real runs, complete, and nothing is left behind. No timing is asserted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from placet.bench import bare
from placet.bench.figures import Aim, Effects
from placet.entrypoints.processes.process import await_condition
from tests.support.guard import GUARD

# One worker measures; the others wait for nothing.
pytestmark = pytest.mark.xdist_group("bench_run")

RUNS, IN_FLIGHT, WARM_UP = 10, 5, 3
MEASURED = {
    "runs_per_second",
    "rounds",
    "alone_ms",
    "to_waiting_ms",
    "decision_ms",
    "decision_under_load_ms",
    "events",
    "history_bytes",
    "cpu_ms",
    "server_cpu_ms",
    "bss_cpu_ms",
    "peak_rss_mb",
    "model_library",
}


@pytest.fixture(autouse=True)
def no_bench_left_behind() -> Iterator[None]:
    """A test that fails must not leave its bench running beside all the others."""
    yield
    for child in psutil.Process().children():
        if "bench" in child.cmdline():
            child.kill()


def bench(temporary: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "placet.entrypoints.program", "bench", "run", "--runs", str(RUNS), *arguments],
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        cwd=temporary,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("b")


@pytest.fixture(scope="module")
def figures(temporary: Path) -> dict[str, Any]:
    # An installation's settings must not reach the bench: this database could not even be opened.
    process = bench(
        temporary, "--in-flight", str(IN_FLIGHT), "--json", PLACET_DATABASE_URL="sqlite:////nowhere/placet.db"
    )
    out, err = process.communicate(timeout=GUARD)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def test_every_governed_run_changed_the_bss_exactly_once(figures: dict[str, Any]) -> None:
    every_run = WARM_UP + RUNS + RUNS  # warm-up, alone, under load
    assert figures["effects"] == {
        "executed_runs": every_run,
        "distinct_receipts": every_run,
        "changes_in_bss": every_run,
    }


def test_both_kinds_are_measured_by_the_same_figures(figures: dict[str, Any]) -> None:
    assert (figures["runs"], figures["alone_runs"], figures["in_flight"]) == (RUNS, RUNS, IN_FLIGHT)
    for kind in ("bare", "governed"):
        measured = figures[kind]
        assert set(measured) == MEASURED
        assert len(measured["rounds"]) == 3
        some = {name for name, value in measured.items() if name == "rounds" or value > 0}
        assert some >= MEASURED - {"model_library", "bss_cpu_ms"}
    assert figures["governed"]["bss_cpu_ms"] > 0


def test_the_bare_run_is_five_activities_and_a_signal(figures: dict[str, Any]) -> None:
    # 1 start, 5 x 3 for the activities, 7 x 3 for the workflow tasks between them, 1 signal, 1 end
    assert figures["bare"]["events"] == 39
    assert len(bare.ACTIVITIES) == 5


def test_no_model_library_is_loaded_where_inference_is_scripted(figures: dict[str, Any]) -> None:
    assert figures["governed"]["model_library"] is False


def test_every_aim_says_whether_it_is_met(figures: dict[str, Any]) -> None:
    assert [aim["name"] for aim in figures["aims"]] == [
        "throughput over bare",
        "decision to executed over bare",
        "server CPU over bare",
        "worker CPU per run, ms",
        "history, bytes per run",
        "history, events per run",
        "worker peak memory, MiB",
    ]
    for aim in figures["aims"]:
        assert aim["met"] is (aim["value"] >= aim["limit"] if aim["at_least"] else aim["value"] <= aim["limit"])


def test_nothing_is_left_in_the_temporary_folder(figures: dict[str, Any], temporary: Path) -> None:
    assert figures
    assert list(temporary.iterdir()) == []


def test_an_interrupted_bench_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    process = bench(tmp_path / "b")
    children = started_parts(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=GUARD)
    assert process.returncode == 130
    assert_gone(children, tmp_path / "b")


def test_a_bench_whose_worker_dies_says_so_in_one_line_and_stops_the_rest(tmp_path: Path) -> None:
    process = bench(tmp_path / "b", "--runs", "100000")
    children = started_parts(process)
    [home] = (tmp_path / "b").iterdir()
    await_condition((home / "governed.ready").exists, seconds=GUARD, what="the governed worker's first poll")
    next(child for child in children if "governed_worker" in " ".join(child.cmdline())).kill()
    _, err = process.communicate(timeout=GUARD)
    assert process.returncode == 1
    assert err.startswith("placet: governed_worker was killed by signal 9")
    assert err.count("\n") == 1
    assert_gone(children, tmp_path / "b")


def started_parts(process: subprocess.Popen[str]) -> list[psutil.Process]:
    parent = psutil.Process(process.pid)
    # Temporal, the BSS, two workers, and the reaper that ends them should the bench be killed
    await_condition(lambda: len(parent.children()) == 5, seconds=GUARD, what="the start of five processes")
    return parent.children(recursive=True)


def assert_gone(children: list[psutil.Process], temporary: Path) -> None:
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(1.0, True, True), (0.99, True, False), (1.5, False, False), (1.0, False, True)]
)
def test_an_aim_is_met_on_the_right_side_of_its_limit(value: float, at_least: bool, met: bool) -> None:
    assert Aim("figure", value, 1.0, at_least=at_least).met is met


@pytest.mark.parametrize(
    ("effects", "once_each"), [((5, 5, 5), True), ((5, 5, 6), False), ((5, 5, 4), False), ((5, 4, 5), False)]
)
def test_one_effect_too_many_or_too_few_is_noticed(effects: tuple[int, int, int], once_each: bool) -> None:
    assert Effects(*effects).once_each is once_each
