"""Batch decisions at the running system: one signature, and every run still decides for itself (promises 2, 3, 5)."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Self

import pytest

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.batch import BatchBounds, Membership
from placet.contracts.proposal import Proposal
from placet.engine.payload_keys import load_or_create_key
from placet.errors import DecisionRefused
from placet.governance.batches import NOT_IN_BATCH, BatchedDecision, verify_batched
from placet.governance.signing import dsse
from placet.governance.signing.keys import public_bytes
from placet.replay import judge
from placet.service.deciding import batches as batch_operations
from placet.service.deciding.batch_choice import BatchLimits, PreparedBatch, prepare_batch
from placet.service.deciding.batches import deliver_batch, sign_prepared
from placet.service.deciding.decisions import take_envelope
from placet.service.runs import find_run
from placet.storage.records import RunRecord
from tests.support.world import Approver, World

CREDITS = ("C00001", "C00003", "C00005", "C00006", "C00014")
"""Customers who are proposed a goodwill credit of at most 10.00 USD."""
BONUS = "C00009"
"""A customer who is proposed a loyalty bonus of 26.00 USD."""


def pending(world: World, customers: Sequence[str]) -> list[str]:
    """Runs that wait for a decision, in the order of `customers`."""
    run_ids = [world.start(customer) for customer in customers]
    for run_id in run_ids:
        world.wait(run_id, "awaiting_decision")
    return run_ids


def prepared(world: World, run_ids: Sequence[str]) -> PreparedBatch:
    return prepare_batch(world.database, "demo", "approve", BatchLimits(), run_ids)


def signed(batch: PreparedBatch, by: Approver) -> dict[str, str]:
    return sign_prepared(batch, tenant="demo", signer=by.name, reason="outage in the north", key=by.key)


def records(batch: PreparedBatch) -> list[RunRecord]:
    return [choice.record for choice in batch.choices]


def bounded(batch: PreparedBatch, **changes: object) -> PreparedBatch:
    """The same list under other bounds, as a client might sign it that does not look at its own list."""
    return replace(batch, bounds=BatchBounds.model_validate({**dict(batch.bounds), **changes}))


def test_five_runs_one_signature_each_executes_once_and_proves_itself_offline(a_world: World, anna: Approver) -> None:
    run_ids = pending(a_world, CREDITS)
    batch = prepared(a_world, run_ids)
    assert str(batch.total) == "34.00 USD"
    decisions = signed(batch, anna)
    outcomes = a_world.run(deliver_batch(a_world.database, a_world.engine, records(batch), decisions, 30))
    assert [(one.run_id, one.code) for one in outcomes] == [(run_id, "accepted") for run_id in sorted(run_ids)]
    for run_id in run_ids:
        a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 5

    roots = {offline_root(a_world, run_id, anna) for run_id in run_ids}
    assert len(roots) == 1
    public = {anna.key.key_id: public_bytes(anna.key.private.public_key())}
    for run_id in run_ids:
        assert a_world.run(faults(a_world, run_id, public)) == []


def test_a_share_is_taken_for_its_own_run_alone(a_world: World, anna: Approver) -> None:
    """Whoever has a token and one signed batch must fill no other run's record, nor use up its signals."""
    first, second = pending(a_world, CREDITS[:2])
    batch = prepared(a_world, [first, second])
    share = BatchedDecision.model_validate_json(signed(batch, anna)[first])
    records = {run_id: find_run(a_world.database, run_id, "demo") for run_id in (first, second)}
    assert take_envelope(a_world.database, records[first], share, signed_here=True)
    invented = share.model_copy(update={"member": Membership(index=0, path=("0" * 64,))})
    for run_id, handed_in in ((second, share), (first, invented)):
        with pytest.raises(DecisionRefused) as caught:
            take_envelope(a_world.database, records[run_id], handed_in, signed_here=True)
        assert caught.value.code == NOT_IN_BATCH


