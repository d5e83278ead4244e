"""Retention erases what no run needs, nothing else, and what it erased is told from what somebody took away."""

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from placet.contracts.audit import RecordKind
from placet.contracts.run import RunRequest
from placet.doctor.retention import OVERDUE, retention
from placet.engine.client import Engine
from placet.entrypoints.main import Tools
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, GovernanceError, UsageError
from placet.governance.retention import Periods
from placet.interfaces.cli import retention as command_line
from placet.interfaces.cli.app import run as placet
from placet.interfaces.http.app import create_app
from placet.service.keeping.retention import Outcome, apply_retention, would_erase
from placet.service.reversals import request_reversal
from placet.service.runs import build_request, record_request
from placet.storage.database import Database, Transaction
from placet.storage.projections.verification import verify_projections
from placet.storage.retention.erasing import Eraser
from tests.support.databases import disarm, outsider, together
from tests.support.guard import GUARD
from tests.support.steps import Steps

BOTH = Periods(classes={"evidence": 30, "proposal": 30}, notices=30, given=90)
TEXT = "text/plain"
TOKEN = "0123456789abcdef0123456789abcdef"


def after(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def apply(database: Database, days: float, periods: Periods = BOTH) -> tuple[int, int]:
    return counts(apply_retention(database, "demo", periods, by="olga", now=after(days)))


def counts(outcome: Outcome) -> tuple[int, int]:
    return outcome.documents["evidence"].count, outcome.documents["proposal"].count


def findings(database: Database) -> list[str]:
    with database.snapshot() as tx:
        return [str(finding) for finding in verify_projections(tx, "demo")]


def rejected(steps: Steps) -> str:
    """Let the run end without giving anything; return the digest of its proposal."""
    proposed, gate = steps.to_the_gate()
    steps.review(proposed, gate, steps.sign(proposed, "reject"))
    steps.close("rejected", proposed)
    return str(proposed.digest)


def another(database: Database, key: str) -> RunRequest:
    """Put another run on the record, at its beginning."""
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key=key, agents=("retention",)
    )
    record_request(database, request)
    return request


def say(tx: Transaction, run: RunRequest, kind: RecordKind, key: str, **body: object) -> None:
    tx.audit.append(
        stream=run.run_id,
        tenant="demo",
        run_id=run.run_id,
        kind=kind,
        actor="worker",
        step_key=f"{kind}.{key}",
        at=datetime.now(UTC),
        body=body,
    )


def uses(tx: Transaction, run: RunRequest, data: bytes, key: str = "1") -> str:
    """Let `run` have shown `data` to a model."""
    digest = tx.artifacts.put("demo", TEXT, data)
    say(tx, run, "analyse.unanswered", key, model_use=[{"prompt_sha256": digest, "completion_sha256": None}])
    return digest


def ended(database: Database, key: str, data: bytes) -> tuple[RunRequest, str]:
    """A run that showed `data` to a model, and failed."""
    run = another(database, key)
    with database.transaction() as tx:
        digest = uses(tx, run, data)
        tx.runs.set_state(run.run_id, "failed", at=datetime.now(UTC), code="x")
        tx.audit.append(
            stream=run.run_id,
            tenant="demo",
            run_id=run.run_id,
            kind="run.ended",
            actor="worker",
            step_key="run.ended",
            at=datetime.now(UTC),
            body={"state": "failed", "code": "x", "detail": ""},
        )
    return run, digest


def there(database: Database, digest: str) -> bool:
    with database.reading() as tx:
        try:
            tx.artifacts.get(digest, tenant="demo")
        except UsageError:
            return False
    return True


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
    assert counts(due) == (6, 1)
    dry = command("retention", "run", "--dry-run")
    assert (
        f"prompts, answers and billing evidence: kept for 30 days; 6 ({megabytes(due)} MB) would go, the oldest" in dry
    )
    assert "proposals: kept for 30 days; 1 (" in dry
    assert "notifications: kept for ever (PLACET_RETAIN_NOTICES_DAYS is not set)\n" in dry
    assert there(database, proposal)
    went = json.loads(command("retention", "run", "--by", "dana", "--json"))
    assert [went[kind]["count"] for kind in ("evidence", "proposal", "notices")] == [6, 1, 0]
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
    assert "ERASED 6 prompts, answers and pieces of billing evidence of runs over for 30 days or more" in log
    assert "applied retention: erased 6 prompts, answers and pieces of evidence, 1 proposal and 0 notifications" in log
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
    assert apply(database, 91, Periods(classes={"evidence": 30}, given=90)) == (6, 0)
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


