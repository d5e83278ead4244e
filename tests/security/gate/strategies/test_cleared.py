"""A run of a published strategy is cleared by its signature, executed once, and on the record."""

from placet.contracts.people.mandate import Clearance
from placet.governance.signing.canonical import digest
from tests.support.strategies.published import (
    COST,
    HELD,
    IN_BOTH,
    IN_SMALL,
    NOT_REACHED,
    Shop,
    draw,
    events,
    execute,
    passed_over,
    proposal_of,
    strategy,
)


def test_the_customers_of_these_tests_are_drawn_as_they_are_called() -> None:
    found = [draw(strategy(), one) for one in (IN_BOTH, IN_SMALL, NOT_REACHED, HELD)]
    assert [(one.held_out, one.arm, one.treated_at(6_000)) for one in found] == [
        (False, "both", True),
        (False, "small", True),
        (False, "both", False),
        (True, None, False),
    ]


def test_what_the_signed_text_decides_is_cleared_and_executed_once(shop: Shop) -> None:
    one = strategy()
    record = shop.publish(one)
    steps = shop.run(one)
    proposed, gate = steps.to_the_gate()
    assert passed_over(steps) == []
    assert gate.verdict == "cleared"
    assert gate.clearance is not None
    assert (gate.clearance.mandate_id, gate.clearance.signer) == (record.mandate.document_id, "hanna")
    assert shop.spent(record) == COST
    proposal = proposal_of(steps, proposed)
    assert proposal.strategy is not None
    assert (proposal.treatment, proposal.cost.amount_minor, proposal.strategy.version) == (
        "loyalty_credit",
        COST,
        digest(one),
    )
    assert execute(steps, proposed).outcome == "executed"
    assert execute(steps, proposed).outcome == "executed"
    assert (shop.adjustments(), shop.spent(record)) == (1, COST)
    (consumed,) = events(steps, "mandate.consumed")
    assert Clearance.model_validate({name: consumed.body[name] for name in Clearance.model_fields}) == gate.clearance
    assert consumed.body["left"]["amount_minor"] == 10_000 - COST
