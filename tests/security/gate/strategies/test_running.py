"""A published strategy at the running system: Temporal, the worker, the BSS; and the replay of what it did."""

from collections.abc import Callable
from datetime import UTC, datetime

from placet.contracts.state import CustomerState
from placet.governance.signing.canonical import digest
from placet.replay.verdict import replay
from placet.service import runs as run_operations
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.strategies.publishing import carried, draft_of, keep_text
from tests.security.gate.mandates.mandating import BUCKET_NOW, head, permitting, policies, spent
from tests.support.facts import FACTS
from tests.support.strategies.published import COST, IN_BOTH, happens, let_be_at_risk, strategy
from tests.support.world import World


def test_it_executes_once_and_its_replay_decides_as_it_did(make_world: Callable[..., World]) -> None:
    world = permitting(make_world())
    one, hanna = strategy(), head(world)
    keep_text(world.database, "demo", one)
    envelope = sign_mandate(
        draft_of(one, tenant="demo", drafted_by="olga"), FACTS, signer="hanna", reason="", key=hanna.key
    )
    record = take_mandate(world.database, envelope, tenant="demo", policies=policies(world), declared=FACTS)
    let_be_at_risk(world.database, IN_BOTH)
    run_id = started(world, one.name, "first")
    world.wait(run_id, "executed")
    assert (world.effects()["adjustments"], spent(world, record)) == (1, COST)
    (consumed,) = world.events(run_id, "mandate.consumed")
    assert (consumed.body["mandate_id"], consumed.body["consumed"]["amount_minor"]) == (
        record.mandate.document_id,
        COST,
    )
    verdict = world.run(replay(world.settings, run_id))
    assert verdict.faults == []
    assert "the strategy's text was asked again, and decides as it did" in verdict.notes
    proposal = world.proposal(run_id)
    assert proposal.strategy is not None
    assert proposal.strategy.version == digest(one)
    with world.database.reading() as tx:
        (analysed,) = world.events(run_id, "analyse.completed")
        state = tx.artifacts.get_model(analysed.body["state"]["digest"], CustomerState, tenant="demo")
    assert state.customer_id == IN_BOTH

    # The next run: consent is withdrawn while the effect of it waits for the BSS.
    world.break_bss("GET", BUCKET_NOW, "status=503")
    later = started(world, one.name, "later")
    world.wait(later, "executing")
    world.until(lambda: "retrying" in world.record(later).detail, "the first attempt")
    assert spent(world, record) == 2 * COST
    happens(world.database, IN_BOTH, "consent.changed", {"purpose": "marketing", "given": False}, hours=0.01)
    world.mend_bss()
    denied = world.wait(later, "denied")
    assert (denied.code, spent(world, record)) == ("strategy_changed", COST)
    assert denied.detail.endswith("no longer permits it: the customer has not agreed to marketing")
    assert world.effects()["adjustments"] == 1
    assert len(world.events(later, "mandate.released")) == 1


def started(world: World, name: str, key: str, customer: str = IN_BOTH) -> str:
    """Start a run of a strategy, as `placet run start --strategy` does."""
    carries = carried(world.database, "demo", name, "agent", lambda _: policies(world), datetime.now(UTC))
    request = run_operations.build_request(
        tenant="demo",
        customer_id=customer,
        agent="retention",
        requested_by="olga",
        key=key,
        agents=("retention",),
        carries=carries,
    )
    world.run(run_operations.start_run(world.database, world.engine, request))
    return request.run_id