def offline_root(world: World, run_id: str, by: Approver) -> str:
    """The batch a run's own record proves it was part of, by its artifacts and the signer's key alone."""
    run = world.request_of(run_id)
    (decided,) = world.events(run_id, "approve.decided")
    (opened,) = world.events(run_id, "approve.opened")
    with world.database.reading() as tx:
        text = tx.artifacts.get(decided.body["envelope"]).decode()
        proposal = tx.artifacts.get_model(decided.body["proposal"], Proposal)
        key = tx.approvers.get(by.key.key_id)
    accepted, _ = verify_batched(
        text,
        run=run,
        proposal_digest=decided.body["proposal"],
        proposal=proposal,
        gate=Gate.model_validate(opened.body["gate"]),
        phase="decide",
        now=decided.at,
        find_key={by.key.key_id: key}.get,
    )
    assert (accepted.batch, accepted.reason) == (decided.body["batch"], "outage in the north")
    return str(accepted.batch)


async def faults(world: World, run_id: str, keys: dict[str, bytes]) -> list[str]:
    """What an auditor finds wrong with the run's history."""
    history = await world.engine.history(run_id)
    return (await judge(history, load_or_create_key(world.settings.payload_key), keys=keys)).faults


def test_a_run_that_was_not_listed_is_not_decided_with_another_ones_membership(a_world: World, anna: Approver) -> None:
    first, second, sixth = pending(a_world, CREDITS[:3])
    decisions = signed(prepared(a_world, [first, second]), anna)
    for count, member in enumerate((first, second), 1):
        a_world.send(sixth, decisions[member])
        assert a_world.refusal(sixth, count) == "not_in_batch"
    assert a_world.record(sixth).state == "awaiting_decision"
    assert a_world.effects()["adjustments"] == 0
    a_world.send(first, decisions[first])
    a_world.wait(first, "executed")


def test_what_differs_from_the_stated_bounds_is_refused_one_by_one(a_world: World, anna: Approver) -> None:
    *small, bonus = pending(a_world, [*CREDITS[:2], BONUS])
    batch = bounded(
        prepared(a_world, [*small, bonus]),
        max_cost=Money(amount_minor=1000, currency="USD"),
        treatments=("goodwill_credit",),
    )
    decisions = signed(batch, anna)
    outcomes = a_world.run(deliver_batch(a_world.database, a_world.engine, records(batch), decisions, 30))
    assert {one.run_id: one.code for one in outcomes} == {**dict.fromkeys(small, "accepted"), bonus: "outside_batch"}
    for run_id in small:
        a_world.wait(run_id, "executed")
    assert a_world.record(bonus).state == "awaiting_decision"
    assert a_world.effects()["adjustments"] == 2
    a_world.approve(bonus, anna)


def test_each_member_is_measured_by_the_signers_own_limit(a_world: World) -> None:
    junior = a_world.approver("junior", limit="10.00 USD")
    small, large = pending(a_world, [CREDITS[0], BONUS])
    batch = prepared(a_world, [small, large])
    outcomes = a_world.run(deliver_batch(a_world.database, a_world.engine, records(batch), signed(batch, junior), 30))
    assert {one.run_id: one.code for one in outcomes} == {small: "accepted", large: "unentitled"}
    a_world.wait(small, "executed")
    assert a_world.record(large).state == "awaiting_decision"


def test_the_same_batch_sent_again_decides_each_run_once(a_world: World, anna: Approver) -> None:
    run_ids = pending(a_world, CREDITS[:2])
    decisions = signed(prepared(a_world, run_ids), anna)
    a_world.stop_worker()
    for run_id in run_ids:
        respelled = json.dumps(json.loads(decisions[run_id]), indent=1)
        a_world.send(run_id, decisions[run_id])
        a_world.send(run_id, decisions[run_id])
        a_world.send(run_id, json.dumps(respelled))
    a_world.start_worker()
    for run_id in run_ids:
        a_world.wait(run_id, "executed")
        assert len(a_world.events(run_id, "approve.decided")) == 1
        assert {event.body["code"] for event in a_world.events(run_id, "approve.refused")} == {"duplicate"}
    assert a_world.effects()["adjustments"] == 2


