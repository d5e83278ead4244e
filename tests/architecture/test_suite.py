"""The suite itself: tests that share something dear run on one worker, and each worker finds the same tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_no_setting_of_the_terminal_reaches_a_test() -> None:
    """After `eval "$(placet env)"` a terminal names a real installation: no test may write to its home."""
    assert [name for name in os.environ if name.startswith("PLACET_") and name != "PLACET_TMF_SPECS"] == []


@pytest.mark.xdist_group("kept_together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process")
def test_groups_are_kept_together(request: pytest.FixtureRequest) -> None:
    """With a pytest whose ids it does not know, pytest-xdist ignores groups without a word."""
    assert request.node.nodeid.endswith("@kept_together")


def test_another_process_at_another_time_finds_the_same_tests(request: pytest.FixtureRequest) -> None:
    """pytest-xdist runs nothing when two workers find other tests: a name may hold no time and no order of a set."""
    here = {re.sub(r"@[\w-]+$", "", item.nodeid) for item in request.session.items}
    files = sorted({name.partition("::")[0] for name in here})
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *files]
    seed = str(int(os.environ.get("PYTHONHASHSEED", "0").replace("random", "0")) + 1)
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    there = subprocess.run(collect, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert there.returncode == 0, there.stdout[-2000:] + there.stderr
    assert sorted(here - set(there.stdout.splitlines())) == []
