"""`placet cohort` from the outside."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.kpis.test_three_faces import told_in_csv
from tests.support.programs.placet_process import one_line, placet


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert placet(tmp_path, "migrate").returncode == 0
    made = placet(tmp_path, "state", "simulate", "--customers", "12", "--days", "40")
    (tmp_path / "events").write_text(made.stdout)
    assert placet(tmp_path, "state", "ingest", str(tmp_path / "events")).returncode == 0
    return tmp_path


def test_a_cohort_is_checked_and_previewed(home: Path) -> None:
    expression = "bills_issued_90d > 0 and not (nps < 3)"
    (home / "cohort.sql").write_text(f"-- ours\n{expression}\n")
    checked = json.loads(placet(home, "cohort", "check", expression, "--json").stdout)
    assert checked["columns"] == ["bills_issued_90d", "nps"]
    from_file = placet(home, "cohort", "check", "--file", str(home / "cohort.sql"), "--customer", "C00001").stdout
    assert f"digest    {checked['digest']}" in from_file
    assert "customer  C00001: is" in from_file
    shown = placet(home, "cohort", "preview", "bills_issued_90d > 0 OR recharges_90d > 0").stdout
    assert "12 of 12 customers (100.0 %)" in shown
    assert "simulated 12 of all customers have simulated events: nothing is real" in shown
    assert "also      Billed: " in shown
    preview = json.loads(placet(home, "cohort", "preview", "--segment", "postpaid", "--json").stdout)
    assert preview["base"] == 12
    assert 0 < preview["members"] < 12
    listed = {one["name"]: one for one in json.loads(placet(home, "cohort", "list", "--count", "--json").stdout)}
    assert listed["postpaid"]["members"] == preview["members"]
    assert listed["contract_ending"]["members"] is None
    assert 0 < listed["rural"]["members"] < 12
    words = placet(home, "cohort", "list").stdout
    assert "contract_ending: The contract ends within 60 days.  left out: there is no contract_days_left yet" in words
    assert "recharges_30d  integer: recharges in the last 30 days" in placet(home, "cohort", "columns").stdout


def test_what_is_wrong_is_one_line(home: Path) -> None:
    wrong = placet(home, "cohort", "check", "recharge_30d > 1")
    assert wrong.returncode == 1
    assert one_line(wrong) == "placet: column 1: no column is called 'recharge_30d'; did you mean recharges_30d?"
    assert "no segment is called 'nobody'" in one_line(placet(home, "cohort", "preview", "--segment", "nobody"))
    assert "give one of" in placet(home, "cohort", "preview").stderr
    both = placet(home, "kpi", "--cohort", "nps > 3", "--segment", "dormant")
    assert "give one of: --cohort, --segment" in both.stderr
    assert "--as-of, --day, --anew" in placet(home, "kpi", "--day", "2026-03-01", "--as-of", "2026-03-01").stderr
    assert "give one of" in placet(home, "cohort", "preview", "nps > 3", "--segment", "dormant").stderr
    assert "No such file" in one_line(placet(home, "cohort", "check", "--file", str(home / "none")))
    assert "not a customer id" in one_line(placet(home, "cohort", "check", "nps > 3", "--customer", "a b"))
    (home / "bytes").write_bytes(b"nps > 3 \xff")
    assert "cannot read the expression" in one_line(placet(home, "cohort", "check", "--file", str(home / "bytes")))


def test_figures_are_shown_of_all_and_of_a_cohort(home: Path) -> None:
    found = json.loads(placet(home, "kpi", "--json").stdout)
    assert (found["customers"], found["simulated"], found["cohort"]) == (12, 12, None)
    figures = {one["name"]: one for one in found["kpis"]}
    assert figures["active_customers"]["of"] == 12
    assert figures["arpu"]["currency"] == "USD"
    words = placet(home, "kpi", "--segment", "postpaid").stdout
    assert "of        bills_issued_90d > 0" in words
    assert "ARPU: " in words
    assert "no column is called" in one_line(placet(home, "kpi", "--cohort", "shoe > 4"))


def test_of_a_time_to_come_no_figure_is_given(home: Path) -> None:
    file, then = home / "then.parquet", "2999-01-01"
    for command in (
        ("kpi",),
        ("kpi", "--cohort", "nps > 3"),
        ("cohort", "preview", "nps > 3"),
        ("state", "show", "C00001"),
        ("state", "show", "--household", "H1"),
        ("state", "export", str(file)),
    ):
        assert "2999-01-01 00:00:00Z is still to come; it is " in one_line(placet(home, *command, "--as-of", then))
    assert "is still to come" in one_line(placet(home, "state", "identify", "device:D1", "--at", then))
    assert not file.exists()


def test_a_file_of_the_base_answers_as_the_database_does(home: Path) -> None:
    file, at = str(home / "base.parquet"), "2026-03-01T09:30:00Z"
    earlier = placet(home, "state", "export", file, "--as-of", at).stdout
    assert f"0 customers written to {file}, as of 2026-03-01 09:30Z" in earlier  # all their events are later
    written = json.loads(placet(home, "state", "export", file, "--replace", "--json").stdout)
    assert (written["customers"], written["left_out"], written["tenant"]) == (12, 0, "demo")
    as_of = written["as_of"]
    for command in (("cohort", "preview", "bills_issued_90d > 0"), ("kpi",), ("kpi", "--segment", "postpaid")):
        asked = json.loads(placet(home, *command, "--base", file, "--json").stdout)
        header = asked.pop("base_file")
        assert (header["as_of"], header["customers"], header["tenant"]) == (as_of, 12, "demo")
        assert asked == json.loads(placet(home, *command, "--as-of", as_of, "--json").stdout)
        told = placet(home, *command, "--base", file).stdout
        assert "base      a file of tenant 'demo', 0 hours old; what happened since is not in it" in told
    refused = placet(home, "kpi", "--base", file, "--as-of", at)
    assert refused.returncode == 2
    assert "give --as-of when you export it" in refused.stderr
    assert "exists; choose another name, or give --replace" in one_line(placet(home, "state", "export", file))
    other = placet(home, "kpi", "--base", file, PLACET_TENANT="north")
    assert "it is of the tenant 'demo', not of 'north'" in one_line(other)
    (home / "base.parquet").write_bytes(b"PAR1")
    assert "it is damaged, cut off, or not Parquet" in one_line(placet(home, "kpi", "--base", file))


def test_a_table_has_the_same_figures_and_what_is_kept_is_compared_with_one_pass(home: Path) -> None:
    found = json.loads(placet(home, "kpi", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(placet(home, "kpi", "--csv").stdout)))
    assert [(row["value"], row["of"]) for row in rows] == [
        (told_in_csv(one)["value"], told_in_csv(one)["of"]) for one in found["kpis"]
    ]
    anew = placet(home, "kpi", "--anew")
    assert (anew.returncode, anew.stderr) == (0, "")
    assert "What is kept is the same." in anew.stdout
    assert "no figures of 2020-01-01 are kept" in one_line(placet(home, "kpi", "--day", "2020-01-01"))


def test_of_whom_only_a_score_is_known_every_command_says_the_same(tmp_path: Path) -> None:
    assert placet(tmp_path, "migrate").returncode == 0
    score = {
        "specversion": "1.0",
        "source": "scores",
        "type": "placet.churn.scored.v1",
        "time": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        "data": {"basis_points": 9000, "model": "a" * 64},
    }
    scores = [score | {"id": f"s{one}", "subject": f"customer:K{one}"} for one in range(2)]
    (tmp_path / "scores").write_text("".join(json.dumps(one) + "\n" for one in scores))
    assert placet(tmp_path, "state", "ingest", str(tmp_path / "scores")).returncode == 0
    only = "nothing that happened to this customer is known, only what was said about them, such as a score"
    state = placet(tmp_path, "state", "show", "K1").stdout
    assert ", after 1 word about them" in state
    assert only in state
    assert "no event of this customer is known" not in state
    checked = placet(tmp_path, "cohort", "check", "churn_percent >= 25", "--customer", "K1").stdout
    assert f"K1: is not in it: {only}" in checked
    nobody = placet(tmp_path, "cohort", "check", "churn_percent >= 25", "--customer", "K9").stdout
    assert "K9: is not in it: no event of them is known" in nobody
    hint = "no events of 2 more customers only what was said about them is known, such as a score, and no event"
    for command in (("cohort", "preview", "--segment", "likely_to_leave"), ("kpi",)):
        assert hint in placet(tmp_path, *command).stdout, command
    preview = json.loads(placet(tmp_path, "cohort", "preview", "nps > 1", "--json").stdout)
    assert (preview["base"], preview["only_said"]) == (0, 2)
