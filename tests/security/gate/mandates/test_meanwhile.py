"""What changes between the clearing of a run and its effect: the effect is stopped, the budget goes back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from placet.contracts.people.mandate import MandateRecord
from placet.gate.account import give_back
from placet.storage.transaction import AnotherRun
from tests.security.gate.mandates.mandating import (
    ADJUST,
    BUCKET_NOW,
    COMMIT,
    COST,
    SUBJECT,
    head,
    kinds,
    mandated,
    passed_over,
    permitting,
    spent,
    withdrawn,
)
from tests.support.databases import disarm, outsider
from tests.support.world import Approver, World


def revived(world: World, hanna: Approver, record: MandateRecord) -> None:
    withdrawn(world, hanna, record)
    disarm(world.settings.database, "mandate")
    with outsider(world.settings.database) as shell:
        shell("UPDATE mandate SET revoked_by = NULL, revoked_at = NULL, revoked_reason = NULL")


def key_revoked(world: World, hanna: Approver, record: MandateRecord) -> None:
    world.revoke(hanna.key)


def commit_forbidden(world: World, hanna: Approver, record: MandateRecord) -> None:
    world.edit_policy(lambda text: text.replace(COMMIT, ""))


def signer_forbidden(world: World, hanna: Approver, record: MandateRecord) -> None:
    world.edit_policy(
        lambda text: text.replace(
            'principal in Role::"retention_head", action == Action::"auth',
            'principal in Role::"board", action == Action::"auth',
        )
    )


def document_erased(world: World, hanna: Approver, record: MandateRecord) -> None:
    with outsider(world.settings.database) as shell:
        shell("DELETE FROM artifact WHERE media_type = 'application/vnd.dsse+json'")


def given_back(world: World, hanna: Approver, record: MandateRecord) -> None:
    with world.database.transaction() as tx:
        (use,) = tx.mandates.uses("demo", record.mandate.document_id)
        assert give_back(tx, AnotherRun(use.run_id, "demo"), use.proposal, datetime.now(UTC)) is not None


def use_rewritten(world: World, hanna: Approver, record: MandateRecord) -> None:
    disarm(world.settings.database, "mandate_use")
    with outsider(world.settings.database) as shell:
        shell("UPDATE mandate_use SET customer_id = 'C99999'")


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [
        (withdrawn, "mandate_revoked"),
        (revived, "mandate_revoked"),
        (key_revoked, "revoked_key"),
        (commit_forbidden, "policy_changed"),
        (signer_forbidden, "unentitled"),
        (document_erased, "mandate_unsigned"),
        (given_back, "not_cleared"),
        (use_rewritten, "not_cleared"),
    ],
)
def test_what_changes_between_clearing_and_effect_stops_it_and_gives_the_budget_back(
    world: World, hanna: Approver, meanwhile: Callable[[World, Approver, MandateRecord], None], code: str
) -> None:
    record = mandated(world, hanna)
    world.break_bss("GET", BUCKET_NOW, "status=503")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "executing")
    world.until(lambda: "retrying" in world.record(run_id).detail, "the first attempt")
    assert spent(world, record) == COST
    meanwhile(world, hanna, record)
    world.mend_bss()
    assert world.wait(run_id, "denied").code == code
    assert (world.effects()["adjustments"], spent(world, record)) == (0, 0)
    assert ("mandate.released" in kinds(world, run_id)) == (meanwhile is not given_back)


def test_a_revoked_mandate_whose_row_forgets_it_clears_nothing(world: World, hanna: Approver) -> None:
    revived(world, hanna, mandated(world, hanna))
    run_id = world.pending(SUBJECT)
    assert not {"mandate.consumed", "mandate.passed_over"} & set(kinds(world, run_id))
    with world.database.reading() as tx:
        (listed,) = tx.mandates.list("demo")
    assert (listed.revoked_by, listed.revoked_reason) == ("olga", "enough")


def test_a_mandate_that_ends_between_clearing_and_effect_stops_it(make_world: Callable[..., World]) -> None:
    world, later = permitting(make_world()), [timedelta()]
    world.stop_worker()
    world.clock = lambda: datetime.now(UTC) + later[0]
    world.start_worker()
    # Less than the 10 minutes after which an effect that could never be sent has failed.
    record = mandated(world, head(world), valid_until=datetime.now(UTC) + timedelta(minutes=5))
    world.break_bss("GET", BUCKET_NOW, "status=503")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "executing")
    later[0] = timedelta(minutes=5)
    assert world.wait(run_id, "denied").code == "mandate_window"
    assert (world.effects()["adjustments"], spent(world, record)) == (0, 0)


def test_an_effect_that_failed_gives_the_budget_back_and_one_that_happened_does_not(
    world: World, hanna: Approver
) -> None:
    record = mandated(world, hanna, budget="7.00 USD", cap_per_customer="7.00 USD")
    world.break_bss("POST", ADJUST, "status=422", count=1)
    failed = world.start(SUBJECT)
    world.wait(failed, "failed")
    assert spent(world, record) == 0
    (released,) = world.events(failed, "mandate.released")
    assert (released.body["mandate_id"], released.body["amount_minor"]) == (record.mandate.document_id, COST)
    world.wait(world.start(SUBJECT), "executed")
    assert spent(world, record) == COST
    exhausted = world.pending(SUBJECT)
    assert passed_over(world, exhausted) == []  # nothing is left of it: it is no candidate
    assert world.effects()["adjustments"] == 1


def test_an_outcome_nobody_knows_keeps_its_budget_until_a_person_settles_it(make_world: Callable[..., World]) -> None:
    world = permitting(make_world(effect_attempts=1))
    record, anna = mandated(world, head(world)), world.approver("anna")
    world.break_bss("POST", ADJUST, "lost")
    world.break_bss("GET", ADJUST, "status=503", behind="POST")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "unknown_outcome")
    assert spent(world, record) == COST
    world.send(run_id, world.sign(run_id, anna, "confirm_not_executed"))
    world.wait(run_id, "failed")
    assert spent(world, record) == 0
