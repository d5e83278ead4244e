"""`placet bench rollout`: a real stage, each customer once by the BSS's own ledger. No timing is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from placet.bench.rollout.crowd import draw_crowd
from placet.bench.rollout.figures import Ledger, Mark, Staged
from placet.bench.rollout.publishing import bench_strategy
from tests.support.guard import GUARD

pytestmark = pytest.mark.xdist_group("bench_rollout")

CUSTOMERS = 20


def test_each_customer_of_a_stage_gets_one_credit_and_nobody_else_any(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "placet.entrypoints.program",
            "bench",
            "rollout",
            "--customers",
            str(CUSTOMERS),
            "--runs",
            "10",
            "--in-flight",
            "5",
            "--json",
        ],
        # An installation's settings must not reach the bench: this database could not even be opened.
        env={**os.environ, "TMPDIR": str(tmp_path), "PLACET_DATABASE_URL": "sqlite:////nowhere/placet.db"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ledger = found["ledger"]
    assert (found["customers"], ledger["changed_once"], ledger["others_changed"]) == (CUSTOMERS, CUSTOMERS, 0)
    assert ledger["given_minor"] == ledger["spent_minor"] > 0
    assert found["marks"][-1]["percent"] == 100
    assert [round(mark["resident_mb"]) > 0 for mark in found["marks"]] == [True] * len(found["marks"])
    assert found["taken_down"] > CUSTOMERS
    assert 0 < max(found["histories"]) <= 2_100
    for aim in found["aims"]:
        assert aim["met"] is (aim["value"] >= aim["limit"] if aim["at_least"] else aim["value"] <= aim["limit"])
    assert list(tmp_path.iterdir()) == []


def test_a_crowd_has_as_many_as_the_stage_treats() -> None:
    crowd = draw_crowd(bench_strategy(50), 50)
    assert len(crowd.treated) == 50
    assert len({*crowd.treated, *crowd.others}) == len(crowd.everybody) > 50


@pytest.mark.parametrize(("late_mb", "met"), [(110.0, True), (130.0, False)])
def test_memory_that_grows_with_the_stage_is_missed(late_mb: float, met: bool) -> None:
    sizes = ((10, 100.0), (50, 100.0), (60, 100.0), (100, late_mb))
    marks = tuple(Mark(percent, 1.0 * percent, size, 50.0) for percent, size in sizes)
    ledger = Ledger(10, 0, 1000, 1000)
    found = Staged(10, 20, 10, 5, 1.0, 1.0, (10.0, 10.0), marks, ledger, (100,), 1_000)
    assert {aim.name: aim.met for aim in found.aims()}["worker memory, at 100 % over 10 %"] is met
