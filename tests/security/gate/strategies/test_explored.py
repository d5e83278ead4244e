"""A run of a strategy that explores proposes what chance drew, the gate draws the same, and the probability is told."""

import pytest

from placet.contracts.proposal import Proposal
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.drawing import bucket
from tests.support.strategies.published import (
    IN_BOTH,
    Shop,
    a_worker_gone_bad,
    draw,
    execute,
    passed_over,
    proposal_of,
    strategy,
)


def trying() -> Strategy:
    """Return a strategy under a name by which the customer is drawn to get the second of two treatments."""
    for number in range(1_000):
        name = f"try_{number}"
        one = strategy(("name: keep_at_risk", f"name: {name}"), ("holdout: 20 %", "holdout: 20 %\nexplore: 50 %"))
        drawn = draw(one, IN_BOTH)
        second = bucket("explore", name, IN_BOTH) < 5_000 <= bucket("explored", name, IN_BOTH)
        if drawn.treated_at(6_000) and drawn.arm == "both" and second:
            return one
    raise AssertionError("no name of a thousand")


def test_what_chance_drew_is_cleared_and_executed(shop: Shop) -> None:
    one = trying()
    shop.publish(one)
    steps = shop.run(one)
    proposed, gate = steps.to_the_gate()
    assert passed_over(steps) == []
    assert gate.verdict == "cleared"
    proposal = proposal_of(steps, proposed)
    assert proposal.strategy is not None
    assert (proposal.treatment, proposal.strategy.probability) == ("small_credit", 2_500)
    assert {one.treatment for one in proposal.candidates if one.eligible} >= {"loyalty_credit", "small_credit"}
    assert execute(steps, proposed).outcome == "executed"


def test_another_probability_than_the_text_makes_is_passed_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def bend(proposal: Proposal) -> Proposal:
        assert proposal.strategy is not None
        return proposal.model_copy(update={"strategy": proposal.strategy.model_copy(update={"probability": 9_999})})

    one = trying()
    shop.publish(one)
    a_worker_gone_bad(monkeypatch, bend)
    steps = shop.run(one)
    _, gate = steps.to_the_gate()
    assert gate.verdict == "human"
    assert [said for code, said in passed_over(steps) if "9999 of 10,000, not 2500" in said]
