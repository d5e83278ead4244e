"""Rows edited by hand are found: `audit verify` compares the tables with what the record led to (promise 5)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from placet.contracts.money import parse_money
from placet.contracts.run import ExecuteInput
from placet.errors import GovernanceError
from placet.gate.context import end
from placet.gate.sending.recheck import check_record
from placet.governance.oversight import SEEDED
from placet.governance.policy.set import PolicySet
from placet.service import halts as halt_operations
from placet.service import keys as key_operations
from placet.service.decisions import sign_amendment
from placet.service.delegations import revoke_delegation, sign_delegation, take_delegation
from placet.service.keeping.tenant_record import record_act
from placet.service.mandates import draft_mandate, sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.reversals import request_reversal
from placet.storage.governance.controls import ControlRecord
from placet.storage.projections.verification import check_projections, verify_projections
from tests.support.databases import disarm, outsider
from tests.support.facts import FACTS
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


COMMIT = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when { resource.kind == "adjust_balance" && resource.currency == "USD" && resource.cost_minor <= 2000 };
"""


@dataclass
class Crowd:
    """One run in each state that people are asked about, and each kind of signed document."""

    waiting: Steps
    amended: Steps
    answered: Steps
    unknown: Steps
    cleared: Steps
    reversed: Steps
    reversal: str


@pytest.fixture
def crowd(steps: Steps, tmp_path: Path) -> Crowd:
    database, now = steps.parts.database, datetime.now(UTC)
    waiting, amended, answered, unknown = (steps.another(key) for key in ("waiting", "amended", "answered", "unknown"))
    steps.executed()
    reversal = request_reversal(database, run_id=steps.run.run_id, tenant="demo", requested_by="olga", reason="")
    waiting.to_the_gate()
    proposed, gate = amended.to_the_gate()
    assert proposed.proposal is not None
    pending = str(proposed.digest), proposed.proposal
    _, envelope = sign_amendment(
        amended.record(), pending, (parse_money("3.00 USD"), None), "anna", "less will do", steps.key
    )
    assert amended.review(proposed, gate, envelope).amended is not None
    proposed, gate = answered.to_the_gate()
    answered.review(proposed, gate, answered.sign(proposed))
    proposed, gate = unknown.to_the_gate()
    unknown.review(proposed, gate, unknown.sign(proposed))
    unknown.close("unknown_outcome", proposed)

    hanna, berta = steps.approver("hanna", "retention_head"), steps.approver("berta", "retention_lead")
    delegations = [
        take_delegation(
            database,
            sign_delegation(
                tenant="demo", delegator="hanna", delegate=delegate, roles=("retention_head",), limit="100.00 USD",
                days=3, reason="away", key=hanna.key,
            ),
            tenant="demo",
        )
        for delegate in ("berta", "anna")
    ]  # fmt: skip
    withdrawn = delegations[1].delegation.document_id
    revoke_delegation(database, tenant="demo", delegation_id=withdrawn, by=berta.name, reason="back")
    policy = tmp_path / "policies" / "demo" / "policy.cedar"
    policy.write_text(policy.read_text() + COMMIT)
    draft = draft_mandate(
        FACTS,
        tenant="demo", name="summer-save", drafted_by="olga", agent="retention", kinds=("adjust_balance",),
        treatments=("goodwill_credit",), cohort=({"field": "status", "op": "eq", "value": "active"},),
        cap_per_customer="20.00 USD", period_days=30, budget="100.00 USD",
        valid_from=now - timedelta(minutes=1), valid_until=now + timedelta(days=1),
    )  # fmt: skip
    mandate = sign_mandate(draft, FACTS, signer="hanna", reason="", key=hanna.key)
    take_mandate(
        database,
        mandate,
        tenant="demo",
        policies=PolicySet(read_policy_files(policy.parent)),
        declared=FACTS,
    )
    cleared = steps.another("cleared")
    with database.transaction() as tx:
        tx.controls.seed(
            ControlRecord(run_id=waiting.run.run_id, tenant="demo", flaw="too_much", seeded_by="hanna", seeded_at=now)
        )
        record_act(tx, "demo", SEEDED, "hanna", now, waiting.run.run_id, {"flaw": "too_much"})
    assert cleared.to_the_gate()[1].verdict == "cleared"
    return Crowd(waiting, amended, answered, unknown, cleared, steps, reversal.request.run_id)


