"""A delegation at the running system: another may decide in one's stead, as long as it counts and no further."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.money import parse_money
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.governance.signing.signed import sign_document
from placet.service.documents.delegations import revoke_delegation, take_delegation
from tests.support.databases import disarm, outsider
from tests.support.world import Approver, World

CHECKED_BEFORE_THE_EFFECT = "/tmf-api/prepayBalanceManagement/v4/bucket/B-C00005"


@pytest.fixture
def berta(a_world: World) -> Approver:
    """Who may decide nothing in her own name."""
    return a_world.approver("berta", roles=("care_agent",), limit="0.00 USD")


def delegate(
    world: World,
    by: Approver,
    to: Approver,
    *,
    limit: str = "100.00 USD",
    ends: timedelta = timedelta(days=1),
    **changes: Any,
) -> DelegationRecord:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "tenant": "demo",
        "signer": by.name,
        "signed_at": now,
        "document_id": secrets.token_hex(16),
        "delegate": to.name,
        "roles": ("retention_lead",),
        "limit": parse_money(limit),
        "valid_from": now,
        "valid_until": now + ends,
        **changes,
    }
    envelope = sign_document(Delegation(**fields), by.key.private, by.key.key_id)
    return take_delegation(world.database, envelope, tenant="demo")


def refused(world: World, run_id: str, by: Approver, count: int = 1) -> None:
    """The decision of `by` does not count, nothing happens, and the run waits."""
    world.send(run_id, world.sign(run_id, by))
    assert world.refusal(run_id, count) == "unentitled"
    assert world.record(run_id).state == "awaiting_decision"
    assert world.effects()["adjustments"] == 0


def approved_and_held(world: World, run_id: str, by: Approver) -> None:
    """The approval of `by` is accepted, and the BSS is ill before the effect."""
    world.break_bss("GET", CHECKED_BEFORE_THE_EFFECT, "status=503")
    world.send(run_id, world.sign(run_id, by))
    world.wait(run_id, "executing")
    world.until(lambda: "retrying" in world.record(run_id).detail, "the first attempt")


def stopped(world: World, run_id: str) -> None:
    """Once the BSS is well again, the run ends and nothing has happened."""
    world.mend_bss()
    assert world.wait(run_id, "denied").code == "unentitled"
    assert world.effects()["adjustments"] == 0


def test_a_delegate_decides_and_the_record_says_in_whose_stead(a_world: World, anna: Approver, berta: Approver) -> None:
    run_id = a_world.pending("C00005")
    refused(a_world, run_id, berta)
    delegate(a_world, anna, berta)
    a_world.approve(run_id, berta)
    (decided,) = a_world.events(run_id, "approve.decided")
    assert (decided.actor, decided.body["delegated_by"]) == ("berta", "anna")
    assert a_world.effects()["adjustments"] == 1


def test_a_delegation_revoked_between_approval_and_effect_stops_it(
    a_world: World, anna: Approver, berta: Approver
) -> None:
    run_id = a_world.pending("C00005")
    record = delegate(a_world, anna, berta)
    approved_and_held(a_world, run_id, berta)
    identity = record.delegation.document_id
    revoke_delegation(a_world.database, tenant="demo", delegation_id=identity, by="anna", reason="back early")
    stopped(a_world, run_id)


def test_a_revoked_delegation_whose_row_forgets_it_confers_nothing(
    a_world: World, anna: Approver, berta: Approver
) -> None:
    run_id = a_world.pending("C00005")
    identity = delegate(a_world, anna, berta).delegation.document_id
    revoke_delegation(a_world.database, tenant="demo", delegation_id=identity, by="anna", reason="back early")
    disarm(a_world.settings.database, "delegation")
    with outsider(a_world.settings.database) as shell:
        shell("UPDATE delegation SET revoked_by = NULL, revoked_at = NULL, revoked_reason = NULL")
    refused(a_world, run_id, berta)
    with a_world.database.reading() as tx:
        (listed,) = tx.delegations.list("demo")
    assert (listed.revoked_by, listed.revoked_reason) == ("anna", "back early")


def test_a_delegation_that_ends_between_approval_and_effect_stops_it(
    a_world: World, anna: Approver, berta: Approver
) -> None:
    run_id = a_world.pending("C00005")
    ends = delegate(a_world, anna, berta, ends=timedelta(seconds=10)).delegation.valid_until
    approved_and_held(a_world, run_id, berta)
    a_world.until(lambda: datetime.now(UTC) >= ends, "the end of the delegation")
    stopped(a_world, run_id)


def test_a_delegators_key_revoked_between_approval_and_effect_stops_it(
    a_world: World, anna: Approver, berta: Approver
) -> None:
    run_id = a_world.pending("C00005")
    delegate(a_world, anna, berta)
    approved_and_held(a_world, run_id, berta)
    a_world.revoke(anna.key)
    stopped(a_world, run_id)


def test_a_delegation_that_has_ended_or_not_begun_confers_nothing(
    a_world: World, anna: Approver, berta: Approver
) -> None:
    run_id = a_world.pending("C00005")
    soon = datetime.now(UTC) + timedelta(hours=1)
    delegate(a_world, anna, berta, valid_from=soon, valid_until=soon + timedelta(hours=1))
    refused(a_world, run_id, berta, 1)
    ends = delegate(a_world, anna, berta, ends=timedelta(seconds=0.3)).delegation.valid_until
    a_world.until(lambda: datetime.now(UTC) >= ends, "the end of the delegation")
    refused(a_world, run_id, berta, 2)


def test_a_delegate_decides_up_to_the_conferred_limit(a_world: World, anna: Approver, berta: Approver) -> None:
    run_id = a_world.pending("C00005")
    delegate(a_world, anna, berta, limit="0.01 USD")
    refused(a_world, run_id, berta)


def test_nobody_gets_round_four_eyes_through_a_delegate(a_world: World, berta: Approver) -> None:
    """Olga triggered the run: neither she nor who acts for her decides it, nor she in another's stead."""
    run_id = a_world.pending("C00005", by="olga")
    olga = a_world.approver("olga")
    delegate(a_world, olga, berta)
    refused(a_world, run_id, berta, 1)
    clerk = a_world.approver("olga", roles=("care_agent",), limit="0.00 USD")
    delegate(a_world, a_world.approver("anna"), clerk)
    refused(a_world, run_id, clerk, 2)


def test_a_delegate_cannot_pass_it_on(a_world: World, anna: Approver, berta: Approver) -> None:
    carla = a_world.approver("carla", roles=("care_agent",), limit="0.00 USD")
    delegate(a_world, anna, berta)
    run_id = a_world.pending("C00005")
    refused(a_world, run_id, carla)
    a_world.approve(run_id, berta)


def test_a_person_and_their_delegate_are_one_of_two_who_must_approve(
    a_world: World, anna: Approver, berta: Approver
) -> None:
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    delegate(a_world, anna, berta)
    run_id = a_world.pending("C00005")
    a_world.send(run_id, a_world.sign(run_id, anna))
    a_world.until(lambda: len(a_world.events(run_id, "approve.decided")) == 1, "the first approval")
    a_world.send(run_id, a_world.sign(run_id, berta))
    assert a_world.refusal(run_id) == "same_person"
    assert a_world.record(run_id).state == "awaiting_decision"
    a_world.approve(run_id, a_world.approver("ben"))
    assert a_world.effects()["adjustments"] == 1
