"""Retention erases what no run needs, nothing else, and what it erased is told from what somebody took away."""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from placet.doctor.retention import OVERDUE, retention
from placet.engine.client import Engine
from placet.entrypoints.main import Tools
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, GovernanceError, UsageError
from placet.governance.retention import Periods
from placet.interfaces.cli.app import run as placet
from placet.interfaces.cli.keeping import retention as command_line
from placet.interfaces.http.app import create_app
from placet.service.keeping.retention import Outcome, apply_retention, would_erase
from placet.service.reversals import request_reversal
from placet.storage.database import Database
from tests.integration.record.retaining import (
    BOTH,
    after,
    another,
    apply,
    counts,
    ended,
    findings,
    rejected,
    say,
    there,
    uses,
)
from tests.support.databases import disarm, outsider
from tests.support.steps import Steps

TOKEN = "0123456789abcdef0123456789abcdef"


class Here(Tools):
    """The command line's tools, pointed at the installation of a test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


async def nowhere() -> Engine:
    raise ConfigurationError("no Temporal here")


def at(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let the command line think that `days` have passed."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=days)

    monkeypatch.setattr(command_line, "datetime", Later)


def megabytes(outcome: Outcome) -> str:
    return f"{outcome.documents['evidence'].size / 1e6:.2f}"


def test_a_run_that_is_over_loses_its_documents_and_every_command_says_under_which_entry(
    steps: Steps, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = steps.parts.database
    settings = Settings(home=tmp_path, database_url=database_url, retain_evidence_days=30, retain_proposals_days=30)

    def command(*arguments: str, code: int = 0) -> str:
        tools = Here(settings)
        assert placet(arguments, tools) == code
        tools.database().close()
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    proposal = rejected(steps)
    assert "kept for 30 days; nothing is due\n" in command("retention", "show")
    assert next(iter(retention(settings))).detail == "periods are set and were never applied for demo"
    at(monkeypatch, 29)
    assert command("retention", "run") == "nothing was due\n"
    at(monkeypatch, 31)
    due = would_erase(database, "demo", BOTH, after(31))
    assert counts(due) == (7, 1)
    dry = command("retention", "run", "--dry-run")
    assert (
        f"prompts, answers and billing evidence: kept for 30 days; 7 ({megabytes(due)} MB) would go, the oldest" in dry
    )
    assert "proposals: kept for 30 days; 1 (" in dry
    assert "notifications: kept for ever (PLACET_RETAIN_NOTICES_DAYS is not set)\n" in dry
    assert there(database, proposal)
    went = json.loads(command("retention", "run", "--by", "dana", "--json"))
    assert [went[kind]["count"] for kind in ("evidence", "proposal", "notices")] == [7, 1, 0]
    assert went["evidence"]["oldest"].endswith("Z")
    assert went["evidence"]["bytes"] == due.documents["evidence"].size
    assert command("retention", "run") == "nothing was due\n"
    assert findings(database) == []

    assert "1 signed checkpoint verified with it" in (command("audit", "checkpoint"), command("audit", "verify"))[1]
    assert "entries proven" in command("audit", "prove", steps.run.run_id, "--out", str(tmp_path / "proof"))
    shown = command("run", "show", steps.run.run_id)
    assert f"proposal  cannot be shown: artifact '{proposal}' was erased on " in shown
    documents = command("run", "show", steps.run.run_id, "--evidence", "--prompts", "--answers")
    assert documents.count("under retention (entry ") == 5
    log = command("audit", "log")
    assert "  retention.applied  dana  " in log
    assert "ERASED 7 prompts, answers and pieces of billing evidence of runs over for 30 days or more" in log
    assert "applied retention: erased 7 prompts, answers and pieces of evidence, 1 proposal and 0 notifications" in log
    number = documents.split("under retention (entry ")[1].split(" ")[0]
    assert f"\n{number:>3}  " in log
    with database.reading() as tx:
        (entry,) = (one for one in tx.audit.read("tenant/demo") if one.body.get("class") == "proposal")
        assert json.loads(tx.artifacts.get(str(entry.body["list"]), tenant="demo")) == [proposal]
    assert next(iter(retention(settings))).level == "ok"
    app = create_app(database, nowhere, tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        answer = http.get(f"/v1/runs/{steps.run.run_id}/proposal")
    assert (answer.status_code, answer.json()["code"]) == (410, "artifact_erased")

    # A list that is gone proves nothing; neither does a row of the index alone.
    with outsider(database_url) as run:
        run(f"DELETE FROM artifact WHERE digest = '{entry.body['list']}'")  # noqa: S608
    assert [line.split("'")[1] for line in findings(database)] == ["propose.completed"]
    assert "no entry says that retention erased it" in command("audit", "verify", code=1)


def test_what_is_taken_away_by_hand_is_found_even_where_its_bytes_were_erased_before(
    steps: Steps, database_url: str
) -> None:
    database = steps.parts.database
    _, digest = ended(database, "old", b"the same words")
    assert apply(database, 31) == (1, 0)
    run = another(database, "new")
    with database.transaction() as tx:
        assert uses(tx, run, b"the same words") == digest
    assert there(database, digest)
    assert findings(database) == []
    with outsider(database_url) as shell:
        shell(f"DELETE FROM artifact WHERE digest = '{digest}'")  # noqa: S608
    (found,) = findings(database)
    assert found == (
        f"artifact {digest[:16]}: 'analyse.unanswered' of {run.run_id} names it, it is gone, "
        "and no entry says that retention erased it"
    )


def test_what_a_customer_was_given_stays_for_the_contact_policy_and_while_it_is_taken_back(steps: Steps) -> None:
    database = steps.parts.database
    steps.executed()
    assert apply(database, 89) == (0, 0)
    back = request_reversal(
        database, run_id=steps.run.run_id, tenant="demo", requested_by="olga", reason="by mistake"
    ).request
    assert apply(database, 1000) == (0, 0)
    with database.transaction() as tx:
        tx.runs.set_state(back.run_id, "failed", at=datetime.now(UTC), code="x")
        say(tx, back, "run.started", "1", request=back.model_dump(mode="json"))
        tx.audit.append(
            stream=back.run_id,
            tenant="demo",
            run_id=back.run_id,
            kind="run.ended",
            actor="worker",
            step_key="run.ended",
            at=datetime.now(UTC),
            body={"state": "failed", "code": "x", "detail": ""},
        )
    assert apply(database, 91, Periods(classes={"evidence": 30}, given=90)) == (7, 0)
    with pytest.raises(GovernanceError, match=r"cannot be taken back: .* erased on .* under retention") as refused:
        request_reversal(database, run_id=steps.run.run_id, tenant="demo", requested_by="olga", reason="")
    assert refused.value.code == "documents_erased"
    assert findings(database) == []


def test_a_run_whose_outcome_nobody_knows_keeps_everything(steps: Steps) -> None:
    proposed = steps.executed()
    with steps.parts.database.transaction() as tx:
        (effect,) = tx.effects.for_run(steps.run.run_id)
        say(tx, steps.run, "execute.unknown", "1", effect_key=effect.effect_key, proposal=proposed.digest)
    steps.close("failed", proposed)
    assert apply(steps.parts.database, 1000) == (0, 0)


def test_notifications_of_runs_that_are_over_go_and_those_that_wait_stay(database: Database) -> None:
    over, _ = ended(database, "over", b"x")
    goes_on = another(database, "goes on")
    with database.transaction() as tx:
        for run in (over, goes_on):
            for channel, recipient in (("console", "lead"), ("email", "lead@operator.example")):
                tx.outbox.add(
                    tenant="demo",
                    about=run.run_id,
                    occasion="asked",
                    channel=channel,  # type: ignore[arg-type]
                    recipient=recipient,
                    role="lead",
                    subject="s",
                    text="t",
                    at=datetime.now(UTC),
                )
    only = Periods(notices=30)
    assert would_erase(database, "demo", only, after(29)).notices.count == 0
    due = would_erase(database, "demo", only, after(31)).notices
    assert (due.count, due.size) == (1, 2)
    assert due.oldest is not None
    assert due.oldest < datetime.now(UTC)
    assert apply_retention(database, "demo", only, by="olga", now=after(31)).notices.count == 1
    with database.reading() as tx:
        left = {(one.run_id, one.status) for one in tx.outbox.list("demo")}
    assert left == {(over.run_id, "waiting"), (goes_on.run_id, "delivered"), (goes_on.run_id, "waiting")}


def test_nothing_is_erased_before_a_period_is_set_or_while_an_entry_cannot_be_read(
    database: Database, database_url: str
) -> None:
    with pytest.raises(UsageError, match="set PLACET_RETAIN_EVIDENCE_DAYS") as unset:
        apply(database, 1000, Periods())
    assert unset.value.code == "no_period"
    _, digest = ended(database, "old", b"x")
    disarm(database_url, "audit_event")
    with outsider(database_url) as shell:
        shell("UPDATE audit_event SET body = '{}', kind = 'propose.completed' WHERE kind = 'run.requested'")
    with pytest.raises(GovernanceError, match="nothing is erased until `placet audit verify` passes"):
        apply(database, 1000)
    assert there(database, digest)


def test_the_doctor_says_when_a_period_is_set_and_nobody_applies_it(database: Database, database_url: str) -> None:
    settings = Settings(database_url=database_url, retain_notices_days=30)
    apply_retention(database, "demo", BOTH, by="olga", now=datetime.now(UTC) - OVERDUE - timedelta(days=1))
    (found,) = retention(settings)
    assert (found.level, found.advice) == ("problem", "PLACET_TENANT=demo placet retention run")
    (unset,) = retention(Settings(database_url=database_url))
    assert (unset.level, unset.detail) == ("info", "no period is set: customers' data is kept for ever")
