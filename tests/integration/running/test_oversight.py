"""Looks, controls and the report on both databases: written once, read within the window, whatever lies before it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from placet.contracts.audit import RecordKind
from placet.contracts.notification import Occasion
from placet.contracts.run import RunRequest
from placet.errors import UsageError
from placet.governance.oversight.stories import Flaw, outcome_key
from placet.notify.notices import ASKING
from placet.service.oversight import draw_up_report, record_seen
from placet.storage.database import Database
from placet.storage.governance.controls import ControlRecord
from tests.support.databases import outsider
from tests.support.enrolment import enroll, trusted
from tests.unit.support import a_key

NOW = datetime.now(UTC)
P = "a" * 64


def run_id(number: int) -> str:
    return f"run-{number:020x}"


def request(number: int, tenant: str = "demo") -> RunRequest:
    return RunRequest(
        run_id=run_id(number),
        tenant=tenant,
        customer_id="C00001",
        agent="retention",
        key=run_id(number),
        requested_by="olga",
        requested_at=NOW,
    )


def control(number: int, flaw: Flaw = "too_much") -> ControlRecord:
    return ControlRecord(run_id=run_id(number), tenant="demo", flaw=flaw, seeded_by="vera", seeded_at=NOW)


def write(database: Database, number: int, *entries: tuple[str, str, dict[str, Any]], tenant: str = "demo") -> None:
    """A simulated run whose gate asks people, and what follows on its record."""
    gate = {"verdict": "human", "opened_at": NOW.isoformat()}
    opened = ("approve.opened", "policy", {"proposal": P, "gate": gate})
    with database.transaction() as tx:
        tx.runs.request(request(number, tenant))
        tx.runs.set_state(run_id(number), "awaiting_decision", at=NOW, proposal=P)
        for place, (kind, actor, body) in enumerate((opened, *entries)):
            tx.audit.append(
                stream=run_id(number),
                tenant=tenant,
                run_id=run_id(number),
                kind=cast("RecordKind", kind),
                actor=actor,
                step_key=f"{kind}.{place}",
                at=NOW + timedelta(seconds=place),
                body=body,
            )


def seen(name: str) -> tuple[str, str, dict[str, Any]]:
    return "approve.seen", name, {"proposal": P, "channel": "cli"}


def decided(name: str, verdict: str = "approve", after: int = 20) -> tuple[str, str, dict[str, Any]]:
    signed_at = (NOW + timedelta(seconds=after)).isoformat()
    return "approve.decided", name, {"verdict": verdict, "proposal": P, "decided_at": signed_at, "missing": 0}


def ended(state: str) -> tuple[str, str, dict[str, Any]]:
    return "run.ended", "worker", {"state": state}


def seed(database: Database, number: int, outcome: str | None) -> None:
    with database.transaction() as tx:
        tx.controls.seed(control(number))
        body = {"run_id": run_id(number), "flaw": "too_much"}
        tx.record_act("demo", "control.seeded", "vera", NOW, run_id(number), body)
        if outcome is not None:
            tx.audit.append(
                stream="tenant/demo",
                tenant="demo",
                run_id=None,
                kind=cast("RecordKind", f"control.{outcome}"),
                actor="worker",
                step_key=outcome_key(run_id(number)),
                at=NOW,
                body=body,
            )


def test_a_control_is_marked_once_and_stays_what_it_is(database: Database, database_url: str) -> None:
    for _ in range(2):
        seed(database, 1, None)
    with database.transaction() as tx:
        tx.controls.seed(control(2))  # a row that no entry bears out
    with database.reading() as tx:
        assert tx.controls.get("demo", run_id(1)) == control(1)
        assert tx.controls.get("demo", run_id(2)) is None
        assert tx.controls.get("other", run_id(1)) is None
    with pytest.raises(UsageError, match="is a control already"), database.transaction() as tx:
        tx.controls.seed(control(1, "ineligible"))
    for statement in ("UPDATE control_run SET flaw = 'ineligible'", "DELETE FROM control_run"):
        with outsider(database_url) as shell, pytest.raises(Exception, match="control_run is append-only"):
            shell(statement)


def test_a_look_is_recorded_once_for_each_enrolled_person_and_proposal(database: Database, tmp_path: Path) -> None:
    root = trusted(database, tmp_path)
    for name in ("anna", "ben"):
        enroll(database, a_key(name)[1], root)
    write(database, 1)
    with database.reading() as tx:
        run = tx.runs.get(run_id(1))
    assert run is not None
    for name, proposal in (("anna", P), ("anna", P), ("ben", P), ("anna", "b" * 64)):
        assert record_seen(database, run, proposal, name)
    assert not record_seen(database, run, P, "zed")
    with database.reading() as tx:
        looks = [entry for entry in tx.audit.read(run_id(1)) if entry.kind == "approve.seen"]
    assert [(entry.actor, entry.body["proposal"]) for entry in looks] == [("anna", P), ("ben", P), ("anna", "b" * 64)]
    assert looks[0].body == {"proposal": P, "channel": "cli"}
    with pytest.raises(UsageError, match="malformed name 'Anna B'"):
        record_seen(database, run, P, "Anna B")


def test_who_holds_an_expired_key_alone_leaves_no_look(database: Database, tmp_path: Path) -> None:
    root = trusted(database, tmp_path)
    expired = a_key("anna")[1].model_copy(update={"expires_at": datetime.now(UTC) - timedelta(hours=1)})
    enroll(database, expired, root)
    write(database, 1)
    with database.reading() as tx:
        run = tx.runs.get(run_id(1))
    assert run is not None
    assert not record_seen(database, run, P, "anna")
    with database.reading() as tx:
        assert [entry.kind for entry in tx.audit.read(run_id(1))] == ["approve.opened"]


def test_who_looks_at_a_run_that_waits_for_nothing_leaves_no_look(database: Database) -> None:
    write(database, 1)
    with database.transaction() as tx:
        tx.runs.set_state(run_id(1), "executed", at=NOW)
        run = tx.runs.get(run_id(1))
    assert run is not None
    record_seen(database, run, P, "anna")
    with database.reading() as tx:
        assert [entry.kind for entry in tx.audit.read(run_id(1))] == ["approve.opened"]


def simulate(database: Database) -> None:
    write(database, 1, seen("anna"), decided("anna"), ended("executed"))
    write(database, 2, seen("anna"), decided("anna", "reject", 4), ended("rejected"))
    write(database, 3, decided("ben", "approve", 700), ended("executed"))
    write(database, 4, seen("ben"), ended("expired"))
    write(database, 5)
    write(database, 6, seen("anna"), decided("anna", "approve"), ended("denied"))
    seed(database, 6, "missed")
    write(database, 7, seen("anna"), decided("anna", "reject"), ended("rejected"))
    seed(database, 7, "caught")
    seed(database, 8, None)
    write(database, 9, seen("anna"), decided("anna"), ended("executed"), tenant="other")


def test_the_report_is_exact_and_leaves_controls_and_other_tenants_apart(database: Database) -> None:
    simulate(database)
    drawn = draw_up_report(database, tenant="demo", days=30)
    assert json.loads(drawn.model_dump_json(exclude={"since", "until", "approvers"})) == {
        "tenant": "demo",
        "overall": {
            "asked": 5,
            "delivered": 0,
            "undelivered": 0,
            "seen": 3,
            "decided": 3,
            "expired_undecided": 1,
            "ended_otherwise": 0,
            "waiting": 1,
            "refused_attempts": 0,
            "median_seconds_to_decision": 20,
        },
        "controls": {"seeded": 3, "caught": 1, "missed": 1, "undecided": 0, "open": 1, "never_planted": 0},
        "notes": [],
    }
    anna, ben = drawn.approvers
    assert (anna.approver, anna.decided, anna.approved_bp, anna.declined_bp) == ("anna", 2, 5000, 5000)
    assert (anna.median_seconds_open, anna.p10_seconds_open, anna.quick, anna.decided_unseen) == (3, 3, 1, 0)
    assert (anna.controls_shown, anna.controls_caught, anna.controls_missed) == (2, 1, 1)
    assert (ben.approver, ben.decided, ben.decided_unseen, ben.median_seconds_open) == ("ben", 1, 1, None)
    assert draw_up_report(database, tenant="demo", days=30, approver="ben").approvers == (ben,)
    assert (drawn.until - drawn.since) == timedelta(days=30)


def test_only_what_was_recorded_within_the_window_counts(database: Database) -> None:
    simulate(database)
    later = draw_up_report(database, tenant="demo", days=30, now=datetime.now(UTC) + timedelta(days=31))
    assert (later.overall.asked, later.controls.seeded, later.approvers) == (0, 0, ())
    assert draw_up_report(database, tenant="nobody", days=30).overall.asked == 0


def test_a_report_over_several_pages_counts_each_gate_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(database)
    whole = draw_up_report(database, tenant="demo", days=1, now=NOW + timedelta(seconds=60))
    for page in (1, 2, 3):
        monkeypatch.setattr("placet.service.oversight._PAGE", page)
        assert draw_up_report(database, tenant="demo", days=1, now=NOW + timedelta(seconds=60)) == whole


def test_notifications_that_ask_someone_are_counted_by_whether_they_arrived(database: Database) -> None:
    write(database, 1)
    occasions: tuple[Occasion, ...] = ("asked", "reminded", "escalated", "decided")
    with database.transaction() as tx:
        for occasion in occasions:
            for channel in ("console", "email"):
                tx.outbox.add(
                    tenant="demo",
                    about=run_id(1),
                    matter=P,
                    occasion=occasion,
                    channel=channel,
                    recipient="anna",
                    role="retention_lead",
                    subject="simulated",
                    text="simulated",
                    at=NOW,
                )
    assert len(ASKING & set(occasions)) == 3
    overall = draw_up_report(database, tenant="demo", days=1).overall
    assert (overall.delivered, overall.undelivered) == (3, 3)


def test_newest_reads_backwards_page_by_page_and_stops_where_it_is_told(database: Database) -> None:
    for number in range(5):
        write(database, number, seen("anna"))
    with database.reading() as tx:
        everything = tx.audit.tail("demo", 0, 100)
        opened = [(position, entry) for position, entry in everything if entry.kind == "approve.opened"]
        first = tx.audit.newest("demo", ("approve.opened",), after_id=opened[1][0], limit=2)
        assert first == [opened[4], opened[3]]
        assert tx.audit.newest("demo", ("approve.opened",), after_id=opened[1][0], before_id=first[-1][0], limit=2) == [
            opened[2]
        ]
        both = tx.audit.newest("demo", ("approve.opened", "approve.seen"), after_id=0)
        assert both == list(reversed(everything))
        assert tx.audit.newest("other", ("approve.opened",), after_id=0) == []


def test_where_a_window_begins_is_the_last_position_recorded_before_it(database: Database) -> None:
    write(database, 1)
    with database.reading() as tx:
        ((position, _),) = tx.audit.tail("demo", 0, 100)
        assert tx.audit.position_before("demo", NOW + timedelta(hours=1)) == position
        assert tx.audit.position_before("demo", NOW - timedelta(hours=1)) == 0
        assert tx.audit.position_before("other", NOW + timedelta(hours=1)) == 0
