"""Mandates at the running system: what a person signed beforehand passes without a signal, and nothing else does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.gate import Gate
from placet.contracts.people.mandate import Clearance, Mandate
from placet.engine.payload_keys import load_or_create_key
from placet.gate.clearing import clear
from placet.governance.signing.signed import verify_document
from placet.replay import judge
from tests.security.gate.mandates.mandating import (
    COST,
    SUBJECT,
    head,
    kinds,
    mandated,
    passed_over,
    permitting,
    policies,
    spent,
)
from tests.support.databases import together
from tests.support.facts import FACTS
from tests.support.world import Approver, World


def test_a_run_within_a_mandate_executes_unasked_and_its_record_leads_to_the_signature(
    world: World, hanna: Approver
) -> None:
    record = mandated(world, hanna, cohort=({"field": "contract", "op": "ne", "value": "two_year"},))
    run_id = world.start(SUBJECT)
    world.wait(run_id, "executed")
    assert world.effects()["adjustments"] == 1
    assert kinds(world, run_id)[5:] == [
        "mandate.consumed",
        "approve.opened",
        "execute.intended",
        "execute.sending",
        "execute.settled",
        "run.ended",
    ]
    (consumed,) = world.events(run_id, "mandate.consumed")
    clearance = Clearance.model_validate({name: consumed.body[name] for name in Clearance.model_fields})
    gate = Gate.model_validate(world.events(run_id, "approve.opened")[0].body["gate"])
    assert (gate.verdict, gate.clearance) == ("cleared", clearance)
    assert (clearance.mandate_id, clearance.policies) == (
        record.mandate.document_id,
        ("retention-commits-small-credits",),
    )
    assert (clearance.consumed.amount_minor, consumed.body["left"]["amount_minor"]) == (COST, 10_000 - COST)
    assert consumed.body["entitled_by"] == ["retention-heads-authorise-within-their-limit"]
    assert spent(world, record) == COST

    # From the record alone: the document by its digest, its signature by the key that is enrolled for the person.
    with world.database.reading() as tx:
        text = tx.artifacts.get(clearance.document, tenant="demo").decode()
        proof = verify_document(text, Mandate, tenant="demo", now=consumed.at, find_key=tx.approvers.get)
    assert (proof.key.name, proof.key.key_id, clearance.signer) == ("hanna", clearance.key_id, "hanna")
    assert proof.document == record.mandate

    async def faults() -> list[str]:
        return (await judge(await world.engine.history(run_id), load_or_create_key(world.settings.payload_key))).faults

    assert world.run(faults()) == []
    assert world.run(world.engine.status(run_id)).decisions == ()


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"cohort": ({"field": "contract", "op": "eq", "value": "two_year"},)}, "mandate_cohort"),
        ({"treatments": ("loyalty_bonus",)}, "mandate_treatment"),
        ({"kinds": ("order_product",)}, "mandate_kind"),
        ({"cap_per_customer": "6.99 USD"}, "mandate_cap"),
        ({"budget": "10.00 EUR", "cap_per_customer": "10.00 EUR"}, "mandate_currency"),
        ({"drafted_by": "ines"}, "mandate_four_eyes"),
    ],
)
def test_a_run_outside_the_mandate_waits_for_a_person_and_the_record_says_why(
    world: World, bounds: dict[str, Any], code: str
) -> None:
    signer = "olga" if code == "mandate_four_eyes" else "hanna"
    if code == "mandate_currency":
        world.edit_policy(lambda text: text.replace("principal.limit_currency == resource.currency &&\n  reso", "reso"))
    record = mandated(world, world.approver(signer, roles=("retention_head",), limit="1000.00 USD"), **bounds)
    run_id = world.pending(SUBJECT)
    assert passed_over(world, run_id) == [code]
    world.approve(run_id, world.approver("anna"))
    assert world.effects()["adjustments"] == 1
    assert spent(world, record) == 0


def test_without_a_permit_to_commit_no_mandate_clears_anything(make_world: Callable[..., World]) -> None:
    world = make_world()
    record = mandated(world, head(world))
    run_id = world.pending(SUBJECT)
    assert not {"mandate.consumed", "mandate.passed_over"} & set(kinds(world, run_id))
    assert (world.effects()["adjustments"], spent(world, record)) == (0, 0)


def test_a_permit_to_commit_without_a_mandate_clears_nothing(world: World) -> None:
    run_id = world.pending(SUBJECT)
    assert "mandate.consumed" not in kinds(world, run_id)
    assert world.effects()["adjustments"] == 0


def test_twelve_runs_at_once_against_a_budget_for_five_clear_exactly_five(
    make_world: Callable[..., World], database_url: str
) -> None:
    world = permitting(make_world(database_url=database_url))
    record = mandated(world, head(world), budget="41.99 USD", cap_per_customer="41.99 USD")
    runs = [world.start(SUBJECT) for _ in range(12)]
    for run_id in runs:
        world.wait(run_id, "executed", "awaiting_decision")
    cleared = [run_id for run_id in runs if "mandate.consumed" in kinds(world, run_id)]
    waiting = [run_id for run_id in runs if world.record(run_id).state == "awaiting_decision"]
    assert (len(cleared), len(waiting)) == (5, 7)
    assert set(cleared).isdisjoint(waiting)
    assert (world.effects()["adjustments"], spent(world, record)) == (5, 5 * COST)


def test_the_cap_for_one_customer_holds_over_runs(world: World, hanna: Approver) -> None:
    record = mandated(world, hanna, cap_per_customer="14.00 USD")
    for _ in range(2):
        world.wait(world.start(SUBJECT), "executed")
    third = world.pending(SUBJECT)
    assert passed_over(world, third) == ["mandate_spent"]
    world.wait(world.start("C00006"), "executed")
    assert spent(world, record) == 2 * COST + 950


def test_the_oldest_mandate_with_room_clears_and_the_next_takes_over(world: World, hanna: Approver) -> None:
    first = mandated(world, hanna, budget="10.00 USD", cap_per_customer="10.00 USD")
    second = mandated(world, hanna, valid_until=datetime.now(UTC) + timedelta(hours=1))
    for _ in range(2):
        world.wait(world.start(SUBJECT), "executed")
    assert (spent(world, first), spent(world, second)) == (COST, COST)


def test_one_step_tried_by_many_at_once_consumes_once(make_world: Callable[..., World], database_url: str) -> None:
    world = make_world(database_url=database_url)
    run_id = world.pending(SUBJECT)
    record = mandated(permitting(world), head(world), budget="7.00 USD", cap_per_customer="7.00 USD")
    request, digest, proposal = world.request_of(run_id), str(world.record(run_id).proposal), world.proposal(run_id)
    in_force = policies(world)

    def attempt(_: int) -> Clearance | None:
        def step(context: Any) -> Clearance | None:
            with context.database.transaction() as tx:
                return clear(tx, request, proposal, digest, in_force, datetime.now(UTC), declared=FACTS)

        return world.in_activity(step)

    answers = together(6, attempt)
    assert len({answer.model_dump_json() for answer in answers if answer is not None}) == 1
    assert None not in answers
    assert spent(world, record) == COST
    assert kinds(world, run_id).count("mandate.consumed") == 1


def test_a_cohort_is_judged_on_nothing_but_the_runs_own_analysis(world: World) -> None:
    run_id, other = world.pending(SUBJECT), world.pending("C00006")
    record = mandated(world, head(world))
    request, digest, proposal = world.request_of(run_id), str(world.record(run_id).proposal), world.proposal(run_id)

    def attempt(assessment: str) -> str | None:
        changed = proposal.model_copy(update={"assessment": assessment})

        def step(context: Any) -> Clearance | None:
            with context.database.transaction() as tx:
                return clear(
                    tx,
                    request,
                    changed,
                    digest,
                    policies(world),
                    datetime.now(UTC),
                    declared=FACTS,
                )

        return None if world.in_activity(step) is None else "cleared"

    assert attempt(world.proposal(other).assessment) is None
    assert attempt("0" * 64) is None
    assert passed_over(world, run_id) == ["mandate_unassessed"]
    assert spent(world, record) == 0
    assert attempt(proposal.assessment) == "cleared"
