"""A run is requested once per key, and an end is final."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from placet.contracts.receipt import Receipt
from placet.contracts.run import END_STATES, RunRequest
from placet.errors import UsageError
from placet.storage.database import Database
from placet.storage.inbox import InboxFilter, _condition
from placet.storage.records import RunRecord
from placet.storage.runs import matching, reversing
from placet.storage.tables import RUN
from tests.support.databases import migrated, sqlite_url, together

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def request(number: int = 1, **changes: Any) -> RunRequest:
    fields: dict[str, Any] = {
        "run_id": f"run-{number:020x}",
        "tenant": "acme",
        "customer_id": "7590-VHVEG",
        "agent": "retention",
        "key": f"call-{number}",
        "requested_by": "maria.lopez",
        "requested_at": AT + timedelta(minutes=number),
    }
    return RunRequest(**{**fields, **changes})


def test_a_new_request_stands_at_its_first_state(database: Database) -> None:
    with database.transaction() as tx:
        assert tx.runs.request(request())
        assert tx.runs.get("run-00000000000000000002") is None
        record = tx.runs.get(request().run_id)
    expected = {
        **dict(request()),
        "updated_at": request().requested_at,
        "state": "analysing",
        "code": None,
        "detail": "",
    }
    nothing = dict.fromkeys(("assessment", "evidence", "proposal", "decision", "receipt"))
    assert record == RunRecord(**expected, **nothing)


def test_the_same_request_again_is_the_same_run(database: Database) -> None:
    with database.transaction() as tx:
        tx.runs.request(request())
        assert not tx.runs.request(request(requested_by="jan.kovac", requested_at=AT + timedelta(days=1)))
        record = tx.runs.get(request().run_id)
    assert record is not None
    assert record.requested_by == "maria.lopez"


def test_of_racing_requests_one_starts_the_run(database: Database) -> None:
    def start(_: int) -> bool:
        with database.transaction() as tx:
            return tx.runs.request(request())

    assert sorted(together(12, start)) == [False] * 11 + [True]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"customer_id": "5575-GNVDE"}, "customer_id '7590-VHVEG' .* not '5575-GNVDE'"),
        ({"agent": "advance"}, "agent 'retention' .* not 'advance'"),
        ({"tenant": "other"}, "tenant 'acme' .* not 'other'"),
        ({"reverses": "run-" + "e" * 20}, "reverses None .* not 'run-eeeeeeeeeeeeeeeeeeee'"),
        ({"run_id": "run-" + "f" * 20}, "run_id 'run-00000000000000000001' .* not 'run-ffffffffffffffffffff'"),
    ],
)
def test_a_key_that_stands_for_something_else_is_refused(
    database: Database, changes: dict[str, Any], words: str
) -> None:
    with database.transaction() as tx:
        tx.runs.request(request())
    with database.transaction() as tx, pytest.raises(UsageError, match=words) as conflict:
        tx.runs.request(request(**changes))
    assert conflict.value.code == "run_key_conflict"


def test_states_and_digests_accumulate(database: Database) -> None:
    receipt = Receipt(
        effect_key="e" * 64,
        external_id="adj-1",
        api="TMF654",
        confirmed_by="response",
        response_sha256=None,
        settled_at=AT,
    )
    run_id = request().run_id
    with database.transaction() as tx:
        tx.runs.request(request())
        assert tx.runs.set_state(run_id, "querying", at=AT, assessment="a" * 64)
        assert tx.runs.set_state(run_id, "proposing", at=AT, evidence="b" * 64)
        assert tx.runs.set_state(run_id, "awaiting_decision", at=AT, proposal="c" * 64)
        assert tx.runs.set_state(run_id, "executing", at=AT, decision="d" * 64)
        assert tx.runs.set_state(run_id, "executed", at=AT, code="done", detail="credited", receipt=receipt)
        record = tx.runs.get(run_id)
    assert record is not None
    assert (record.assessment, record.evidence, record.proposal, record.decision) == (
        "a" * 64,
        "b" * 64,
        "c" * 64,
        "d" * 64,
    )
    assert (record.state, record.code, record.detail, record.receipt) == ("executed", "done", "credited", receipt)


@pytest.mark.parametrize("end", sorted(END_STATES))
def test_an_end_is_never_left(database: Database, end: Any) -> None:
    run_id = request().run_id
    with database.transaction() as tx:
        tx.runs.request(request())
        assert tx.runs.set_state(run_id, end, at=AT, code="first")
        assert tx.runs.set_state(run_id, end, at=AT + timedelta(1), code="again")
        assert not tx.runs.set_state(run_id, "executing", at=AT + timedelta(1), proposal="c" * 64)
        assert not tx.runs.set_state(run_id, "unknown_outcome", at=AT + timedelta(1))
        record = tx.runs.get(run_id)
    assert record is not None
    assert (record.state, record.code, record.updated_at, record.proposal) == (end, "first", AT, None)


def test_a_note_changes_neither_the_state_nor_a_run_that_ended(database: Database) -> None:
    run_id, later = request().run_id, AT + timedelta(hours=1)
    with database.transaction() as tx:
        tx.runs.request(request())
        tx.runs.set_state(run_id, "querying", at=AT)
        tx.runs.set_detail(run_id, "retrying: billing is down", at=later)
        noted = tx.runs.get(run_id)
        tx.runs.set_state(run_id, "failed", at=AT, detail="gave up")
        tx.runs.set_detail(run_id, "retrying: too late", at=later)
        ended = tx.runs.get(run_id)
    assert noted is not None
    assert (noted.state, noted.detail, noted.updated_at) == ("querying", "retrying: billing is down", later)
    assert ended is not None
    assert (ended.state, ended.detail, ended.updated_at) == ("failed", "gave up", AT)


def test_an_unknown_outcome_is_left_when_a_person_settles_it(database: Database) -> None:
    with database.transaction() as tx:
        tx.runs.request(request())
        assert tx.runs.set_state(request().run_id, "unknown_outcome", at=AT)
        assert tx.runs.set_state(request().run_id, "executed", at=AT)


def test_a_run_that_was_never_requested_has_no_state(database: Database) -> None:
    with database.transaction() as tx, pytest.raises(UsageError, match="'run-missing' does not exist") as unknown:
        tx.runs.set_state("run-missing", "failed", at=AT)
    assert unknown.value.code == "unknown_run"


def test_lists_are_newest_first_in_pages_and_by_tenant_state_and_customer(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(1, 8):
            tx.runs.request(request(number, customer_id="c-even" if number % 2 == 0 else "c-odd"))
        tx.runs.request(request(8, tenant="other"))
        tx.runs.set_state(request(4).run_id, "rejected", at=AT)
    with database.reading() as tx:
        pages, after = [], None
        while page := tx.runs.list("acme", limit=3, after=after):
            after = page[-1].run_id
            pages.append([int(run.run_id[4:], 16) for run in page])
        assert pages == [[7, 6, 5], [4, 3, 2], [1]]
        assert [run.key for run in tx.runs.list("acme", state="rejected")] == ["call-4"]
        assert [run.key for run in tx.runs.list("acme", customer_id="c-even")] == ["call-6", "call-4", "call-2"]
        assert [run.key for run in tx.runs.list("other")] == ["call-8"]


def test_runs_are_found_by_what_is_known_of_them(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(1, 5):
            agent = "advance" if number == 2 else "retention"
            by = "ben" if number == 3 else "olga"
            tx.runs.request(request(number, agent=agent, requested_by=by, requested_at=AT + timedelta(hours=number)))
        tx.runs.request(request(5, tenant="other", run_id="run-" + "abcd" * 5))
        tx.runs.request(request(6, run_id="run-" + "abce" * 5))
    with database.reading() as tx:

        def found(**more: Any) -> list[str]:
            return [run.key for run in tx.runs.list("acme", **more)]

        assert found(agent="advance") == ["call-2"]
        assert found(requested_by="ben") == ["call-3"]
        assert found(key="call-4") == ["call-4"]
        assert found(begins="run-abc") == ["call-6"]
        assert found(begins="run-" + "abce" * 5) == ["call-6"]
        assert found(begins="run-abcf") == []
        assert found(since=AT + timedelta(hours=3), until=AT + timedelta(hours=4)) == ["call-3"]
        assert found(since=AT + timedelta(hours=2), agent="retention", requested_by="olga", begins="run-0000") == [
            "call-4"
        ]


def test_an_index_answers_each_way_to_look_for_runs(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    migrated(url).close()
    ways: list[tuple[dict[str, Any], str]] = [
        ({"state": "failed"}, "ix_run_tenant_state (tenant=? AND state=?"),
        ({"customer_id": "C1"}, "ix_run_tenant_customer (tenant=? AND customer_id=?"),
        ({"agent": "advance"}, "ix_run_tenant_agent (tenant=? AND agent=?"),
        ({"requested_by": "ben"}, "ix_run_tenant_requested_by (tenant=? AND requested_by=?"),
        ({"key": "k"}, "sqlite_autoindex_run_2 (tenant=? AND key=?"),
        ({"begins": "run-abcd"}, "sqlite_autoindex_run_1 (run_id>? AND run_id<?"),
        ({"since": AT, "until": AT}, "ix_run_tenant_requested_at (tenant=? AND requested_at>? AND requested_at<?"),
    ]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        for more, index in ways:
            query = matching("acme", **more).order_by(RUN.c.requested_at.desc(), RUN.c.run_id.desc()).limit(51)
            compiled = query.compile(dialect=sqlite.dialect(paramstyle="named"))
            plan = [str(row[3]) for row in file.execute(f"EXPLAIN QUERY PLAN {compiled}", dict(compiled.params))]
            assert plan[0].startswith(f"SEARCH run USING INDEX {index}"), (more, plan)
            assert "SEARCH reversal USING INDEX ix_run_reverses (reverses=?)" in plan  # whether it was taken back
            assert more.keys() == {"begins"} or len(plan) == 3, (more, plan)


def test_what_lists_reversals_or_what_waits_reads_no_other_runs(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    migrated(url).close()
    waiting = select(RUN).where(_condition("acme", InboxFilter(), AT))
    queries = [
        (reversing("acme").order_by(RUN.c.requested_at.desc(), RUN.c.run_id.desc()), ("ix_run_reverses (reverses>?",)),
        (waiting.order_by(RUN.c.waits_until, RUN.c.run_id), ("ix_run_waiting (tenant=?",)),
        (waiting, ("ix_run_waiting (tenant=?", "ix_run_tenant_state (tenant=? AND state=?")),
    ]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        for query, indices in queries:
            compiled = query.limit(26).compile(dialect=sqlite.dialect(paramstyle="named"))
            plan = [str(row[3]) for row in file.execute(f"EXPLAIN QUERY PLAN {compiled}", dict(compiled.params))]
            assert plan[0].startswith(tuple(f"SEARCH run USING INDEX {index}" for index in indices)), plan


def test_reversals_are_listed_newest_first_page_by_page_for_their_tenant(database: Database) -> None:
    with database.transaction() as tx:
        tx.runs.request(request())
        for number in (2, 3, 4):
            tx.runs.request(request(number, reverses=request().run_id, requested_at=AT + timedelta(hours=number)))
        tx.runs.request(request(5, tenant="other", reverses=request().run_id))
    with database.reading() as tx:
        first = tx.runs.reversals("acme", limit=2)
        second = tx.runs.reversals("acme", after=first[-1].run_id, limit=2)
        assert tx.runs.reversals("nobody") == ()
    assert [one.run_id for one in (*first, *second)] == [request(number).run_id for number in (4, 3, 2)]


def test_a_runs_reversals_are_those_of_its_own_tenant_oldest_first(database: Database) -> None:
    original = request().run_id
    with database.transaction() as tx:
        tx.runs.request(request())
        for number in (3, 2):
            tx.runs.request(request(number, reverses=original))
        tx.runs.request(request(4, tenant="other", reverses=original))
        tx.runs.request(request(5, reverses=request(2).run_id))
        tx.runs.set_state(request(2).run_id, "rejected", at=AT)
    with database.reading() as tx:
        found = tx.runs.reversals_of(original)
        assert tx.runs.reversals_of(request(4).run_id) == ()
    assert [(run.run_id, run.state, run.reverses) for run in found] == [
        (request(2).run_id, "rejected", original),
        (request(3).run_id, "analysing", original),
    ]


def test_requests_of_the_same_moment_are_paged_without_loss(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(1, 6):
            tx.runs.request(request(number, requested_at=AT))
    with database.reading() as tx:
        first = tx.runs.list("acme", limit=2)
        rest = tx.runs.list("acme", after=first[-1].run_id)
    assert [run.key for run in first + rest] == ["call-5", "call-4", "call-3", "call-2", "call-1"]
