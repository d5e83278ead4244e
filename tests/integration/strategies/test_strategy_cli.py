"""`placet strategy` from the outside."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.support.programs.placet_process import one_line, placet
from tests.unit.strategies.texts import SOUND, edited

EVERYBODY = edited(
    ("cohort: churn_percent >= 30 AND tenure_days >= 90", "cohort: bills_issued_90d > 0 OR recharges_90d > 0"),
    ("when: churn_percent >= 60", "when: open_tickets = 0"),
    ("first: 2026-12-01, last: 2027-02-28", "first: 2026-01-01, last: 2026-12-31"),
    ("[10 %, 25 %, 50 %, 100 %]", "[50 %, 100 %]"),
    ("purpose: marketing", "purpose: service"),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert placet(tmp_path, "migrate").returncode == 0
    (tmp_path / "strategy.yaml").write_text(SOUND)
    return tmp_path


@pytest.fixture
def based(home: Path) -> Path:
    made = placet(home, "state", "simulate", "--customers", "12", "--days", "40")
    (home / "events").write_text(made.stdout)
    assert placet(home, "state", "ingest", str(home / "events")).returncode == 0
    (home / "everybody.yaml").write_text(EVERYBODY)
    return home


def test_a_sound_strategy_is_said_in_words_and_the_same_in_json(home: Path) -> None:
    found = placet(home, "strategy", "check", str(home / "strategy.yaml"))
    assert found.returncode == 0
    words = " ".join(found.stdout.split())
    assert "gives puts 20 % of what they spend in a month on their balance, at most 20.00 USD" in words
    assert "whom for whom (churn_percent >= 30) AND (tenure_days >= 90) control group 10 % of them are never" in words
    told = json.loads(placet(home, "strategy", "check", str(home / "strategy.yaml"), "--json").stdout)
    assert f"digest    {told['digest']}" in found.stdout
    assert {"group": "Loyalty credit", "heading": "is called", "words": "Loyalty credit [loyalty_credit]"} in told[
        "told"
    ]
    assert told["findings"] == []


def test_what_is_wrong_has_its_place_and_the_exit_code_says_no(home: Path) -> None:
    file = home / "strategy.yaml"
    file.write_text(edited(("holdout: 10 %", "holdout: 10"), ("measure: churn,", "measure: money,")))
    found = placet(home, "strategy", "check", str(file))
    assert found.returncode == 1
    lines = found.stdout.splitlines()
    assert lines[0].startswith(f"{file}:7:13: error: objective.measure: 'money': write 'churn'")
    assert lines[1] == f"{file}:40:1: error: holdout: 10: write it with its unit, like '10 %'"
    assert one_line(found) == f"placet: '{file}': 2 errors; nobody can sign it"
    told = placet(home, "strategy", "check", str(file), "--json")
    assert told.returncode == 1
    assert [one["line"] for one in json.loads(told.stdout)["findings"]] == [7, 40]
    for command in ("preview", "diff"):
        files = [str(file)] * (2 if command == "diff" else 1)
        said = one_line(placet(home, "strategy", command, *files))
        assert said.startswith(f"placet: {file}:7:13: error: objective.measure")
        assert said.endswith("(1 more error; `placet strategy check` lists them)")


def test_a_warning_is_told_and_refuses_nothing(home: Path) -> None:
    (home / "strategy.yaml").write_text(edited(("[10 %, 25 %, 50 %, 100 %]", "[100 %]")))
    found = placet(home, "strategy", "check", str(home / "strategy.yaml"))
    assert found.returncode == 0
    assert ": warning: rollout.stages: all customers are reached at once" in found.stdout


def test_what_is_no_file_is_one_line(home: Path) -> None:
    assert "No such file" in one_line(placet(home, "strategy", "check", str(home / "none")))
    (home / "bytes").write_bytes(b"name: \xff")
    said = one_line(placet(home, "strategy", "check", str(home / "bytes")))
    assert said.endswith("bytes': it is not UTF-8 text, from byte 7 on")
    assert placet(home, "strategy", "check", str(home)).returncode == 1


def test_a_package_is_written_for_a_market_and_is_sound(home: Path) -> None:
    listed = json.loads(placet(home, "strategy", "packages", "--json").stdout)
    assert "third_balance_check: A small credit" in placet(home, "strategy", "packages").stdout
    assert "ke  Kenya: KES, Africa/Nairobi" in placet(home, "strategy", "markets").stdout
    assert len(json.loads(placet(home, "strategy", "markets", "--json").stdout)) >= 25
    for name in (listed[0]["name"], "win_back"):
        made = placet(home, "strategy", "new", name, "--market", "ke", "--monthly", "800.00 KES", "--name", "ours")
        assert made.returncode == 0, made.stderr
        (home / "new.yaml").write_text(made.stdout)
        checked = placet(home, "strategy", "check", str(home / "new.yaml"))
        assert checked.returncode == 0, checked.stdout
        assert "amounts in KES, time of Africa/Nairobi" in checked.stdout
    assert "did you mean 'win_back'?" in one_line(placet(home, "strategy", "new", "winback"))
    assert "with --monthly" in one_line(placet(home, "strategy", "new", "win_back", "--market", "ke"))
    assert "write it like" in placet(home, "strategy", "new", "win_back", "--monthly", "many").stderr
    assert "--first" in one_line(placet(home, "strategy", "new", "win_back", "--first", "tomorrow"))


def test_two_versions_are_compared_in_words(home: Path) -> None:
    (home / "next.yaml").write_text(
        edited(("at_most: 20.00 USD", "at_most: 25.00 USD"), ("holdout: 10 %", "holdout: 5 %"))
    )
    found = placet(home, "strategy", "diff", str(home / "strategy.yaml"), str(home / "next.yaml"))
    assert found.returncode == 0
    assert "Loyalty credit: gives\n  was  puts 20 %" in found.stdout
    assert "so        the control group shrinks" in found.stdout
    same = placet(home, "strategy", "diff", str(home / "strategy.yaml"), str(home / "strategy.yaml"))
    assert "both say the same: they are one version" in same.stdout


def test_the_schema_takes_what_the_check_takes(home: Path) -> None:
    import yaml

    schema = json.loads(placet(home, "strategy", "schema").stdout)
    Draft202012Validator.check_schema(schema)
    written = json.loads(json.dumps(yaml.safe_load(SOUND), default=str))
    assert list(Draft202012Validator(schema).iter_errors(written)) == []
    written["holdout"] = 10
    assert [error.json_path for error in Draft202012Validator(schema).iter_errors(written)] == ["$.holdout"]
    assert schema["properties"]["agent"]["description"] == "The application whose runs carry it out."


def _customers(based: Path) -> list[str]:
    subjects = {json.loads(line)["subject"] for line in (based / "events").read_text().splitlines()}
    return sorted(one.removeprefix("customer:") for one in subjects if one.startswith("customer:"))


def test_a_preview_counts_and_a_decision_says_why_nothing_else(based: Path) -> None:
    file = str(based / "everybody.yaml")
    shown = placet(based, "strategy", "preview", file).stdout
    assert "  for            12 of 12 customers (100.0 %)" in shown
    assert "12 of all customers have simulated events: nothing is real" in shown
    assert "it would hold: too few of the treated or the control group (500 for complaints, 500 for spend)" in shown
    preview = json.loads(placet(based, "strategy", "preview", file, "--json").stdout)
    decisions = {}
    for customer in _customers(based):
        told = placet(based, "strategy", "decide", customer, file, "--json")
        assert told.returncode == 0, told.stderr
        decisions[customer] = {one["treatment"]: one["fell"] for one in json.loads(told.stdout)["weighed"]}
    fell = [one["loyalty_credit"] for one in decisions.values()]
    assert fell.count("control_group") == preview["control"]
    assert 12 - fell.count("control_group") == preview["stages"][-1]["treated"]
    words = placet(based, "strategy", "decide", _customers(based)[0], file).stdout
    assert "why nothing else" in words


def test_a_plan_of_several_strategies_by_the_database_and_by_a_file(based: Path) -> None:
    (based / "other.yaml").write_text(EVERYBODY.replace("name: keep_at_risk", "name: other"))
    files = [str(based / "everybody.yaml"), str(based / "other.yaml")]
    shown = placet(based, "strategy", "plan", *files, "--channel", "agent")
    assert shown.returncode == 0, shown.stderr
    assert "of 12 customers" in shown.stdout
    assert "Keep customers who are likely to leave [other]" in shown.stdout
    base = str(based / "base.parquet")
    assert placet(based, "state", "export", base).returncode == 0
    by_file = json.loads(placet(based, "strategy", "plan", *files, "--base", base, "--json").stdout)
    assert by_file["base_file"]["customers"] == by_file["base"] == 12
    preview = placet(based, "strategy", "preview", files[0], "--base", base)
    assert "base      a file of tenant 'demo'" in preview.stdout
    both = placet(based, "strategy", "plan", *files, "--base", base, "--as-of", "2026-03-01")
    assert "a file is of one time" in both.stderr


def test_a_decision_for_whom_nobody_knows_or_on_no_channel_is_refused(based: Path) -> None:
    file, customer = str(based / "everybody.yaml"), _customers(based)[0]
    assert "no event of customer 'C99999' is known" in one_line(placet(based, "strategy", "decide", "C99999", file))
    assert "'fax'" in one_line(placet(based, "strategy", "decide", customer, file, "--channel", "fax"))
    assert "not a customer id" in one_line(placet(based, "strategy", "decide", "C 1", file))
    assert "is given twice" in one_line(placet(based, "strategy", "decide", customer, file, file))