def test_one_person_does_not_make_a_quorum_with_two_batches(a_world: World, anna: Approver) -> None:
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    run_ids = pending(a_world, CREDITS[:2])
    for count in (0, 1):
        batch = prepared(a_world, run_ids)
        outcomes = a_world.run(deliver_batch(a_world.database, a_world.engine, records(batch), signed(batch, anna), 30))
        assert {one.code for one in outcomes} == {("accepted", "same_person")[count]}
    assert a_world.effects()["adjustments"] == 0
    batch = prepared(a_world, run_ids)
    berta = a_world.approver("berta")
    a_world.run(deliver_batch(a_world.database, a_world.engine, records(batch), signed(batch, berta), 30))
    for run_id in run_ids:
        a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 2


def test_a_key_revoked_between_two_members_reviews_decides_the_rest_no_more(a_world: World, anna: Approver) -> None:
    first, second = pending(a_world, CREDITS[:2])
    decisions = signed(prepared(a_world, [first, second]), anna)
    a_world.send(first, decisions[first])
    a_world.wait(first, "executed")
    a_world.revoke(anna.key)
    a_world.send(second, decisions[second])
    assert a_world.refusal(second) == "revoked_key"
    assert a_world.effects()["adjustments"] == 1


def test_a_signed_batch_over_an_amount_nobody_can_write_is_refused_and_holds_up_nothing(
    a_world: World, anna: Approver
) -> None:
    """From any enrolled key: of a number that RFC 8785 cannot write, no digest can be made."""
    stranger = a_world.approver("stranger", roles=("care_agent",), limit="0.00 USD")
    run_id, other = pending(a_world, CREDITS[:2])
    share = json.loads(signed(prepared(a_world, [run_id, other]), stranger)[run_id])
    statement = json.loads(base64.b64decode(share["batch"]["payload"]))
    statement["predicate"]["bounds"]["total_cost"]["amount_minor"] = 2**53
    share["batch"] = json.loads(dsse.sign(json.dumps(statement).encode(), stranger.key.private, stranger.key.key_id))
    a_world.send(run_id, json.dumps(share))
    assert a_world.refusal(run_id) == "malformed_statement"
    a_world.approve(run_id, anna)
    assert a_world.effects()["adjustments"] == 1


def test_another_signer_cannot_use_up_the_decisions_of_a_batch_they_have_seen(
    a_world: World, anna: Approver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quorum is two, so that the stranger's own share counts, and then that of the batch it was copied from."""
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    run_ids = pending(a_world, CREDITS[:2])
    batch = prepared(a_world, run_ids)
    signers = (a_world.approver("mallory"), anna)
    with monkeypatch.context() as patched:
        patched.setattr(secrets, "token_hex", lambda _: "f" * 32)
        both = [signed(batch, by) for by in signers]
    for decisions in both:
        outcomes = a_world.run(deliver_batch(a_world.database, a_world.engine, records(batch), decisions, 30))
        assert {one.code for one in outcomes} == {"accepted"}
    for run_id in run_ids:
        a_world.wait(run_id, "executed")


def test_a_batch_signed_before_a_gate_opened_does_not_decide_it(
    a_world: World, anna: Approver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = pending(a_world, CREDITS[:1])
    batch = prepared(a_world, [run_id])

    class AnHourAgo(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) - timedelta(hours=1)

    monkeypatch.setattr(batch_operations, "datetime", AnHourAgo)
    decisions = signed(batch, anna)
    monkeypatch.undo()
    a_world.send(run_id, decisions[run_id])
    assert a_world.refusal(run_id) == "predates_gate"
    assert a_world.record(run_id).state == "awaiting_decision"


GARBAGE = [
    {"batch": True},
    {"batch": {}, "member": {}},
    {"batch": "00ff", "member": {"index": 0, "path": []}},
    {"batch": [[[[]]]] * 50, "member": None},
    {
        "batch": {"payload": "", "payloadType": "application/vnd.in-toto+json", "signatures": []},
        "member": {"index": -1},
    },
]


def test_whatever_claims_to_be_a_batch_is_refused_and_the_run_still_waits(a_world: World, anna: Approver) -> None:
    (run_id,) = pending(a_world, CREDITS[:1])
    for count, garbage in enumerate(GARBAGE, 1):
        a_world.send(run_id, garbage)
        assert a_world.refusal(run_id, count) == "malformed"
    a_world.approve(run_id, anna)
    assert a_world.effects()["adjustments"] == 1
