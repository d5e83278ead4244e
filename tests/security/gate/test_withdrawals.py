"""What is withdrawn, erased or signed beforehand: it bites until the very send, and never ends a run unrecorded."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from placet.errors import UsageError
from placet.service import runs as run_operations
from tests.support.databases import outsider
from tests.support.world import World

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
CUSTOMER = "/tmf-api/customerManagement"


@pytest.mark.parametrize("withdraw", ["key", "policy", "cancellation"])
def test_what_is_withdrawn_while_the_customers_state_is_read_stops_the_effect(
    make_world: Callable[..., World], withdraw: str
) -> None:
    world = make_world(bss_timeout_seconds=6.0, effect_lease_seconds=60.0)
    anna, run_id = world.approver("anna"), world.pending("C00005")
    world.break_bss("GET", CUSTOMER, "latency=5000")
    world.send(run_id, world.sign(run_id, anna))
    world.until(lambda: bool(world.events(run_id, "execute.intended")), "the effect's claim")
    if withdraw == "key":
        world.revoke(anna.key)
    elif withdraw == "policy":
        world.edit_policy(lambda text: text.replace("<= 10000", "<= 100"))
    else:
        run_operations.record_cancellation(world.database, world.record(run_id), "olga")
    code = {"key": "revoked_key", "policy": "policy_changed", "cancellation": "cancel_requested"}[withdraw]
    assert world.wait(run_id, "denied" if withdraw != "cancellation" else "cancelled").code == code
    assert world.effects()["adjustments"] == 0


def test_a_proposal_erased_while_it_waits_is_refused_to_everybody_and_expires(make_world: Callable[..., World]) -> None:
    world = make_world()
    anna = world.approver("anna")
    world.shorten_gate(timedelta(seconds=10))
    run_id = world.pending("C00005")
    envelope = world.sign(run_id, anna)
    with outsider(world.settings.database) as shell:
        shell("DELETE FROM artifact WHERE digest IN (SELECT proposal FROM run)")
    world.send(run_id, "garbage")
    world.send(run_id, envelope)
    world.until(lambda: len(world.events(run_id, "approve.refused")) == 2, "two refusals")
    assert {event.body["code"] for event in world.events(run_id, "approve.refused")} == {"unknown_artifact"}
    world.wait(run_id, "expired")
    # Nobody can be told what had been asked of them; the end stands all the same.
    assert world.events(run_id, "run.follow_up_failed")
    assert world.effects()["adjustments"] == 0


def test_a_settlement_signed_before_the_outcome_was_unknown_settles_nothing(make_world: Callable[..., World]) -> None:
    world = make_world(effect_attempts=1)
    anna, run_id = world.approver("anna"), world.pending("C00005")
    beforehand = world.sign(run_id, anna, "confirm_not_executed")
    world.break_bss("POST", ADJUST, "lost")
    world.break_bss("GET", ADJUST, "status=503", behind="POST")
    world.send(run_id, world.sign(run_id, anna))
    world.wait(run_id, "unknown_outcome")
    world.send(run_id, beforehand)
    assert world.refusal(run_id) == "predates_parking"
    world.send(run_id, world.sign(run_id, anna, "confirm_executed"))
    world.wait(run_id, "executed")
    assert world.effects()["adjustments"] == 1


def test_nobody_takes_the_run_keys_of_reversals(a_world: World) -> None:
    with pytest.raises(UsageError, match="begins like a reversal's"):
        a_world.request("C00005", key="reverse/run-00000000000000000000/1")
