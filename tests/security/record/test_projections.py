"""Rows edited by hand are found: `audit verify` compares the tables with what the record led to (promise 5)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from placet.contracts.money import parse_money
from placet.contracts.run import ExecuteInput
from placet.errors import GovernanceError
from placet.gate.context import end
from placet.gate.sending.recheck import check_record
from placet.service.documents import halts as halt_operations
from placet.service.documents import keys as key_operations
from placet.service.reversals import request_reversal
from placet.storage.projections.verification import check_projections, verify_projections
from tests.security.record.crowd import Crowd, edits_of, gathered
from tests.support.databases import disarm, outsider
from tests.support.steps import Steps

KEEP, EMPTY, RESTORE = (
    "CREATE TABLE kept_{0} AS SELECT * FROM {0}",
    "DELETE FROM {0}",
    "INSERT INTO {0} SELECT * FROM kept_{0}",
)
TABLES = (
    "run",
    "effect",
    "decision_use",
    "approver_key",
    "halt",
    "delegation",
    "mandate",
    "mandate_use",
    "control_run",
    "artifact",
    "audit_event",
)


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


def missed(steps: Steps, database_url: str, edits: dict[str, tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The edits that give no finding of theirs; each is undone, so that one installation serves for all."""
    assert findings(steps) == []
    for table in TABLES:
        disarm(database_url, table)
    unnoticed = []
    with outsider(database_url) as run:
        for table in TABLES:
            run(KEEP.format(table))
        for what, (statement, expected) in edits.items():
            table = next(word for word in statement.split() if word in TABLES)
            run(statement)
            found = findings(steps)
            if not any(expected in line for line in found):
                unnoticed.append((what, found))
            run(EMPTY.format(table))
            run(RESTORE.format(table))
    assert findings(steps) == []
    return unnoticed


def test_an_untouched_installation_gives_no_finding_and_each_row_edited_by_hand_gives_one(
    busy: Steps, database_url: str
) -> None:
    assert missed(busy, database_url, EDITS) == []


@pytest.fixture
def crowd(steps: Steps, tmp_path: Path) -> Crowd:
    return gathered(steps, tmp_path)


def test_each_row_about_people_and_what_waits_for_them_edited_by_hand_gives_a_finding(
    crowd: Crowd, database_url: str
) -> None:
    assert missed(crowd.waiting, database_url, edits_of(crowd)) == []


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
    assert state == "expired" or steps.record().updated_at <= datetime.now(UTC)


def test_an_end_that_came_before_its_gate_closed_is_found(steps: Steps, database_url: str) -> None:
    proposed, gate = steps.to_the_gate()
    steps.close("expired", proposed)
    assert findings(steps) == []
    early = (gate.expires_at - timedelta(hours=1)).isoformat(sep=" ")
    edit(database_url, f"UPDATE audit_event SET at = '{early}' WHERE kind = 'run.ended'")  # noqa: S608 - a time
    assert any("it ended as 'expired', and nothing on its record leads there" in one for one in findings(steps))


def test_the_gate_opens_for_what_the_run_proposed_and_for_nothing_else(steps: Steps) -> None:
    other = steps.another("other")
    analysed = steps.analyse()
    proposed = steps.propose(analysed, steps.query(analysed))
    assert proposed.proposal is not None
    cheaper = proposed.proposal.model_copy(update={"cost": parse_money("1.00 USD")})
    with steps.parts.database.transaction() as tx:  # another document of this very run, in the artifact store
        made_up = tx.artifacts.put_model("demo", cheaper)
    for digest in (made_up, str(proposed.digest)):
        here = steps if digest == made_up else other
        with pytest.raises(ApplicationError, match=r"is not what run 'run-\w+' proposed|is of 'run-") as refused:
            here.open(proposed.model_copy(update={"digest": digest}))
        assert (refused.value.type, refused.value.non_retryable) in (("not_approved", True), ("wrong_run", True))
    assert "approve.opened" not in [*steps.kinds(), *other.kinds()]
    assert steps.open(proposed).verdict == "human"


def test_a_row_that_says_other_than_the_record_lets_no_effect_and_no_second_reversal_happen(
    steps: Steps, database_url: str
) -> None:
    proposed, gate = steps.to_the_gate()
    review = steps.review(proposed, gate, steps.sign(proposed))
    steps.close("expired", proposed)
    edit(database_url, "UPDATE run SET state = 'executing'")
    effect = ExecuteInput(
        run=steps.run,
        proposal=str(proposed.digest),
        decisions=tuple(decision.envelope_digest for decision in review.decisions),
    )
    with steps.parts.database.reading() as tx, pytest.raises(GovernanceError, match="is over") as refused:
        check_record(steps.parts.context, tx, effect, steps.parts.context.proposal(steps.run, effect.proposal))
    assert refused.value.code == "run_over"
    with pytest.raises(ApplicationError, match="is over; nothing may be sent"):
        steps.execute(proposed, review)
    edit(database_url, "UPDATE run SET state = 'executed'")
    with pytest.raises(GovernanceError, match="is expired; only what a run executed can be taken back"):
        request_reversal(steps.parts.database, run_id=steps.run.run_id, tenant="demo", requested_by="olga", reason="")


def test_a_reversal_that_executed_stands_whatever_its_row_says(steps: Steps, database_url: str) -> None:
    steps.executed()
    database = steps.parts.database
    first = request_reversal(database, run_id=steps.run.run_id, tenant="demo", requested_by="olga", reason="")
    with database.transaction() as tx:
        end(tx, first.request, "executed", "executed", "", datetime.now(UTC))
    edit(database_url, "UPDATE run SET state = 'failed' WHERE reverses IS NOT NULL")
    with pytest.raises(GovernanceError) as refused:
        request_reversal(database, run_id=steps.run.run_id, tenant="demo", requested_by="olga", reason="")
    assert refused.value.code == "already_reversed"
