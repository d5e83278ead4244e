"""`placet model` as a person runs it: the real program, in a folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from placet.contracts.events.about import ChurnScored
from placet.contracts.events.kinds import EVENT
from tests.agents.propensity.support import MAPPING, ROOT, csv, rows

PROGRAM = Path(sys.executable).with_name("placet")


def placet(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    return subprocess.run(
        [PROGRAM, "model", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**environment, "PLACET_HOME": str(home)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "t.csv").write_bytes(csv(rows()))
    (folder / "m.toml").write_text(MAPPING)
    done = placet(folder, "train", "--table", str(folder / "t.csv"), "--mapping", str(folder / "m.toml"))
    assert done.returncode == 0, done.stderr
    return folder


def test_a_person_trains_asks_and_compares(home: Path) -> None:
    card = json.loads(placet(home, "card", "--json").stdout)
    table = str(home / "t.csv")
    assert (home / "propensity" / "demo" / f"{card['model']}.json").stat().st_mode & 0o777 == 0o600
    score = json.loads(placet(home, "score", "P00003", "--table", table, "--json").stdout)
    assert score["model"] == card["model"]
    shown = placet(home, "score", "P00003", "--table", table).stdout
    assert "customers like this one left" in shown
    assert f"leaves    {score['probability_bp'] / 100:.1f} %" in shown, "as the live state says it"
    assert "not for runs: its mapping does not say where a run finds tenure months" in placet(home, "card").stdout
    assert "where it ends" in placet(home, "card", "--model", card["model"][:8]).stdout
    everybody = placet(home, "score", "--table", table)
    assert (everybody.returncode, len(everybody.stdout.splitlines())) == (0, 900)
    assert f"P00003  {score['probability_bp'] / 100:5.1f} %  " in everybody.stdout
    drift = placet(home, "drift", "--table", table)
    assert (drift.returncode, "it is the table that the model learned from" in drift.stdout) == (0, True)
    assert "gives the one who left the higher score in " in drift.stdout


def test_the_list_says_which_model_is_in_use_and_which_is_damaged(home: Path) -> None:
    digest = (home / "propensity" / "demo" / "current").read_text().strip()
    done = placet(home, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("in use    no churn model; runs propose nothing\n")
    assert f"\n{digest}  (trained last, not for runs)\n  trained 20" in done.stdout
    strange = home / "propensity" / "demo" / f"{'a' * 64}.json"
    strange.write_text("{}")
    try:
        done = placet(home, "list", "--json")
    finally:
        strange.unlink()
    assert done.returncode == 1
    current = strange.with_name("current")
    try:
        current.unlink()
        marked = placet(home, "list")
        current.write_text("x")
        damaged = placet(home, "list")
    finally:
        current.write_text(digest)
    assert (marked.returncode, marked.stderr) == (0, "")
    assert marked.stdout.endswith("no model was trained last here: name one with --model\n")
    assert (damaged.returncode, digest in damaged.stdout) == (1, True)
    assert damaged.stderr == (
        "placet: which model was trained last cannot be told: the file `current` names no model; train one again\n"
    )
    assert [one["fault"] is None for one in json.loads(done.stdout)["models"]] == [True, False]


def test_scores_of_a_table_become_events_that_are_taken_once(home: Path) -> None:
    content = rows(20)
    content[3][0], content[4][4] = "no id", "c"
    (home / "some.csv").write_bytes(csv(content))
    words = ("score", "--table", str(home / "some.csv"), "--events", "--as-of", "2026-03-01")
    done = placet(home, *words)
    assert done.returncode == 1, "a row cannot be read, and an id cannot be named"
    assert "customer 'no id': events cannot name such an id" in done.stderr
    assert "line 6: line is 'c'" in done.stderr
    assert placet(home, *words).stdout == done.stdout
    lines = done.stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert len(events) == 18
    assert {(one["time"], one["source"]) for one in events} == {("2026-03-01T00:00:00Z", "urn:placet:churn-model")}
    scores = json.loads(placet(home, "score", "--table", str(home / "some.csv"), "--json").stdout)["scores"]
    assert {one["subject"].partition(":")[2]: one["data"]["basis_points"] for one in events} == {
        one["customer_id"]: one["probability_bp"] for one in scores if one["customer_id"] != "no id"
    }
    assert all(isinstance(EVENT.validate_json(line), ChurnScored) for line in lines)


def test_a_timer_sees_rows_that_cannot_be_read_and_rows_too_few(home: Path) -> None:
    """Of 900 rows, 70 % have a choice that the mapping does not know: the rest has not moved."""
    content = rows()
    for cells in content[:630]:
        cells[4] = "c"
    (home / "new.csv").write_bytes(csv(content))
    done = placet(home, "drift", "--table", str(home / "new.csv"))
    assert done.returncode == 1
    assert (
        "630 of 900 rows cannot be read, and no verdict is of them; the first is in line 2: line is 'c'" in done.stderr
    )
    (home / "few.csv").write_bytes(csv(rows(199)))
    done = placet(home, "drift", "--table", str(home / "few.csv"), "--json")
    assert done.returncode == 1
    assert done.stderr.endswith("199 customers are too few to tell a shift from chance; 200 are needed\n")
    assert json.loads(done.stdout)["learned_from"] is False
    assert json.loads(done.stdout)["score"]["verdict"] == "too_few"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score", "P00003"), "this model learned from a table of yours: name one with --table"),
        (("train", "--table", "t.csv"), "--table and --mapping belong together"),
        (("score", "P1", "--table", "missing.csv"), "cannot read the table 'missing.csv'"),
        (("card", "--model", "../../etc"), "is no digest of a model"),
        (("card", "--model", "0" * 64), f"no churn model begins with '{'0' * 64}'; `placet model list` lists those"),
        (("score", "P1", "--table", "t.csv", "--model", "0" * 8), "'00000000'; `placet model list` lists those"),
        (("drift", "--table", "t.csv", "--model", "0" * 8), "'00000000'; `placet model list` lists those that are"),
        (("score", "--events", "--model", "0" * 8), "'00000000'; `placet model list` lists those that are held"),
        (("score", "--as-of", "2026-03-01"), "add --events"),
        (("train", "--date", "0001-01-01"), "--date 0001-01-01 is before 1970-01-01; give the day on which"),
        (("score", "P1", "--events"), "leave CUSTOMER and --json out"),
        (("train", "--date", "2099-01-01"), "is still to come"),
        (("train", "--date", "yesterday"), "--date 'yesterday' is no day; write one like 2026-03-01"),
        (("score", "--events", "--as-of", ""), "--as-of '' is no time"),
        (("score", "--events", "--as-of", "2099-01-01"), "--as-of 2099-01-01 00:00:00Z is still to come; it is "),
        (("score", "--events", "--as-of", "2019-01-01"), "--as-of 2019-01-01 00:00:00Z is too long ago: events are "),
    ],
)
def test_what_cannot_be_done_is_one_line(home: Path, words: tuple[str, ...], said: str) -> None:
    done = placet(home, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_model_the_way_to_one_is_named(tmp_path: Path) -> None:
    done = placet(tmp_path, "card")
    assert done.returncode == 1
    assert "`placet model train` makes one" in done.stderr


def test_a_model_that_was_changed_is_not_used(home: Path) -> None:
    digest = (home / "propensity" / "demo" / "current").read_text().strip()
    path = home / "propensity" / "demo" / f"{digest}.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole.replace(b'"offset":', b'"offset": ', 1))
        done = placet(home, "score", "P00003", "--table", str(home / "t.csv"))
    finally:
        path.write_bytes(whole)
    assert done.returncode == 1
    assert "another model, or was changed" in done.stderr


LOADED = """
import sys
{imports}
print(*sorted({{"lightgbm", "polars", "scipy", "numpy"}} & set(sys.modules)))
"""
COMMANDS = """
from placet.entrypoints import main, services
import agents.catalogue, workflows.governed_run, workflows.rollout
from placet.interfaces.cli.app import build_app
agents.catalogue.names()
build_app()
"""
WORKER = "from placet.entrypoints import worker\nimport activities"


@pytest.mark.parametrize(
    ("imports", "loaded"),
    # Runs of published strategies are decided with polars, in every worker.
    [pytest.param(COMMANDS, [], id="commands"), pytest.param(WORKER, ["polars"], id="worker")],
)
def test_nothing_else_loads_what_models_need(imports: str, loaded: list[str]) -> None:
    program = LOADED.format(imports=imports)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == loaded, done.stdout + done.stderr
