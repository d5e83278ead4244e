"""`placet cohort` from the outside."""

import csv
import io
import json
from pathlib import Path

import pytest

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
    assert listed["senior"]["members"] is None
    words = placet(home, "cohort", "list").stdout
    assert "senior: 65 years old or more.  left out: there is no age_years yet" in words
    assert "recharges_30d  integer: recharges in the last 30 days" in placet(home, "cohort", "columns").stdout


def test_what_is_wrong_is_one_line(home: Path) -> None:
    wrong = placet(home, "cohort", "check", "recharge_30d > 1")
    assert wrong.returncode == 1
    assert one_line(wrong) == "placet: column 1: no column is called 'recharge_30d'; did you mean recharges_30d?"
    assert "no segment is called 'nobody'" in one_line(placet(home, "cohort", "preview", "--segment", "nobody"))
    assert "give one of" in placet(home, "cohort", "preview").stderr
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


def test_a_table_has_the_same_figures_and_what_is_kept_is_compared_with_one_pass(home: Path) -> None:
    found = json.loads(placet(home, "kpi", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(placet(home, "kpi", "--csv").stdout)))
    assert [row["value"] for row in rows] == [
        "" if one["value"] is None else str(one["value"]) for one in found["kpis"]
    ]
    anew = placet(home, "kpi", "--anew")
    assert (anew.returncode, anew.stderr) == (0, "")
    assert "What is kept is the same." in anew.stdout
    assert "no figures of 2020-01-01 are kept" in one_line(placet(home, "kpi", "--day", "2020-01-01"))
