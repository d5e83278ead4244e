"""Figures for whoever watches: right on both databases, of one tenant alone, and bounded."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.dialects import sqlite

from placet.contracts.run import OPEN_STATES, RunState
from placet.governance.log.key import load_or_create_log_identity
from placet.storage import figures as module
from placet.storage.database import Database
from placet.storage.figures import Backlog, TenantFigures
from placet.storage.log.sequencer import LogSequencer
from tests.integration.storage import test_storage_notifications as outbox
from tests.integration.storage.test_storage_runs import AT, request
from tests.support.databases import migrated, sqlite_url


def figures(database: Database, tenant: str = "acme") -> TenantFigures:
    with database.reading() as tx:
        return tx.figures.of(tenant)


def stand(
    database: Database, number: int, state: RunState, tenant: str = "acme", opened: datetime | None = None
) -> None:
    run = request(number, tenant=tenant, key=f"{tenant}-{number}")
    with database.transaction() as tx:
        tx.runs.request(run)
        tx.runs.set_state(run.run_id, state, at=AT)
        if opened is not None:
            tx.audit.append(
                stream=run.run_id,
                tenant=tenant,
                run_id=run.run_id,
                kind="approve.opened",
                actor="policy",
                step_key="approve.opened",
                at=opened,
                body={},
            )


def test_an_empty_installation_has_nothing_that_waits(database: Database) -> None:
    nothing = Backlog(0, None)
    assert figures(database) == TenantFigures(dict.fromkeys(OPEN_STATES, nothing), None, nothing, nothing)


def test_open_runs_gates_and_notifications_are_those_of_the_tenant(database: Database) -> None:
    stand(database, 1, "awaiting_decision", opened=AT + timedelta(hours=5))
    stand(database, 2, "awaiting_decision", opened=AT + timedelta(hours=3))
    stand(database, 3, "unknown_outcome")
    stand(database, 4, "executed")
    stand(database, 5, "awaiting_decision", "other", opened=AT)
    outbox.add(database)
    outbox.add(database, occasion="reminded", at=AT - timedelta(hours=1))
    outbox.add(database, tenant="other", about="run-" + "1" * 20, at=AT - timedelta(days=9))
    found = figures(database)
    assert found.runs["awaiting_decision"] == Backlog(2, request(1).requested_at)
    assert found.runs["unknown_outcome"] == Backlog(1, request(3).requested_at)
    assert sum(runs.count for runs in found.runs.values()) == 3
    assert found.oldest_gate == AT + timedelta(hours=3)
    assert found.outbox == Backlog(2, AT - timedelta(hours=1))
    assert outbox.claim(database) is not None  # one that is being delivered still waits
    assert figures(database).outbox.count == 2


def test_what_no_checkpoint_covers_is_counted_from_the_record(database: Database, tmp_path: Path) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(3):
        stand(database, number, "awaiting_decision", opened=AT)
    stand(database, 8, "awaiting_decision", "other", opened=AT)
    unsigned = figures(database).unsigned
    assert unsigned.count == 3
    assert unsigned.since is not None
    assert began < unsigned.since < began + timedelta(minutes=5)
    identity = load_or_create_log_identity("placet.test", tmp_path / "log.pem")
    LogSequencer(database, identity, "acme", clock=lambda: datetime.now(UTC)).advance()
    assert figures(database).unsigned == Backlog(0, None)
    stand(database, 4, "awaiting_decision", opened=AT)
    assert figures(database).unsigned.count == 1
    assert figures(database, "other").unsigned.count == 1


def test_no_query_walks_a_table_that_grows_with_the_record(tmp_path: Path) -> None:
    queries = (module._OPEN, module._OLDEST_GATE, module._OUTBOX, module._UNSIGNED, module._SIGNED, module._LEAF)
    url = sqlite_url(tmp_path)
    migrated(url).close()
    tables = {"run", "audit_event", "notification", "log_entry", "log_checkpoint"}
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        for query in queries:
            compiled = query.compile(dialect=sqlite.dialect(paramstyle="named"))
            plan = file.execute(f"EXPLAIN QUERY PLAN {compiled}", dict(compiled.params))
            steps = [str(row[3]) for row in plan]
            assert [step for step in steps if step.startswith("SCAN") and step.split()[1] in tables] == [], steps
            assert any("INDEX" in step or "PRIMARY KEY" in step for step in steps), steps
