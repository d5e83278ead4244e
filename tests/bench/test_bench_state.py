"""`placet bench state`: each figure stands beside its reference, nothing is left behind. No timing is asserted."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from placet.bench.state.session import PARTS, parts_of
from placet.errors import UsageError
from tests.support.guard import GUARD

pytestmark = pytest.mark.xdist_group("bench_state")

SMALL = ("--events", "1000", "--rounds", "1")
KEPT = {".lockfile"}
"""What the embedded PostgreSQL leaves in the temporary folder for the next one; port locks are the stack's."""


def test_it_measures_both_databases_and_leaves_nothing() -> None:
    # Not pytest's folder: as root, the embedded PostgreSQL runs as somebody else, who cannot reach it.
    with tempfile.TemporaryDirectory(prefix="placet-bench-test-") as temporary:
        done = subprocess.run(
            [sys.executable, "-m", "placet.entrypoints.program", "bench", "state", *SMALL, "--json"],
            # An installation's settings must not reach the bench: this database could not even be opened.
            env={**os.environ, "TMPDIR": temporary, "PLACET_DATABASE_URL": "sqlite:////nowhere/placet.db"},
            cwd=temporary,
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        left = {path.name for path in Path(temporary).iterdir()} - KEPT
        assert {name for name in left if not name.endswith(".lock")} == set()
    measured = json.loads(done.stdout)
    names = [figure["name"] for figure in measured["figures"]]
    for server in ("SQLite", "PostgreSQL"):
        assert [name for name in names if server in name] == [
            f"an event, {server}, 1k stored",
            f"durable ingest, {server}, batches of 1000",
            f"state of one customer, {server}, p50",
            f"state of one customer, {server}, p99",
            f"events as single HTTP requests, {server}",
            f"CPU of the server for one, {server}",
        ]
    for figure in measured["figures"]:
        assert figure["ours"] > 0, figure
        assert figure["reference"] > 0, figure
        assert figure["against"], figure


def test_parts_are_chosen_by_name_and_no_others() -> None:
    assert parts_of(None) == set(PARTS)
    assert parts_of("growth, state") == {"growth", "state"}
    with pytest.raises(
        UsageError, match=r"--only 'speed' is no part of the bench; known: growth, ingest, state, requests"
    ):
        parts_of("speed")
