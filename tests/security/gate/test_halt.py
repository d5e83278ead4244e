"""A halt at the running system: what has not happened does not happen, approved or cleared, until a person lifts it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from placet.contracts.people.halt import Halt, HaltScope
from placet.governance.policy.set import PolicySet
from placet.service.deciding.decisions import deliver_decision, review_outcome
from placet.service.documents.halts import lift_halt, place_halt, sign_lift
from placet.service.documents.mandates import draft_mandate, sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.storage.records import EffectRecord
from tests.support.facts import FACTS
from tests.support.world import HASTY, Approver, World

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
CHECKED_BEFORE_THE_EFFECT = "/tmf-api/prepayBalanceManagement/v4/bucket/B-C00005"
SCOPES: list[tuple[HaltScope, str]] = [("tenant", ""), ("agent", "retention"), ("kind", "adjust_balance")]
COMMIT = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when { principal.tenant == resource.tenant };
"""


def halt(world: World, scope: HaltScope = "tenant", subject: str = "") -> tuple[Halt, tuple[EffectRecord, ...]]:
    return place_halt(
        world.database,
        tenant="demo",
        scope=scope,
        subject=subject,
        by="olga",
        reason="wrong price list",
        agents=("retention", "advance"),
    )


def policies(world: World) -> PolicySet:
    return PolicySet(read_policy_files(world.policy_file))


def lift(world: World, placed: Halt) -> None:
    rita = world.approver("rita", roles=("retention_head",))
    envelope = sign_lift(placed, name="rita", reason="list mended", key=rita.key)
    lift_halt(world.database, envelope, tenant="demo", policies={"retention": policies(world)})


def nothing_was_sent(world: World, run_id: str) -> None:
    assert world.effects()["adjustments"] == 0
    with world.database.reading() as tx:
        assert [(effect.status, effect.sends) for effect in tx.effects.for_run(run_id)] == [("failed", 0)]


def executing(world: World, run_id: str) -> None:
    """The run is at its effect, which cannot be checked, let alone sent, while the BSS is ill."""
    world.wait(run_id, "executing")
    world.until(lambda: "retrying" in world.record(run_id).detail, "the first attempt")


@pytest.mark.parametrize(("scope", "subject"), SCOPES)
def test_a_halt_during_the_execution_stops_what_was_approved(
    a_world: World, anna: Approver, scope: HaltScope, subject: str
) -> None:
    run_id = a_world.pending("C00005")
    a_world.break_bss("GET", CHECKED_BEFORE_THE_EFFECT, "status=503")
    a_world.send(run_id, a_world.sign(run_id, anna))
    executing(a_world, run_id)
    placed, under_way = halt(a_world, scope, subject)
    assert under_way == ()
    a_world.mend_bss()
    record = a_world.wait(run_id, "halted")
    assert (record.code, record.detail) == (
        "halted",
        f"{placed.halt_id} by olga is in force: wrong price list; nothing executes until it is lifted",
    )
    nothing_was_sent(a_world, run_id)
    (refused,) = a_world.events(run_id, "execute.refused")
    assert refused.body["code"] == "halted"
    # The end is final: lifting the halt starts nothing again.
    lift(a_world, placed)
    assert a_world.record(run_id).state == "halted"
    assert a_world.effects()["adjustments"] == 0


def test_a_halt_placed_after_the_last_check_and_before_the_request_stops_it_still(
    make_world: Callable[..., World],
) -> None:
    """Everything was asked again and answered well but for the customer's state, which the BSS is slow to tell."""
    world = make_world(bss_timeout_seconds=6.0, effect_lease_seconds=60.0)
    run_id = world.pending("C00005")
    # Once for the local attempt, which has two seconds, and once for the regular one.
    world.break_bss("GET", CHECKED_BEFORE_THE_EFFECT, "latency=5000", count=2)
    world.send(run_id, world.sign(run_id, world.approver("anna")))
    world.until(lambda: not world.bss("/sandbox/faults"), "the question about the customer's state")
    placed, under_way = halt(world)
    assert under_way == ()
    record = world.wait(run_id, "halted")
    assert record.detail.startswith(placed.halt_id)
    nothing_was_sent(world, run_id)
    (refused,) = world.events(run_id, "execute.refused")
    assert any(CHECKED_BEFORE_THE_EFFECT in call["path"] for call in refused.body["calls"])


def test_a_halt_on_something_else_stops_nothing(a_world: World, anna: Approver) -> None:
    halt(a_world, "agent", "advance")
    halt(a_world, "kind", "order_product")
    a_world.approve(a_world.pending("C00005"), anna)
    assert a_world.effects()["adjustments"] == 1


def mandate(world: World) -> None:
    """Policy lets the agent commit within a mandate, and there is one that covers everything."""
    world.edit_policy(lambda text: text + COMMIT)
    hanna = world.approver("hanna", roles=("retention_head",), limit="500.00 USD")
    draft = draft_mandate(
        FACTS,
        tenant="demo",
        name="everything",
        drafted_by="olga",
        agent="retention",
        kinds=("adjust_balance", "order_product"),
        treatments=tuple(sorted({one.treatment for one in world.proposal(world.pending("C00006")).candidates})),
        cap_per_customer="100.00 USD",
        period_days=30,
        budget="500.00 USD",
        valid_from=world.now() - timedelta(minutes=1),
        valid_until=world.now() + timedelta(days=1),
    )
    envelope = sign_mandate(draft, FACTS, signer="hanna", reason="", key=hanna.key)
    take_mandate(world.database, envelope, tenant="demo", policies=policies(world), declared=FACTS)


