"""The six journeys, from a simulated event to an effect that the sandbox BSS booked once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from placet.demo.journeys import COMMIT, HEAD, Played, SixJourneys
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer
from placet.service.policy_files import read_policy_files
from placet.simulation.journeys import JOURNEYS, SimulatedJourney
from tests.support.facts import FACTS
from tests.support.strategies.following import following
from tests.support.world import World

EXPECTED = {
    "wallet_activation": "travel_credit",
    "unified_inbound_offer": "faster_line",
    "spend_triggered_offer": "thank_you_credit",
    "family_convergence": "home_internet",
    "gaming_persona": "faster_line",
    "silent_churn_prevention": "add_internet",
}


def six(world: World) -> SixJourneys:
    def policies(_agent: str) -> PolicySet:
        return PolicySet(read_policy_files(world.policy_file))

    world.edit_policy(lambda policy: policy + COMMIT)
    hanna = world.approver(HEAD, roles=("retention_head",), limit="100000.00 USD")
    head = Signer(hanna.name, hanna.key)
    return SixJourneys(
        world.database, world.engine, tenant="demo", policies=policies, head=head, declared=FACTS, seconds=20
    )


def booked(world: World, customer_id: str) -> int:
    """Return how many changes the BSS has booked for a customer."""
    found = world.effects(customer_id)
    return int(found["adjustments"]) + int(found["orders"])


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(rollout_look_seconds=3600.0)


@pytest.mark.parametrize("journey", JOURNEYS, ids=[one.name for one in JOURNEYS])
def test_a_journey_ends_with_one_effect_that_the_signed_strategy_cleared(
    world: World, journey: SimulatedJourney
) -> None:
    journeys = six(world)
    customer_id = journeys.customer_of(journey)
    before = booked(world, customer_id)
    with following(world):
        played = world.run(journeys.play(journey))
    _check(journey, played)
    channels = [one for one in played.strategy.contact.channels if one in ("in_app", "agent", "ivr", "store")]
    decisions = [journeys.decision(customer_id, channel).decision.weighed for channel in channels]
    assert all(one == decisions[0] for one in decisions), "each channel on which they come to us is told the same"
    assert booked(world, customer_id) == before + 1
    world.run(world.engine.client.get_workflow_handle(f"rollout-demo-{str(played.run.strategy)[:20]}").terminate())


def _check(journey: SimulatedJourney, played: Played) -> None:
    assert (played.run.state, played.cleared, len(played.effects)) == ("executed", True, 1), played.run.detail
    chosen = next(one for one in played.candidates if one.treatment == EXPECTED[journey.name])
    assert chosen.reasons_for, "the record says why"
    kinds = [one.kind for one in played.entries]
    assert kinds[:2] == ["run.requested", "rollout.entered"]
    assert "approve.decided" not in kinds, "no person signed the run"
    assert played.signal_at <= played.started_at <= played.run.updated_at
    assert played.started_at - played.signal_at < timedelta(days=1), "what happened now brought them in"
