"""Whoever writes to our database, and has nobody's key: what was not signed permits nothing, on either database."""

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.approve import Approve
from activities.close_run import CloseRun
from activities.execute import Execute
from placet.contracts.gate import Gate
from placet.contracts.money import Money, parse_money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import AcceptedDecision, ReceivedDecision
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.run import CloseInput, EndState, ExecuteInput, ReviewInput
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import Signer, public_bytes
from placet.governance.signing.signed import sign_document
from placet.service.oversight import record_seen
from tests.support.databases import disarm, outsider
from tests.support.enrolment import enrolment_of, new_signer
from tests.support.world import Approver, World
from tests.unit.policy.policy_support import a_mandate

COMMIT = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when { resource.kind == "adjust_balance" && resource.currency == "USD" && resource.cost_minor <= 2000 };
"""


@pytest.fixture
def world(make_world: Callable[..., World], database_url: str) -> World:
    return make_world(database_url=database_url)


def forged(world: World, run_id: str, by: Approver, **changes: Any) -> AcceptedDecision:
    """What the record would hold, had `by` decided."""
    fields: dict[str, Any] = {
        "verdict": "approve",
        "approver": by.name,
        "key_id": by.key.key_id,
        "decision_id": secrets.token_hex(16),
        "decided_at": datetime.now(UTC),
        "reason": "",
        "proposal": world.record(run_id).proposal,
        "roles": ("retention_lead",),
        "envelope_digest": sha256_hex(b"no envelope at all"),
    }
    return AcceptedDecision(**{**fields, **changes})


def insert(world: World, run_id: str, decision: AcceptedDecision) -> None:
    """Write a row; no trigger stands in the way of one."""
    with world.database.transaction() as tx:
        assert tx.decisions.use(decision, tenant="demo", run_id=run_id, place=1)


def lapsed(world: World, run_id: str) -> set[str]:
    return {event.body["code"] for event in world.events(run_id, "approve.lapsed")}


def known_to_all(world: World, signer: Signer, *roles: str) -> EnrolledKey:
    """A key with a row, a document that its own holder signed, and an entry: everything but an administrator."""
    key = EnrolledKey(
        tenant="demo",
        name=signer.name,
        roles=roles,
        limit=Money(amount_minor=100_000, currency="USD"),
        key_id=signer.key.key_id,
        public_key=base64.b64encode(public_bytes(signer.key.private.public_key())).decode(),
        enrolled_by=signer.name,
        enrolled_at=datetime.now(UTC),
    )
    text = enrolment_of(key, signer)
    with world.database.transaction() as tx:
        document = tx.artifacts.put("demo", "text/plain", text.encode())
        tx.approvers.enroll(key, document)
        tx.audit.append(
            stream="tenant/demo",
            tenant="demo",
            run_id=None,
            kind="key.enrolled",
            actor="root",
            step_key=f"key.enrolled.{key.key_id}",
            at=key.enrolled_at,
            body={"document": document, "key_id": key.key_id},
        )
    return key


def test_an_inserted_decision_permits_nothing_whatever_signal_follows(world: World) -> None:
    anna, ben = world.approver("anna"), world.approver("ben")
    run_id = world.pending("C00005")
    # An envelope that anna signed for another run lends its digest: it is in the store, and about something else.
    other = world.pending("C00006")
    elsewhere = world.sign(other, anna)
    with world.database.transaction() as tx:
        digest = tx.artifacts.put("demo", "text/plain", elsewhere.encode())
    insert(world, run_id, forged(world, run_id, anna, envelope_digest=digest))
    world.send(run_id, "any signal at all")
    assert world.refusal(run_id) == "malformed"
    assert world.record(run_id).state == "awaiting_decision"
    assert lapsed(world, run_id) == {"unproven"}
    # Nor does it help another's approval where two must approve, nor stand for a no.
    insert(world, other, forged(world, other, anna, verdict="reject"))
    world.send(other, "any signal at all")
    assert world.refusal(other) == "malformed"
    assert (world.record(other).state, lapsed(world, other)) == ("awaiting_decision", {"unproven"})
    # Straight at the effect, as whoever reaches Temporal would.
    effect = ExecuteInput(
        run=world.request_of(run_id), proposal=str(world.record(run_id).proposal), decisions=(digest,)
    )
    result = world.in_activity(lambda context: Execute(context).execute(effect))
    assert (result.outcome, result.code) == ("refused", "unproven")
    assert world.effects()["adjustments"] == 0
    # What a person does sign counts beside it.
    third = world.pending("C00007")
    insert(world, third, forged(world, third, anna))
    assert world.approve(third, ben).state == "executed"
    assert sum(world.effects().values()) == 1


def test_an_inserted_decision_fills_no_quorum(world: World) -> None:
    world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    anna, ben, cora = (world.approver(name) for name in ("anna", "ben", "cora"))
    run_id = world.pending("C00005")
    insert(world, run_id, forged(world, run_id, anna))
    world.send(run_id, world.sign(run_id, ben))
    world.until(lambda: bool(world.events(run_id, "approve.decided")), "ben's approval")
    assert world.record(run_id).state == "awaiting_decision"
    assert [event.body["missing"] for event in world.events(run_id, "approve.decided")] == [1]
    assert world.approve(run_id, cora).state == "executed"


def test_a_row_altered_under_an_honest_envelope_permits_nothing(world: World, database_url: str) -> None:
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    envelope = world.sign(run_id, anna, "reject")
    with world.database.transaction() as tx:
        digest = tx.artifacts.put("demo", "text/plain", envelope.encode())
    # She said no; the row says yes.
    insert(world, run_id, forged(world, run_id, anna, envelope_digest=digest))
    world.send(run_id, "any signal at all")
    assert world.refusal(run_id) == "malformed"
    assert (world.record(run_id).state, lapsed(world, run_id)) == ("awaiting_decision", {"unproven"})
    assert world.effects()["adjustments"] == 0


def test_an_inserted_amendment_is_nobodys(world: World) -> None:
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    proposal = world.proposal(run_id)
    larger = proposal.model_copy(
        update={
            "mutation": proposal.mutation.model_copy(update={"amount": parse_money("90.00 USD")}),
            "cost": parse_money("90.00 USD"),
            "amends": world.record(run_id).proposal,
            "amended_by": "anna",
        }
    )
    gate = Gate.model_validate(world.events(run_id, "approve.opened")[0].body["gate"])
    with world.database.transaction() as tx:
        changed = tx.artifacts.put_model("demo", larger)
        before = world.record(run_id).proposal
        tx.audit.append(
            stream=run_id,
            tenant="demo",
            run_id=run_id,
            kind="approve.amended",
            actor="anna",
            step_key=f"approve.amended.{before}",
            at=datetime.now(UTC),
            body={"amends": before, "proposal": changed, "gate": gate.model_dump(mode="json")},
        )
        tx.runs.set_state(run_id, "awaiting_decision", at=datetime.now(UTC), proposal=changed)
    world.send(run_id, world.sign(run_id, anna, proposal=changed))
    assert world.refusal(run_id) == "unproven"
    assert world.effects()["adjustments"] == 0


def test_an_inserted_key_decides_delegates_and_authorises_nothing(world: World) -> None:
    junior = world.approver("junior", roles=("care_agent",), limit="0.00 USD")
    mallory = new_signer("mallory")
    key = known_to_all(world, mallory, "retention_lead", "retention_head", "administrator")
    run_id = world.pending("C00005")
    world.send(run_id, world.sign(run_id, Approver("mallory", mallory.key)))
    assert world.refusal(run_id, 1) == "unknown_key"
    # She delegates to somebody who is enrolled.
    now = datetime.now(UTC)
    delegation = Delegation(
        tenant="demo",
        signer="mallory",
        signed_at=now,
        document_id=secrets.token_hex(16),
        delegate="junior",
        roles=("retention_lead",),
        limit=parse_money("100.00 USD"),
        valid_from=now,
        valid_until=now + timedelta(days=1),
    )
    text = sign_document(delegation, mallory.key.private, mallory.key.key_id)
    with world.database.transaction() as tx:
        document = tx.artifacts.put("demo", "text/plain", text.encode())
        assert tx.delegations.add(DelegationRecord(delegation=delegation, document=document, key_id=key.key_id))
    world.send(run_id, world.sign(run_id, junior))
    assert world.refusal(run_id, 2) == "unentitled"
    # She signs a mandate where policy would let one clear.
    world.edit_policy(lambda text: text + COMMIT)
    mandate = a_mandate().model_copy(
        update={"signer": "mallory", "signed_at": now, "valid_from": now, "valid_until": now + timedelta(days=1)}
    )
    signed = sign_document(mandate, mallory.key.private, mallory.key.key_id)
    with world.database.transaction() as tx:
        document = tx.artifacts.put("demo", "text/plain", signed.encode())
        assert tx.mandates.add(MandateRecord(mandate=mandate, document=document, key_id=key.key_id, spent_minor=0))
    second = world.pending("C00006")
    (passed,) = world.events(second, "mandate.passed_over")
    assert [reason["code"] for reason in passed.body["reasons"]] == ["unknown_key"]
    # And the listing says so.
    with world.database.reading() as tx:
        (listed,) = (one for one in tx.approvers.listed("demo") if one.name == "mallory")
    assert "enrolls itself and is not pinned as an administrator" in str(listed.fault)
    assert world.effects()["adjustments"] == 0


def test_a_revocation_that_the_table_forgot_still_counts(world: World, database_url: str) -> None:
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    signed_before = world.sign(run_id, anna)
    world.revoke(anna.key)
    disarm(database_url, "approver_key")
    with outsider(database_url) as run:
        run("UPDATE approver_key SET revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL, revocation = NULL")
    for count, envelope in enumerate((signed_before, world.sign(run_id, anna)), 1):
        world.send(run_id, envelope)
        assert world.refusal(run_id, count) == "revoked_key"
    assert world.record(run_id).state == "awaiting_decision"


@pytest.mark.parametrize("row", [False, True], ids=["invented", "inserted"])
def test_an_outcome_is_settled_by_what_a_person_signed_alone(world: World, row: bool) -> None:
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    request, proposal = world.request_of(run_id), str(world.record(run_id).proposal)
    settled = forged(world, run_id, anna, verdict="confirm_executed", reason="I looked")

    def close(state: EndState, by: AcceptedDecision | None) -> None:
        end = CloseInput(run=request, state=state, code="settled_by_person", settled_by=by, proposal=proposal)
        world.in_activity(lambda context: CloseRun(context).close_run(end))

    if row:
        insert(world, run_id, settled)
    for by, code in ((settled, "unproven"), (None, "not_executed")):
        with pytest.raises(ApplicationError) as refused:
            close("executed", by)
        assert refused.value.type == code
    assert world.record(run_id).state == "awaiting_decision"
    codes = [event.body["code"] for event in world.events(run_id, "run.end_refused")]
    assert codes == ["unproven", "not_executed"]
    assert world.events(run_id, "run.ended") == []
    # A review that is asked what settles it finds nothing either.
    gate = Gate.model_validate(world.events(run_id, "approve.opened")[0].body["gate"])
    received = (ReceivedDecision(envelope="any signal at all", received_at=datetime.now(UTC), early=False),)
    asked = ReviewInput(run=request, proposal=proposal, gate=gate, phase="settle", received=received)
    result = world.in_activity(lambda context: Approve(context).review_decisions(asked))
    assert (result.verdict, result.decisions, result.refused) == (None, (), 1)


def test_a_look_of_somebody_who_does_not_exist_is_not_recorded(world: World) -> None:
    world.approver("anna")
    run_id = world.pending("C00005")
    record = world.record(run_id)
    for name in ("zed", "anna"):
        record_seen(world.database, record, str(record.proposal), name)
    assert [event.actor for event in world.events(run_id, "approve.seen")] == ["anna"]
