"""What of a rollout waits for people: an approval is refused while it is held, and what can never execute ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from placet.contracts.people.mandate import MandateRecord
from placet.contracts.strategies.rolling import RolloutAsked
from placet.entrypoints.beside_worker.reconciler import Reconciler
from placet.governance.policy.set import PolicySet
from placet.service.deciding.decisions import deliver_decision, review_outcome
from placet.service.documents.mandates import revoke_mandate
from placet.service.policy_files import read_policy_files
from placet.service.rollouts.ordering import order_of, sign_order, stop_rollout, take_order
from tests.support.strategies.in_world import all_over, phase_of, roll_out
from tests.support.world import Approver, World

Waits = tuple[World, RolloutAsked, Approver, str]


@pytest.fixture
def waits(make_world: Callable[..., World], request: pytest.FixtureRequest) -> Waits:
    world = make_world(rollout_look_seconds=3600.0)
    asked = roll_out(world, f"Ask {request.node.name[:40]}", commits=False)
    world.until(lambda: phase_of(world, asked) == "watching", "that the stage was reached")
    world.until(lambda: all_over(world, asked), "that all runs wait or are over")
    with world.database.reading() as tx:
        runs = tx.rollouts.runs_waiting("demo", asked.version, 10)
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())
    return world, asked, world.approver("anna"), runs[0]


def policies(world: World) -> Callable[[str], PolicySet]:
    return lambda _agent: PolicySet(read_policy_files(world.policy_file))


def answer(world: World, run_id: str, envelope: str) -> str:
    world.run(deliver_decision(world.database, world.engine, world.record(run_id), envelope))
    world.until(lambda: review_outcome(world.database, run_id, envelope) is not None, "an answer")
    outcome = review_outcome(world.database, run_id, envelope)
    assert outcome is not None
    return outcome[0]


def test_while_it_is_held_an_approval_is_refused_and_counts_when_it_goes_on(waits: Waits) -> None:
    world, asked, anna, run_id = waits
    rule, name = policies(world), asked.strategy
    stop_rollout(world.database, tenant="demo", wanted=name, how="pause", by="olga", reason="busy", policies=rule)
    envelope = world.sign(run_id, anna)
    assert answer(world, run_id, envelope) == "rollout_held"
    assert world.record(run_id).state == "awaiting_decision"
    paul = world.approver("paul", roles=("retention_head",), limit="5000.00 USD")
    order = order_of(
        world.database, tenant="demo", wanted=name, action="resume", signer="paul", reason="", policies=rule
    )
    take_order(world.database, sign_order(order, paul.key), tenant="demo", policies=rule)
    assert answer(world, run_id, envelope) == "accepted"
    assert world.wait(run_id, "executed").state == "executed"


def test_what_waits_of_a_version_that_is_over_ends_by_itself(waits: Waits) -> None:
    world, asked, _, run_id = waits
    assert world._parts is not None
    reconciler = Reconciler(world.engine, world._parts.context, grace=timedelta(0))
    world.run(reconciler.run_once())
    assert world.record(run_id).state == "awaiting_decision", "its strategy is in force"
    with world.database.reading() as tx:
        (mandate,) = tx.mandates.publishing("demo", asked.version)
    assert isinstance(mandate, MandateRecord)
    revoke_mandate(
        world.database, tenant="demo", mandate_id=mandate.mandate.document_id, by="olga", reason="a newer version"
    )
    found = {one.run_id: one.found for one in world.run(reconciler.run_once()) or ()}
    assert found[run_id] == "ended"
    world.until(lambda: world.record(run_id).state == "cancelled", "the end of the run")
    (entry,) = world.events(run_id, "run.cancel_requested")
    assert (entry.actor, "a newer version" in entry.body["reason"]) == ("reconciler", True)
    assert world.effects()["adjustments"] == 0