def test_bytes_that_any_run_needs_stay_whichever_came_first(database: Database, database_url: str) -> None:
    waits = another(database, "waits")
    with database.transaction() as tx:
        first = uses(tx, waits, b"one that waits for years")
    ended(database, "old", b"one that waits for years")
    _, second = ended(database, "older", b"a later one")
    _, third = ended(database, "oldest", b"nobody else's")
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run("UPDATE audit_event SET recorded_at = '2020-01-01 00:00:00.000000', at = '2020-01-01 00:00:00.000000'")
    young = another(database, "young")
    with database.transaction() as tx:
        uses(tx, young, b"a later one")
    assert apply(database, 0) == (1, 0)
    assert [there(database, one) for one in (first, second, third)] == [True, True, False]


def test_notifications_of_runs_that_are_over_go_and_those_that_wait_stay(database: Database) -> None:
    over, _ = ended(database, "over", b"x")
    goes_on = another(database, "goes on")
    with database.transaction() as tx:
        for run in (over, goes_on):
            for channel, recipient in (("console", "lead"), ("email", "lead@operator.example")):
                tx.outbox.add(
                    tenant="demo",
                    run_id=run.run_id,
                    proposal=None,
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


def test_a_run_that_names_the_bytes_while_they_are_erased_keeps_them(database: Database, database_url: str) -> None:
    _, digest = ended(database, "old", b"shared")
    run = another(database, "new")
    with database.reading() as tx:
        eraser = Eraser("demo", tx.audit.settled("demo"))
    if database_url.startswith("postgresql"):  # SQLite has one writer
        with database.transaction() as naming:
            uses(naming, run, b"shared")
            with database.transaction() as tx:
                assert eraser.lock(tx, [digest]) == {}
    else:
        with database.transaction() as naming:
            uses(naming, run, b"shared")
    with database.transaction() as tx:
        assert eraser.lock(tx, [digest]) == {}
    # Another one comes while the rows are locked: it waits, and puts them anew.
    _, digest = ended(database, "older", b"shared as well")
    with database.reading() as tx:
        eraser = Eraser("demo", tx.audit.settled("demo"))
    begun = threading.Event()

    def name() -> None:
        begun.set()
        with database.transaction() as tx:
            uses(tx, run, b"shared as well", "2")

    late = threading.Thread(target=name)
    with database.transaction() as tx:
        assert list(eraser.lock(tx, [digest])) == [digest]
        late.start()
        assert begun.wait(GUARD)
        eraser.erase(tx, [digest], 1)
    late.join(10)
    assert there(database, digest)


def test_what_dies_between_two_batches_leaves_whole_ones_and_the_next_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [ended(database, f"old {number}", b"%d" % number)[1] for number in range(5)]
    monkeypatch.setattr("placet.service.keeping.retention.BATCH", 2)
    whole, done = Eraser.erase, []

    def dies(self: Eraser, tx: Transaction, batch: Sequence[str], number: int) -> None:
        whole(self, tx, batch, number)
        done.append(batch)
        if len(done) == 2:
            raise RuntimeError("killed")

    monkeypatch.setattr(Eraser, "erase", dies)
    with pytest.raises(RuntimeError, match="killed"):
        apply(database, 31)
    assert sum(there(database, digest) for digest in digests) == 3
    assert findings_of_artifacts(database) == []
    assert apply(database, 31) == (3, 0)
    assert findings_of_artifacts(database) == []


def test_whoever_races_with_retention_finds_what_their_run_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.service.keeping.retention.BATCH", 2)
    words = [b"words %d" % number for number in range(6)]
    for number, data in enumerate(words):
        ended(database, f"old {number}", data)

    def act(number: int) -> list[str]:
        if number == 0:
            for _ in range(6):
                apply(database, 31)
            return []
        named = []
        for turn, data in enumerate(words):
            run = another(database, f"new {number} {turn}")
            with database.transaction() as tx:
                named.append(uses(tx, run, data))
        return named

    named = {digest for several in together(4, act) for digest in several}
    assert [digest for digest in named if not there(database, digest)] == []
    apply(database, 31)
    assert findings_of_artifacts(database) == []


def findings_of_artifacts(database: Database) -> list[str]:
    return [line for line in findings(database) if line.startswith("artifact ")]


def test_the_doctor_says_when_a_period_is_set_and_nobody_applies_it(database: Database, database_url: str) -> None:
    settings = Settings(database_url=database_url, retain_notices_days=30)
    apply_retention(database, "demo", BOTH, by="olga", now=datetime.now(UTC) - OVERDUE - timedelta(days=1))
    (found,) = retention(settings)
    assert (found.level, found.advice) == ("problem", "PLACET_TENANT=demo placet retention run")
    (unset,) = retention(Settings(database_url=database_url))
    assert (unset.level, unset.detail) == ("info", "no period is set: customers' data is kept for ever")
