"""Counters of passkeys at the running system: a copied authenticator is noticed, an honest person is not refused."""

from datetime import UTC, datetime, timedelta

import pytest

from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.run import RunState
from placet.governance.batches import shares
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import document_statement
from placet.governance.signing.statement import parse_statement
from placet.service.deciding.batch_choice import BatchLimits, prepare_batch
from placet.service.deciding.batches import draft_batch
from placet.storage.projections.verification import check_projections
from tests.security.gate.keys.passkeys import enrolled, statement
from tests.support.world import World


def test_a_counter_that_went_back_is_refused_and_recorded(a_world: World) -> None:
    device = enrolled(a_world, counter=10)
    first, second, third = (a_world.pending(customer) for customer in ("C00001", "C00003", "C00005"))
    a_world.send(first, device.envelope(statement(a_world, first)))
    a_world.wait(first, "executed")
    for count, said in enumerate((3, 10), 1):  # what comes next says one more
        device.counter = said
        a_world.send(second, device.envelope(statement(a_world, second)))
        assert a_world.refusal(second, count) == "counter_rolled_back"
    device.counter = None  # it counted before
    a_world.send(third, device.envelope(statement(a_world, third)))
    assert a_world.refusal(third) == "counter_rolled_back"
    assert [one.body["signer"] for one in a_world.events(third, "approve.refused")] == ["anna"]
    assert a_world.effects()["adjustments"] == 1
    device.counter = 11
    a_world.send(second, device.envelope(statement(a_world, second)))
    a_world.wait(second, "executed")
    with a_world.database.reading() as tx:
        check_projections(tx, "demo")


def test_decisions_that_arrive_in_another_order_than_they_were_signed_in_all_count(a_world: World) -> None:
    device = enrolled(a_world, counter=0)
    run_ids = [a_world.pending(customer) for customer in ("C00001", "C00003", "C00005")]
    envelopes = [(run_id, device.envelope(statement(a_world, run_id))) for run_id in run_ids]
    for run_id, envelope in (envelopes[2], envelopes[0], envelopes[1]):
        a_world.send(run_id, envelope)
        a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 3


def test_a_lower_counter_that_claims_to_be_older_must_fit_between_its_neighbours(a_world: World) -> None:
    device = enrolled(a_world, counter=4)
    first, second = a_world.pending("C00001"), a_world.pending("C00003")
    at = datetime.now(UTC)
    a_world.send(first, device.envelope(statement(a_world, first, at=at)))
    a_world.wait(first, "executed")
    device.counter = 5
    a_world.send(second, device.envelope(statement(a_world, second, at=at - timedelta(milliseconds=1))))
    assert a_world.refusal(second) == "counter_rolled_back"


def test_an_authenticator_that_does_not_count_is_not_asked_to(a_world: World) -> None:
    device = enrolled(a_world)
    for customer in ("C00001", "C00003"):
        run_id = a_world.pending(customer)
        a_world.send(run_id, device.envelope(statement(a_world, run_id)))
        a_world.wait(run_id, "executed")
    with a_world.database.reading() as tx:
        assert not [event for event in tx.audit.read("tenant/demo") if event.kind == "passkey.used"]


def test_one_signature_over_a_batch_counts_in_each_of_its_runs_and_once_for_the_key(a_world: World) -> None:
    device = enrolled(a_world, counter=20)
    run_ids = [a_world.start(customer) for customer in ("C00001", "C00003", "C00005")]
    for run_id in run_ids:
        a_world.wait(run_id, "awaiting_decision")
    prepared = prepare_batch(a_world.database, "demo", "approve", BatchLimits(), run_ids)
    batch, tree = draft_batch(prepared, tenant="demo", signer="anna", reason="outage")
    envelopes = shares(batch, tree, device.envelope(document_statement(batch)))
    for run_id in run_ids:
        a_world.send(run_id, envelopes[run_id])
    for run_id in run_ids:
        a_world.wait(run_id, "executed")
    with a_world.database.reading() as tx:
        used = [event for event in tx.audit.read("tenant/demo") if event.kind == "passkey.used"]
        check_projections(tx, "demo")
    assert [event.body["counter"] for event in used] == [21]


@pytest.mark.parametrize(
    ("counter", "state", "codes"), [(40, "awaiting_decision", {"unproven"}), (None, "executed", set())]
)
def test_a_row_whose_counter_is_not_on_the_record_counts_for_nothing(
    a_world: World, counter: int | None, state: RunState, codes: set[str]
) -> None:
    """Whoever writes to our database and holds a copy of the passkey must not go past the review."""
    device = enrolled(a_world, counter=counter)
    run_id = a_world.pending("C00005")
    envelope = device.envelope(statement(a_world, run_id))
    said = parse_statement(dsse.unverified_payload(dsse.parse(envelope))).predicate
    decision = AcceptedDecision(
        verdict="approve",
        approver="anna",
        key_id=device.key_id,
        decision_id=said.decision_id,
        decided_at=said.decided_at,
        reason="",
        proposal=str(a_world.record(run_id).proposal),
        roles=("retention_lead",),
        envelope_digest=sha256_hex(envelope.encode()),
    )
    with a_world.database.transaction() as tx:
        tx.artifacts.put("demo", "application/vnd.dsse+json", envelope.encode())
        assert tx.decisions.use(decision, tenant="demo", run_id=run_id, place=1)
    a_world.send(run_id, "any signal at all")
    a_world.wait(run_id, state)
    a_world.until(lambda: bool(a_world.events(run_id, "approve.refused")), "a refusal")
    assert {event.body["code"] for event in a_world.events(run_id, "approve.lapsed")} == codes
