"""Rows edited by hand are found: `audit verify` compares the tables with what the record led to (promise 5)."""

from datetime import UTC, datetime

import pytest

from placet.errors import GovernanceError
from placet.gate.context import end
from placet.service import halts as halt_operations
from placet.service import keys as key_operations
from placet.storage.projections.verification import check_projections, verify_projections
from tests.support.databases import disarm, outsider
from tests.support.steps import Steps

KEEP, EMPTY, RESTORE = (
    "CREATE TABLE kept_{0} AS SELECT * FROM {0}",
    "DELETE FROM {0}",
    "INSERT INTO {0} SELECT * FROM kept_{0}",
)
TABLES = ("run", "effect", "decision_use", "approver_key", "halt", "audit_event")


def findings(steps: Steps) -> list[str]:
    with steps.parts.database.snapshot() as tx:
        return [str(finding) for finding in verify_projections(tx, "demo")]


def edit(database_url: str, statement: str) -> None:
    for table in TABLES:
        disarm(database_url, table)
    with outsider(database_url) as run:
        run(statement)


@pytest.fixture
def busy(steps: Steps) -> Steps:
    """An installation with an executed run, a halt that was placed, and a key that was revoked."""
    steps.executed()
    for subject in ("adjust_balance", "order_product"):
        halt_operations.place_halt(
            steps.parts.database,
            tenant="demo",
            scope="kind",
            subject=subject,
            by="olga",
            reason="the price list is wrong",
            agents=("retention",),
        )
    key_operations.revoke_key(
        steps.parts.database, tenant="demo", key_id=steps.key.key_id, by=steps.root, reason="she left"
    )
    return steps


EDITS = {
    "the state of a run": ("UPDATE run SET state = 'rejected'", "state is 'rejected', the record says 'executed'"),
    "whom a run is about": ("UPDATE run SET customer_id = 'C00099'", "customer_id is 'C00099'"),
    "who asked for it": ("UPDATE run SET requested_by = 'mallory'", "requested_by is 'mallory'"),
    "what was proposed": ("UPDATE run SET proposal = evidence", "proposal is "),
    "its receipt": ("UPDATE run SET receipt = NULL", "receipt is None"),
    "a run taken away": ("DELETE FROM run", "the row is gone, the record has the run"),
    "an effect that did not happen": ("UPDATE effect SET status = 'failed', receipt = NULL", "status is 'failed'"),
    "an effect of another proposal": ("UPDATE effect SET proposal = run_id", "proposal is "),
    "a request not counted": ("UPDATE effect SET sends = 0", "sends is 0, the record says 1"),
    "who enrolled a key": ("UPDATE approver_key SET enrolled_by = 'mallory'", "enrolled_by is 'mallory'"),
    "an enrolment signed otherwise": ("UPDATE approver_key SET document = 'x'", "document is 'x'"),
    "who decided": ("UPDATE decision_use SET approver = 'ben'", "approver is 'ben', the record says 'anna'"),
    "a decision used again": ("UPDATE decision_use SET decision_id = 'x'", "decision_id is 'x'"),
    "a decision taken away": ("DELETE FROM decision_use", "the row is gone"),
    "a role": ("UPDATE approver_key SET roles = 'retention_head'", "roles is 'retention_head'"),
    "a limit": ("UPDATE approver_key SET limit_minor = 9900000", "limit_minor is 9900000, the record says 50000"),
    "a key that is good again": (
        "UPDATE approver_key SET revoked_by = NULL, revoked_at = NULL, revoked_reason = NULL",
        "revoked_by is None, the record says 'root'",
    ),
    "a halt that stops something else": ("UPDATE halt SET subject = 'nothing'", "subject is 'nothing'"),
    "a halt taken away": ("DELETE FROM halt WHERE subject = 'order_product'", "the row is gone"),
    "a halt lifted by hand": (
        "UPDATE halt SET lifted_by = 'x', lifted_at = placed_at, lift = 'y'",
        "lifted_by is 'x', the record says None",
    ),
}


def test_an_untouched_installation_gives_no_finding_and_each_row_edited_by_hand_gives_one(
    busy: Steps, database_url: str
) -> None:
    assert findings(busy) == []
    # Undone one after the other, so that one installation serves for all.
    for table in TABLES:
        disarm(database_url, table)
    missed = []
    with outsider(database_url) as run:
        for table in TABLES:
            run(KEEP.format(table))
        for what, (statement, expected) in EDITS.items():
            table = next(word for word in statement.split() if word in TABLES)
            run(statement)
            found = findings(busy)
            if not any(expected in line for line in found):
                missed.append((what, found))
            run(EMPTY.format(table))
            run(RESTORE.format(table))
    assert missed == []
    assert findings(busy) == []


def test_a_row_about_a_run_that_nobody_recorded_is_found(busy: Steps, database_url: str) -> None:
    edit(database_url, "UPDATE effect SET run_id = 'run-00000000000000000001'")
    assert any("nothing on the record of that run" in line for line in findings(busy))


def test_a_state_without_the_entries_that_lead_to_it_is_found(steps: Steps) -> None:
    steps.to_the_gate()
    with steps.parts.database.transaction() as tx:  # whoever gets our own code to write it
        end(tx, steps.run, "executed", "executed", "", datetime.now(UTC))
        tx.runs.set_state(steps.run.run_id, "executed", at=datetime.now(UTC), code="executed")
    assert [line.split(": ", 1)[1] for line in findings(steps)] == [
        "it ended as 'executed', and nothing on its record leads there"
    ]


def test_an_entry_that_follows_the_end_is_found(steps: Steps, database_url: str) -> None:
    steps.executed()
    edit(database_url, "UPDATE audit_event SET kind = 'run.started', step_key = 'again' WHERE kind = 'run.ended'")
    with steps.parts.database.snapshot() as tx, pytest.raises(GovernanceError, match="differ from the record") as found:
        check_projections(tx, "demo")
    assert found.value.code == "projection_differs"


@pytest.mark.parametrize("state", ["rejected", "expired", "cancelled", "failed"])
def test_each_way_to_end_gives_no_finding(steps: Steps, state: str) -> None:
    proposed, gate = steps.to_the_gate()
    if state == "rejected":
        steps.review(proposed, gate, steps.sign(proposed, "reject"))
    steps.close(state, proposed)
    assert findings(steps) == []
    assert steps.record().updated_at <= datetime.now(UTC)
