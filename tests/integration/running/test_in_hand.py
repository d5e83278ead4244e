"""What a run rested on can be read afterwards, by command and over HTTP; what was erased is said to be."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from placet.engine.client import Engine
from placet.entrypoints.settings import load_settings
from placet.errors import ConfigurationError
from placet.interfaces.http.app import create_app
from tests.support.programs.command import Command
from tests.support.world import World

TOKEN = "0123456789abcdef0123456789abcdef"


async def nowhere() -> Engine:
    raise ConfigurationError("no Temporal here")


def test_evidence_prompts_and_answers_are_in_hand_exactly_and_erased_ones_are_said_to_be(
    a_world: World, command: Command
) -> None:
    run_id = a_world.pending("C00005")
    shown = command("run", "show", run_id, "--evidence", "--prompts", "--answers")
    assert shown.code == 0, shown.err
    assert "the billing system answered:\n" in shown.out
    assert "\nbalance   B-C00005  " in shown.out
    assert "the model was shown (" in shown.out
    assert '    | {"risk"' in shown.out or "the model says (" in shown.out
    exact = json.loads(command("run", "show", run_id, "--evidence", "--prompts", "--answers", "--json").out)
    assert [one["step"] for one in exact["exchanges"]] == ["analyse.completed", "propose.completed"]
    assert json.loads(exact["exchanges"][1]["answer"]["text"])["rationale"]
    digest = exact["exchanges"][0]["prompt"]["digest"]

    with create_engine(a_world.database._url).begin() as connection:
        connection.execute(text("DELETE FROM artifact WHERE digest = :digest"), {"digest": digest})
    erased = command("run", "show", run_id, "--prompts").out
    assert f"the model was shown {digest[:16]}: cannot be shown: it is not kept: never stored, or erased" in erased
    app = create_app(a_world.database, nowhere, tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        facts: Any = http.get(f"/v1/runs/{run_id}/evidence").json()
        uses: Any = http.get(f"/v1/runs/{run_id}/exchanges").json()["exchanges"]
    assert (facts["digest"], facts["fault"]) == (exact["evidence"]["digest"], "")
    assert facts["facts"] == exact["evidence"]["facts"]
    assert facts["calls"]
    assert uses[0]["prompt"] == {"digest": digest, "text": None, "fault": "it is not kept: never stored, or erased"}
    assert uses[1]["answer"]["text"] == exact["exchanges"][1]["answer"]["text"]


def test_a_run_list_fits_80_columns_and_approve_and_reject_read_differently(a_world: World, command: Command) -> None:
    approved, rejected = a_world.pending("C00005"), a_world.pending("C00009")
    anna = a_world.approver()
    a_world.approve(approved, anna)
    a_world.send(rejected, a_world.sign(rejected, anna, "reject", reason="too dear"))
    a_world.wait(rejected, "rejected")
    listed = command("run", "list").out
    assert max(len(line) for line in listed.splitlines()) <= 80
    assert approved in listed
    assert {line.split()[-1] for line in listed.splitlines()[2::2]} == {"olga"}
    assert command("run", "list", "--by", "olga").out == listed
    assert command("run", "list", "--by", "otto").out == "no runs of tenant 'demo' like that\n"
    newest = command("run", "list", "--limit", "1")
    assert newest.out.count("run-") == 1
    assert newest.err == f"there are older ones: add `--after {rejected}`\n"
    older = command("run", "list", "--limit", "1", "--after", rejected)
    assert (approved in older.out, older.err) == (True, "")
    assert command("run", "list", "--after", "run-nope").refusal().endswith("see `placet run list`")
    for found in (("--agent", "retention"), ("--since", "2026-01-01"), ("--until", "2999-12-31T00:00:00+02:00")):
        assert command("run", "list", *found).out == listed
    assert approved in command("run", "list", "--id", approved[:12]).out
    assert command("run", "list", "--since", "2999-01-01").out == "no runs of tenant 'demo' like that\n"
    assert "--since 'noon' is no time" in command("run", "list", "--since", "noon").refusal()
    assert "begins no run's id" in command("run", "list", "--id", "run-%").err
    yes, no = command("audit", "log", approved).out, command("audit", "log", rejected).out
    assert "APPROVED the proposal as retention_lead; anna wrote: “test”" in yes
    assert "EXECUTED once: " in yes
    assert "REJECTED the proposal as retention_lead; anna wrote: “too dear”" in no
    assert "the run ended: REJECTED, nothing was executed: “rejected by anna: too dear”" in no


def test_a_setting_that_is_no_list_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLACET_HOME", str(tmp_path))
    monkeypatch.setenv("PLACET_TENANTS", "demo")
    with pytest.raises(ConfigurationError, match=r"^PLACET_TENANTS='demo': it must be a JSON list"):
        load_settings()
