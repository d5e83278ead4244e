"""Quorum at the running system: k distinct people, where policy says so in k distinct roles (promises 1, 2)."""

import pytest

from placet.interfaces import operations
from tests.support.world import Approver, World


def ask_two(text: str) -> str:
    return text.replace('@gate_quorum("1")', '@gate_quorum("2")')


def ask_two_roles(text: str) -> str:
    roles = '@gate_roles("retention_lead, care_manager")\n@gate_distinct_roles("yes")'
    return ask_two(text).replace('@gate_roles("retention_lead")', roles)


@pytest.fixture
def anna(a_world: World) -> Approver:
    return a_world.approver("anna")


@pytest.fixture
def run_id(a_world: World) -> str:
    a_world.edit_policy(ask_two)
    return a_world.pending("C00005")


def accepted(world: World, run_id: str, count: int) -> None:
    world.until(lambda: len(world.events(run_id, "approve.decided")) == count, f"{count} accepted decisions")


def one_approval_waits(world: World, run_id: str) -> None:
    accepted(world, run_id, 1)
    record = world.record(run_id)
    assert (record.state, record.detail) == ("awaiting_decision", "1 more must approve")
    assert world.effects()["adjustments"] == 0


def test_two_people_are_two_people(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    one_approval_waits(a_world, run_id)
    a_world.approve(run_id, a_world.approver("ben"))
    assert [event.actor for event in a_world.events(run_id, "approve.decided")] == ["anna", "ben"]
    assert [event.body["missing"] for event in a_world.events(run_id, "approve.decided")] == [1, 0]
    assert a_world.effects()["adjustments"] == 1


def test_the_same_person_counts_once_with_any_of_their_keys(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.send(run_id, a_world.sign(run_id, anna))
    assert a_world.refusal(run_id, 1) == "same_person"
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("anna")))
    assert a_world.refusal(run_id, 2) == "same_person"
    one_approval_waits(a_world, run_id)


def test_one_rejection_outweighs_the_approvals_before_it(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("ben"), "reject"))
    assert a_world.wait(run_id, "rejected").detail == "rejected by ben: test"
    assert a_world.effects()["adjustments"] == 0


def test_distinct_roles_need_people_who_hold_them(a_world: World, anna: Approver) -> None:
    a_world.edit_policy(ask_two_roles)
    run_id = a_world.pending("C00005")
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("ben")))
    assert a_world.refusal(run_id) == "same_role"
    # Cora holds both: she takes the role that is missing.
    a_world.approve(run_id, a_world.approver("cora", roles=("retention_lead", "care_manager")))
    assert a_world.effects()["adjustments"] == 1


def test_a_key_revoked_after_its_approval_takes_the_quorum_with_it(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    operations.revoke_key(a_world.database, tenant="demo", key_id=anna.key.key_id, by="root", reason="left")
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("ben")))
    assert a_world.wait(run_id, "denied").code == "revoked_key"
    assert a_world.effects()["adjustments"] == 0


def test_a_policy_that_asks_for_one_more_before_the_effect_is_asked_again(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.wait(run_id, "executing")
    a_world.edit_policy(ask_two)
    a_world.mend_bss()
    record = a_world.wait(run_id, "denied")
    assert (record.code, record.detail) == ("policy_changed", "policy asks for 2 approvals now, there are 1")
    assert a_world.effects()["adjustments"] == 0


def test_approvals_survive_a_worker_that_is_replaced_between_them(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.stop_worker()
    a_world.start_worker()
    a_world.approve(run_id, a_world.approver("ben"))
    assert a_world.effects()["adjustments"] == 1
