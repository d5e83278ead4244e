"""Whoever writes rows cannot make room in a mandate: what is spent of it is on the record as well."""

import pytest

from placet.contracts.people.mandate import MandateRecord
from placet.errors import GovernanceError
from placet.storage.projections.verification import verify_projections
from tests.security.gate.mandates.mandating import COST, SUBJECT, kinds, mandated, passed_over, spent
from tests.support.databases import disarm, outsider
from tests.support.world import Approver, World


def _room_for_one(world: World, hanna: Approver, **changes: str) -> MandateRecord:
    """Publish a mandate that one run has used up."""
    bounds = {"budget": "10.00 USD", "cap_per_customer": "10.00 USD", **changes}
    record = mandated(world, hanna, **bounds)
    world.wait(world.start(SUBJECT), "executed")
    assert spent(world, record) == COST
    return record


def _findings(world: World) -> list[str]:
    with world.database.reading() as tx:
        return [str(finding) for finding in verify_projections(tx, "demo")]


def test_a_row_that_says_nothing_was_spent_clears_nothing_and_everybody_is_told(world: World, hanna: Approver) -> None:
    record = _room_for_one(world, hanna)
    name = record.mandate.document_id
    with outsider(world.settings.database) as shell:
        shell("UPDATE mandate SET spent_minor = 0")  # nothing but this row is needed, and no trigger refuses it
    run_id = world.start(SUBJECT)
    world.wait(run_id, "awaiting_decision")
    assert passed_over(world, run_id) == ["mandate_altered"]
    assert world.effects()["adjustments"] == 1
    with pytest.raises(GovernanceError, match=r"says that 0\.00 USD is spent, and its account on the record 7\.00 USD"):
        spent(world, record)
    assert f"mandate {name}: spent_minor is 0, the record says {COST}" in _findings(world)
    with outsider(world.settings.database) as shell:
        shell("UPDATE mandate SET spent_minor = 700")
    third = world.start(SUBJECT)
    world.wait(third, "awaiting_decision")
    assert passed_over(world, third) == ["mandate_spent"]


def test_rows_of_uses_that_are_gone_make_no_room_for_a_customer(world: World, hanna: Approver) -> None:
    _room_for_one(world, hanna, budget="100.00 USD")
    disarm(world.settings.database, "mandate_use")
    with outsider(world.settings.database) as shell:
        shell("DELETE FROM mandate_use")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "awaiting_decision")
    assert passed_over(world, run_id) == ["mandate_spent"]
    assert world.effects()["adjustments"] == 1


def test_what_is_spent_is_on_the_account_of_the_mandate(world: World, hanna: Approver) -> None:
    record = _room_for_one(world, hanna)
    with world.database.reading() as tx:
        (use,) = tx.mandates.uses("demo", record.mandate.document_id)
        (entry,) = tx.audit.read(f"mandate/demo/{record.mandate.document_id}")
    assert (entry.kind, entry.body["run_id"], entry.body["spent"]["amount_minor"]) == (
        "mandate.taken",
        use.run_id,
        COST,
    )
    assert "mandate.consumed" in kinds(world, use.run_id)
    assert _findings(world) == []
