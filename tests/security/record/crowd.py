"""One run in each state that people are asked about, and the rows of it that somebody may change by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from placet.contracts.money import parse_money
from placet.governance.oversight.stories import SEEDED
from placet.governance.policy.set import PolicySet
from placet.service.deciding.decisions import sign_amendment
from placet.service.documents.delegations import revoke_delegation, sign_delegation, take_delegation
from placet.service.documents.mandates import draft_mandate, sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.reversals import request_reversal
from placet.storage.governance.controls import ControlRecord
from tests.support.facts import FACTS
from tests.support.steps import Steps

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


def gathered(steps: Steps, tmp_path: Path) -> Crowd:
    """Bring each of them about."""
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
        tx.record_act("demo", SEEDED, "hanna", now, waiting.run.run_id, {"flaw": "too_much"})
    assert cleared.to_the_gate()[1].verdict == "cleared"
    return Crowd(waiting, amended, answered, unknown, cleared, steps, reversal.request.run_id)


def _run(which: Steps | str, change: str) -> str:
    run_id = which if isinstance(which, str) else which.run.run_id
    return " ".join(("UPDATE run SET", change, "WHERE run_id =", f"'{run_id}'"))


def edits_of_gates(crowd: Crowd) -> dict[str, tuple[str, str]]:
    """What is changed of a gate that waits: until when, for whom, for what."""
    waits = "waits_until = '2036-01-01 00:00:00+00:00'"
    return {
        "when a gate closes": (_run(crowd.waiting, waits), "waits_until is 2036-01-01T00:00:00+00:00, the record says"),
        "when an amended one does": (_run(crowd.amended, waits), "waits_until is 2036-01-01T00:00:00+00:00"),
        "when one that was cleared did": (_run(crowd.cleared, waits), "waits_until is 2036-01-01T00:00:00+00:00"),
        "whom a waiting run is about": (_run(crowd.waiting, "customer_id = 'C00099'"), "customer_id is 'C00099'"),
        "what it costs": (_run(crowd.waiting, "cost_minor = 1"), "cost_minor is 1, the record says 700"),
        "what it costs as amended": (_run(crowd.amended, "cost_minor = 700"), "cost_minor is 700, the record says 300"),
        "in which currency": (_run(crowd.waiting, "cost_currency = 'EUR'"), "cost_currency is 'EUR'"),
        "what is proposed": (_run(crowd.waiting, "treatment = 'x'"), "treatment is 'x'"),
        "of which kind": (_run(crowd.waiting, "mutation_kind = 'x'"), "mutation_kind is 'x'"),
        "its proposal hidden": (_run(crowd.waiting, "treatment = NULL"), "treatment is None"),
        "how many must approve": (_run(crowd.waiting, "quorum = 9"), "quorum is 9"),
        "who is asked": (_run(crowd.waiting, "asked_roles = '|x|'"), "asked_roles is '|x|'"),
        "who is asked next": (_run(crowd.waiting, "escalate_to = 'x'"), "escalate_to is 'x'"),
        "when": (_run(crowd.waiting, "escalate_at = NULL"), "escalate_at is None"),
    }


def edits_of_runs(crowd: Crowd) -> dict[str, tuple[str, str]]:
    """What is changed of how far a run is, and of what it reverses."""
    return {
        "answered by nobody": (_run(crowd.waiting, "answered_at = updated_at"), "answered_at is "),
        "not answered": (_run(crowd.answered, "answered_at = NULL"), "answered_at is None, the record says"),
        "answered, not known": (_run(crowd.unknown, "answered_at = updated_at"), "the record says None"),
        "a state nobody decided": (_run(crowd.waiting, "state = 'rejected'"), "state is 'rejected'"),
        "an end that was no end": (_run(crowd.amended, "state = 'executed'"), "state is 'executed'"),
        "an amendment undone": (
            _run(crowd.amended, f"proposal = '{crowd.waiting.record().proposal}'"),
            "proposal is ",
        ),
        "an outcome known by hand": (_run(crowd.unknown, "state = 'executed'"), "state is 'executed'"),
        "an outcome doubted by hand": (_run(crowd.waiting, "state = 'unknown_outcome'"), "state is 'unknown_outcome'"),
        "a reversal that ended": (_run(crowd.reversal, "state = 'executed'"), "state is 'executed'"),
        "what a reversal reverses": (_run(crowd.reversal, "reverses = NULL"), "reverses is None"),
        "a run that reverses": (_run(crowd.waiting, "reverses = run_id"), "reverses is 'run-"),
        "a run of nobody": (
            _run(crowd.waiting, "run_id = 'run-00000000000000000001'"),
            "nothing on the record of that",
        ),
        "a proposal that is another": (
            " ".join(("UPDATE artifact SET data = '' WHERE digest =", f"'{crowd.waiting.record().proposal}'")),
            "is not the document of that digest",
        ),
    }


OF_DELEGATIONS = {
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
}
"""What is changed of the delegations that stand, and of the one that was withdrawn."""

OF_MANDATES = {
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
}
"""What is changed of the mandate, and of what a run took of it."""

OF_CONTROLS = {
    "what is wrong with a control": ("UPDATE control_run SET flaw = 'ineligible'", "flaw is 'ineligible'"),
    "who planted it": ("UPDATE control_run SET seeded_by = 'mallory'", "seeded_by is 'mallory'"),
    "since when": ("UPDATE control_run SET seeded_at = '2036-01-01 00:00:00+00:00'", "seeded_at is 2036"),
    "a control that is none": ("DELETE FROM control_run", "the row is gone, the record has its 'control.seeded'"),
    "another run as control": (
        "UPDATE control_run SET run_id = 'run-00000000000000000001'",
        "no 'control.seeded' of it is on the record",
    ),
}
"""What is changed of the control that was planted."""


def edits_of(crowd: Crowd) -> dict[str, tuple[str, str]]:
    """Statement by statement, what somebody with the database changes, and what is said of it."""
    return {**edits_of_gates(crowd), **edits_of_runs(crowd), **OF_DELEGATIONS, **OF_MANDATES, **OF_CONTROLS}
