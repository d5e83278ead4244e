"""Quorum at the running system: k distinct people, where policy says so in k distinct roles (promises 1, 2)."""

from datetime import timedelta

import pytest

from placet.service.documents.delegations import revoke_delegation, sign_delegation, take_delegation
from tests.support.world import Approver, World


def ask_two(text: str) -> str:
    return text.replace('@gate_quorum("1")', '@gate_quorum("2")')


def ask_two_roles(text: str) -> str:
    roles = '@gate_roles("retention_lead, care_manager")\n@gate_distinct_roles("yes")'
    return ask_two(text).replace('@gate_roles("retention_lead")', roles)


def delegated(world: World, by: Approver, to: Approver, role: str) -> str:
    """Let `to` decide in the stead of `by`; returns the delegation's id."""
    envelope = sign_delegation(
        tenant="demo",
        delegator=by.name,
        delegate=to.name,
        roles=(role,),
        limit="200.00 USD",
        days=1,
        reason="away",
        key=by.key,
    )
    return take_delegation(world.database, envelope, tenant="demo").delegation.document_id


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


def test_a_key_revoked_after_its_approval_takes_only_that_approval_with_it(
    a_world: World, run_id: str, anna: Approver
) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.revoke(anna.key, reason="lost")
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("ben")))
    accepted(a_world, run_id, 2)
    assert a_world.record(run_id).state == "awaiting_decision"
    assert [event.body["code"] for event in a_world.events(run_id, "approve.lapsed")] == ["revoked_key"]
    # With a key that counts, anna's word counts again.
    a_world.approve(run_id, a_world.approver("anna"))
    assert a_world.effects()["adjustments"] == 1


def test_who_approved_may_still_say_no(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.send(run_id, a_world.sign(run_id, anna, "reject"))
    assert a_world.wait(run_id, "rejected").detail == "rejected by anna: test"
    assert a_world.effects()["adjustments"] == 0


def test_a_policy_that_asks_for_one_more_while_the_run_waits_is_heard(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.edit_policy(ask_two)
    a_world.send(run_id, a_world.sign(run_id, anna))
    one_approval_waits(a_world, run_id)
    a_world.approve(run_id, a_world.approver("ben"))
    assert a_world.effects()["adjustments"] == 1


def test_roles_and_closing_are_those_of_today_where_today_is_stricter(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.edit_policy(lambda text: text.replace('@gate_roles("retention_lead")', '@gate_roles("care_manager")'))
    a_world.send(run_id, a_world.sign(run_id, anna))
    assert a_world.refusal(run_id, 1) == "unentitled"
    a_world.edit_policy(lambda text: text.replace('@gate_roles("care_manager")', '@gate_roles("retention_lead")'))
    a_world.shorten_gate(timedelta(seconds=1))
    a_world.until(lambda: a_world.now() > a_world.record(run_id).updated_at + timedelta(seconds=1.2), "today's closing")
    a_world.send(run_id, a_world.sign(run_id, anna))
    assert a_world.refusal(run_id, 2) == "late"
    # … which shuts nobody up who says no: the gate on record is open.
    a_world.send(run_id, a_world.sign(run_id, anna, "reject"))
    a_world.wait(run_id, "rejected")


def test_whoever_may_act_in_several_ways_acts_in_the_one_that_is_missing(a_world: World, anna: Approver) -> None:
    a_world.edit_policy(ask_two_roles)
    run_id = a_world.pending("C00005")
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    mona = a_world.approver("mona", roles=("care_manager",))
    ben = a_world.approver("ben")
    delegated(a_world, mona, ben, "care_manager")
    a_world.approve(run_id, ben)
    assert [event.body["delegated_by"] for event in a_world.events(run_id, "approve.decided")] == [None, "mona"]


def test_a_delegation_taken_back_is_not_replaced_by_another_role(a_world: World) -> None:
    a_world.edit_policy(ask_two_roles)
    run_id = a_world.pending("C00005")
    mona = a_world.approver("mona", roles=("care_manager", "retention_lead"))
    ben = a_world.approver("ben", roles=("care_agent",))
    first = delegated(a_world, mona, ben, "care_manager")
    a_world.send(run_id, a_world.sign(run_id, ben))
    accepted(a_world, run_id, 1)
    revoke_delegation(a_world.database, tenant="demo", delegation_id=first, by="root", reason="back")
    delegated(a_world, mona, ben, "retention_lead")
    a_world.send(run_id, a_world.sign(run_id, a_world.approver("cora")))
    accepted(a_world, run_id, 2)
    assert a_world.record(run_id).state == "awaiting_decision"
    assert [event.body["code"] for event in a_world.events(run_id, "approve.lapsed")] == ["unentitled"]


def test_a_policy_that_asks_for_one_more_before_the_effect_is_asked_again(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.wait(run_id, "executing")
    a_world.edit_policy(ask_two)
    a_world.mend_bss()
    record = a_world.wait(run_id, "denied")
    assert (record.code, record.detail) == ("policy_changed", "policy asks for 2 approvals now, 1 on record")
    assert a_world.effects()["adjustments"] == 0


def test_approvals_survive_a_worker_that_is_replaced_between_them(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.send(run_id, a_world.sign(run_id, anna))
    accepted(a_world, run_id, 1)
    a_world.stop_worker()
    a_world.start_worker()
    a_world.approve(run_id, a_world.approver("ben"))
    assert a_world.effects()["adjustments"] == 1