def test_a_halt_stops_what_a_mandate_had_cleared(a_world: World) -> None:
    mandate(a_world)
    a_world.break_bss("GET", CHECKED_BEFORE_THE_EFFECT, "status=503")
    run_id = a_world.start("C00005", by="uwe")
    executing(a_world, run_id)
    assert len(a_world.events(run_id, "mandate.consumed")) == 1
    halt(a_world, "agent", "retention")
    a_world.mend_bss()
    assert a_world.wait(run_id, "halted").code == "halted"
    nothing_was_sent(a_world, run_id)


def test_during_a_halt_a_mandate_clears_nothing_and_a_person_is_asked(a_world: World) -> None:
    mandate(a_world)
    halt(a_world)
    run_id = a_world.pending("C00005", by="uwe")
    assert a_world.events(run_id, "mandate.consumed") == []
    (opened,) = a_world.events(run_id, "approve.opened")
    assert opened.body["gate"]["verdict"] == "human"


def test_an_approval_during_a_halt_is_refused_the_run_waits_and_once_lifted_it_passes(
    a_world: World, anna: Approver
) -> None:
    run_id = a_world.pending("C00005")
    first, _ = halt(a_world)
    second, _ = halt(a_world, "agent", "retention")
    for count, placed in enumerate((first, second), 1):
        a_world.send(run_id, a_world.sign(run_id, anna))
        assert a_world.refusal(run_id, count) == "halted"
        assert a_world.record(run_id).state == "awaiting_decision"
        lift(a_world, placed)
    a_world.approve(run_id, anna)
    assert a_world.effects()["adjustments"] == 1


def test_the_very_approval_that_a_halt_refused_passes_once_it_is_lifted(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    record, envelope = a_world.record(run_id), a_world.sign(run_id, anna)

    def deliver() -> None:
        a_world.run(deliver_decision(a_world.database, a_world.engine, record, envelope))

    def outcome() -> str | None:
        found = review_outcome(a_world.database, run_id, envelope)
        return None if found is None else found[0]

    placed, _ = halt(a_world)
    deliver()
    assert a_world.refusal(run_id) == outcome() == "halted"
    deliver()  # it is refused still: nothing is sent
    assert len(a_world.events(run_id, "approve.refused")) == 1
    lift(a_world, placed)
    assert outcome() is None
    deliver()
    a_world.wait(run_id, "executed")
    assert outcome() == "accepted"


def test_a_change_to_what_a_halt_stops_stays_refused_and_is_not_sent_again_while_it_stands(
    a_world: World, anna: Approver
) -> None:
    """The proposal that waits is not halted, and what the approver makes of it is."""
    run_id = a_world.pending("C00009")
    record, (changed, envelope) = (
        a_world.record(run_id),
        a_world.sign_amendment(run_id, anna, treatment="contract_extension"),
    )
    assert (a_world.proposal(run_id).mutation.kind, changed.mutation.kind) == ("adjust_balance", "order_product")

    def deliver() -> None:
        a_world.run(deliver_decision(a_world.database, a_world.engine, record, envelope))

    def outcome() -> str | None:
        found = review_outcome(a_world.database, run_id, envelope)
        return None if found is None else found[0]

    placed, _ = halt(a_world, "kind", "order_product")
    deliver()
    assert a_world.refusal(run_id) == "halted"
    assert outcome() == "halted"
    lift(a_world, placed)
    assert outcome() is None
    deliver()
    a_world.until(lambda: outcome() == "accepted", "the change being accepted")


def test_a_rejection_passes_during_a_halt(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    halt(a_world)
    a_world.send(run_id, a_world.sign(run_id, anna, "reject"))
    a_world.wait(run_id, "rejected")


def test_a_request_that_was_leaving_is_named_is_not_repeated_and_stays_unknown(
    make_world: Callable[..., World],
) -> None:
    """Its answer was lost before the halt: whether it arrived is for a person to find out, not for us to say."""
    world = make_world(effect_settle_seconds=8.0, **HASTY)
    run_id = world.pending("C00005")
    world.keys_are_shown()
    world.break_bss("POST", ADJUST, "drop", count=1)
    world.send(run_id, world.sign(run_id, world.approver("anna")))

    def counted() -> bool:
        with world.database.reading() as tx:
            return [effect.sends for effect in tx.effects.for_run(run_id)] == [1]

    world.until(counted, "the request")
    _, under_way = halt(world)
    assert [(effect.run_id, effect.sends) for effect in under_way] == [(run_id, 1)]
    record = world.wait(run_id, "unknown_outcome")
    assert record.detail.startswith("an earlier answer was lost, and it may not be sent again: halt-")
    assert counted()
    assert world.effects()["adjustments"] == 1, "the one that shows our keys"