def edits_of(crowd: Crowd) -> dict[str, tuple[str, str]]:
    """Statement by statement, what somebody with the database changes, and what is said of it."""

    def run(which: Steps | str, change: str) -> str:
        run_id = which if isinstance(which, str) else which.run.run_id
        return " ".join(("UPDATE run SET", change, "WHERE run_id =", f"'{run_id}'"))

    waits = "waits_until = '2036-01-01 00:00:00+00:00'"
    return {
        "when a gate closes": (run(crowd.waiting, waits), "waits_until is 2036-01-01T00:00:00+00:00, the record says"),
        "when an amended one does": (run(crowd.amended, waits), "waits_until is 2036-01-01T00:00:00+00:00"),
        "when one that was cleared did": (run(crowd.cleared, waits), "waits_until is 2036-01-01T00:00:00+00:00"),
        "whom a waiting run is about": (run(crowd.waiting, "customer_id = 'C00099'"), "customer_id is 'C00099'"),
        "what it costs": (run(crowd.waiting, "cost_minor = 1"), "cost_minor is 1, the record says 700"),
        "what it costs as amended": (run(crowd.amended, "cost_minor = 700"), "cost_minor is 700, the record says 300"),
        "in which currency": (run(crowd.waiting, "cost_currency = 'EUR'"), "cost_currency is 'EUR'"),
        "what is proposed": (run(crowd.waiting, "treatment = 'x'"), "treatment is 'x'"),
        "of which kind": (run(crowd.waiting, "mutation_kind = 'x'"), "mutation_kind is 'x'"),
        "its proposal hidden": (run(crowd.waiting, "treatment = NULL"), "treatment is None"),
        "how many must approve": (run(crowd.waiting, "quorum = 9"), "quorum is 9"),
        "who is asked": (run(crowd.waiting, "asked_roles = '|x|'"), "asked_roles is '|x|'"),
        "who is asked next": (run(crowd.waiting, "escalate_to = 'x'"), "escalate_to is 'x'"),
        "when": (run(crowd.waiting, "escalate_at = NULL"), "escalate_at is None"),
        "answered by nobody": (run(crowd.waiting, "answered_at = updated_at"), "answered_at is "),
        "not answered": (run(crowd.answered, "answered_at = NULL"), "answered_at is None, the record says"),
        "answered, not known": (run(crowd.unknown, "answered_at = updated_at"), "the record says None"),
        "a state nobody decided": (run(crowd.waiting, "state = 'rejected'"), "state is 'rejected'"),
        "an end that was no end": (run(crowd.amended, "state = 'executed'"), "state is 'executed'"),
        "an amendment undone": (
            run(crowd.amended, f"proposal = '{crowd.waiting.record().proposal}'"),
            "proposal is ",
        ),
        "an outcome known by hand": (run(crowd.unknown, "state = 'executed'"), "state is 'executed'"),
        "an outcome doubted by hand": (run(crowd.waiting, "state = 'unknown_outcome'"), "state is 'unknown_outcome'"),
        "a reversal that ended": (run(crowd.reversal, "state = 'executed'"), "state is 'executed'"),
        "what a reversal reverses": (run(crowd.reversal, "reverses = NULL"), "reverses is None"),
        "a run that reverses": (run(crowd.waiting, "reverses = run_id"), "reverses is 'run-"),
        "a run of nobody": (run(crowd.waiting, "run_id = 'run-00000000000000000001'"), "nothing on the record of that"),
        "a proposal that is another": (
            " ".join(("UPDATE artifact SET data = '' WHERE digest =", f"'{crowd.waiting.record().proposal}'")),
            "is not the document of that digest",
        ),
        "whose delegate": ("UPDATE delegation SET delegate = 'mallory'", "delegate is 'mallory'"),
        "until when": ("UPDATE delegation SET valid_until = '2036-01-01 00:00:00+00:00'", "valid_until is 2036"),
        "by whose key": ("UPDATE delegation SET key_id = document", "key_id is "),
        "on which signature": ("UPDATE delegation SET document = key_id", "document is "),
        "which limit": (
            "UPDATE delegation SET delegation = replace(delegation, '10000', '99000')",
            "limit is {'amount_minor': 99000",
        ),
        "in whose stead": (
            "UPDATE delegation SET delegation = replace(delegation, 'hanna', 'root')",
            "signer is 'root'",
        ),
        "no document": ("UPDATE delegation SET delegation = '{}'", "delegation is not the document that was recorded"),
        "a delegation withdrawn by hand": (
            "UPDATE delegation SET revoked_by = 'x', revoked_at = valid_until, revoked_reason = 'x'",
            "revoked_by is 'x', the record says None",
        ),
        "one that is back": (
            "UPDATE delegation SET revoked_by = NULL, revoked_at = NULL, revoked_reason = NULL",
            "revoked_by is None, the record says 'berta'",
        ),
        "one taken away": ("DELETE FROM delegation WHERE delegate = 'berta'", "the row is gone"),
        "one of another id": (
            "UPDATE delegation SET delegation_id = 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee' WHERE delegate = 'berta'",
            "no 'delegation.signed' of it is on the record",
        ),
        "whose mandate": ("UPDATE mandate SET agent = 'advance'", "agent is 'advance'"),
        "a larger budget": ("UPDATE mandate SET budget_minor = 99000", "budget_minor is 99000, the record says 10000"),
        "a budget spent": ("UPDATE mandate SET spent_minor = 10000", "spent_minor is 10000, the record says 700"),
        "a budget not spent": ("UPDATE mandate SET spent_minor = 0", "spent_minor is 0, the record says 700"),
        "a mandate that ends later": (
            "UPDATE mandate SET valid_until = '2036-01-01 00:00:00+00:00'",
            "valid_until is 2036-01-01T00:00:00+00:00",
        ),
        "a wider cohort": (
            "UPDATE mandate SET mandate = replace(mandate, '\"active\"', '\"x\"')",
            "cohort is [{'field': 'status', 'op': 'eq', 'value': 'x'}]",
        ),
        "no cohort": (
            "UPDATE mandate SET mandate = replace(mandate, '\"cohort\"', '\"kohort\"')",
            "mandate is not the document that was recorded",
        ),
        "signed by another": ("UPDATE mandate SET mandate = replace(mandate, 'hanna', 'root')", "signer is 'root'"),
        "a mandate revoked by hand": (
            "UPDATE mandate SET revoked_by = 'x', revoked_at = valid_until, revoked_reason = 'x'",
            "revoked_by is 'x'",
        ),
        "a mandate taken away": ("DELETE FROM mandate", "the row is gone, the record has its 'mandate.signed'"),
        "a smaller use": ("UPDATE mandate_use SET amount_minor = 1", "amount_minor is 1, the record says 700"),
        "a use for another": ("UPDATE mandate_use SET customer_id = 'C00099'", "customer_id is 'C00099'"),
        "a use of another": ("UPDATE mandate_use SET mandate_id = run_id", "mandate_id is 'run-"),
        "a use given back": ("UPDATE mandate_use SET released_at = used_at", "released_at is 2"),
        "a use at another time": ("UPDATE mandate_use SET used_at = '2036-01-01 00:00:00+00:00'", "used_at is 2036"),
        "a use taken away": ("DELETE FROM mandate_use", "the row is gone, the record has the use"),
        "a use of another proposal": ("UPDATE mandate_use SET proposal = mandate_id", "the record has no such use"),
        "a use by nobody": ("UPDATE mandate_use SET run_id = 'run-00000000000000000001'", "nothing on the record"),
        "what is wrong with a control": ("UPDATE control_run SET flaw = 'ineligible'", "flaw is 'ineligible'"),
        "who planted it": ("UPDATE control_run SET seeded_by = 'mallory'", "seeded_by is 'mallory'"),
        "since when": ("UPDATE control_run SET seeded_at = '2036-01-01 00:00:00+00:00'", "seeded_at is 2036"),
        "a control that is none": ("DELETE FROM control_run", "the row is gone, the record has its 'control.seeded'"),
        "another run as control": (
            "UPDATE control_run SET run_id = 'run-00000000000000000001'",
            "no 'control.seeded' of it is on the record",
        ),
    }


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
    with pytest.raises(GovernanceError, match="is 'expired'; only what a run executed can be taken back"):
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
