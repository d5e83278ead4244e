"""A run of a published strategy is cleared by its signature, executed once, and on the record."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from placet.contracts.people.mandate import Clearance
from placet.contracts.strategies.strategy import Strategy
from placet.errors import UsageError
from placet.governance.signing.canonical import digest
from placet.storage.standing import request_on_record, row_fault
from tests.integration.record.retaining import findings
from tests.support.databases import disarm, outsider
from tests.support.strategies.published import (
    ALSO_IN_BOTH,
    COMMIT,
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
    found = [draw(strategy(), one) for one in (IN_BOTH, ALSO_IN_BOTH, IN_SMALL, NOT_REACHED, HELD)]
    assert [(one.held_out, one.arm, one.treated_at(6_000)) for one in found] == [
        (False, "both", True),
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


def with_budget(total: str) -> Strategy:
    return strategy(
        ("total: 100.00 USD, per_customer: 20.00 USD", f"total: {total}, per_customer: 8.00 USD"),
        ("at_most: 20.00 USD", "at_most: 8.00 USD"),
        ("at_most: 10.00 USD", "at_most: 8.00 USD"),
    )


def test_what_has_no_room_in_the_budget_is_not_proposed(shop: Shop) -> None:
    shop.at_risk(ALSO_IN_BOTH)
    one = with_budget("12.00 USD")
    record = shop.publish(one)
    assert shop.run(one).to_the_gate()[1].verdict == "cleared"
    second = shop.run(one, ALSO_IN_BOTH, key="second")
    analysed = second.analyse()
    proposed = second.propose(analysed, second.query(analysed))
    assert (proposed.proposal, proposed.summary) == (
        None,
        (
            "nothing: the budget of strategy 'keep_at_risk', 12.00 USD, has 4.00 USD left, "
            "and Loyalty credit takes 8.00 USD"
        ),
    )
    assert shop.spent(record) == COST


def test_of_two_that_wait_the_second_to_be_approved_finds_the_budget_spent(shop: Shop) -> None:
    shop.at_risk(ALSO_IN_BOTH)
    one = with_budget("12.00 USD")
    record = shop.publish(one)
    file = shop.policy_file
    file.write_text(file.read_text().replace(COMMIT, ""))
    first, second = shop.run(one), shop.run(one, ALSO_IN_BOTH, key="second")
    waiting = [(steps, *steps.to_the_gate()) for steps in (first, second)]
    done = [
        steps.execute(proposed, steps.review(proposed, gate, steps.sign(proposed))) for steps, proposed, gate in waiting
    ]
    assert [(one.outcome, one.code) for one in done] == [("executed", "executed"), ("refused", "mandate_spent")]
    assert (shop.adjustments(), shop.spent(record)) == (1, COST)


def test_of_a_budget_that_is_spent_nothing_is_proposed(shop: Shop) -> None:
    shop.at_risk(ALSO_IN_BOTH)
    one = with_budget("8.00 USD")
    record = shop.publish(one)
    assert shop.run(one).to_the_gate()[1].verdict == "cleared"
    later = shop.run(one, ALSO_IN_BOTH, key="later")
    analysed = later.analyse()
    proposed = later.propose(analysed, later.query(analysed))
    assert (proposed.proposal, proposed.summary) == (
        None,
        "nothing: the budget of strategy 'keep_at_risk', 8.00 USD, is spent",
    )
    assert shop.spent(record) == COST


def test_a_run_is_of_one_strategy_whatever_its_row_says_later(shop: Shop, database_url: str) -> None:
    one, other = strategy(), strategy(("name: keep_at_risk", "name: keep_others"))
    shop.publish(one)
    shop.publish(other)
    steps = shop.run(one)
    with pytest.raises(UsageError) as again:
        shop.run(other)
    assert again.value.code == "run_key_conflict"
    with pytest.raises(UsageError) as again:
        shop.run(one, channel="sms")
    assert again.value.code == "run_key_conflict"
    with pytest.raises(UsageError) as again:
        shop.carrying(None, IN_BOTH, "first")
    assert again.value.code == "run_key_conflict"
    altered = steps.run.model_copy(update={"strategy": digest(other)})
    with pytest.raises(ApplicationError, match="was requested otherwise than this workflow says"):
        replace(steps, run=altered).analyse()
    disarm(database_url, "run")
    with outsider(database_url) as shell:
        shell(f"UPDATE run SET strategy = '{digest(other)}'")  # noqa: S608
    with shop.database.reading() as tx:
        assert request_on_record(tx, steps.run.run_id) == steps.run
        row = tx.runs.get(steps.run.run_id)
        assert row is not None
        assert "strategy" in row_fault(tx, row)
    assert any("strategy" in found for found in findings(shop.database))
    assert steps.to_the_gate()[1].verdict == "cleared"
