"""A replay asks the strategy's text again: it decides as it did, and what was altered since is found out."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from agents.catalogue import load
from agents.counts_fallback.source import counts
from placet.contracts.proposal import Proposal
from placet.contracts.strategies.strategy import Strategy
from placet.governance.signing.canonical import digest
from placet.replay.weighing.rederivation import rederive
from tests.support.strategies.published import Shop, proposal_of, shop, strategy

__all__ = ["shop"]

AGAIN = "the strategy's text was asked again, and decides as it did"


def judged(shop: Shop, proposal: Proposal, other: Mapping[str, BaseModel] | None = None) -> tuple[list[str], list[str]]:
    context = shop.steps.parts.context
    with shop.database.reading() as tx:

        def fetch(address: str, kind: type[BaseModel]) -> BaseModel:
            known = (other or {}).get(address)
            return known if known is not None else tx.artifacts.get_model(address, kind, tenant="demo")

        return rederive(proposal, fetch, load, context.contact, lambda _tenant, _digest: counts())


@pytest.fixture
def proposed(shop: Shop) -> Proposal:
    shop.publish(strategy())
    steps = shop.run(strategy())
    return proposal_of(steps, steps.to_the_gate()[0])


def test_what_was_decided_is_decided_again(shop: Shop, proposed: Proposal) -> None:
    faults, notes = judged(shop, proposed)
    assert (faults, AGAIN in notes) == ([], True)


def worth_more(proposal: Proposal) -> Proposal:
    first, *others = proposal.candidates
    return proposal.model_copy(
        update={"candidates": (first.model_copy(update={"expected_value_minor": 99_999}), *others)}
    )


def eligible(proposal: Proposal) -> Proposal:
    *others, last = proposal.candidates
    return proposal.model_copy(update={"candidates": (*others, last.model_copy(update={"reasons_for": ()}))})


def told_otherwise(**changes: Any) -> Callable[[Proposal], Proposal]:
    def bend(proposal: Proposal) -> Proposal:
        assert proposal.strategy is not None
        return proposal.model_copy(update={"strategy": proposal.strategy.model_copy(update=changes)})

    return bend


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (worth_more, "candidate 'loyalty_credit' is said to be worth 999.99 USD, the evidence makes it "),
        (eligible, "candidate 'nothing' is not what the evidence makes of it"),
        (told_otherwise(leaving=99), "the strategy was told that they leave with 99 %; the evidence makes it "),
        (
            told_otherwise(drawn_by="C00040"),
            "what is proposed as 'loyalty_credit' is not what the evidence makes of it",
        ),
        (told_otherwise(reached=1), "what is proposed as 'loyalty_credit' is not what the evidence makes of it"),
    ],
    ids=["value", "candidate", "leaving", "draw", "stage"],
)
def test_what_was_altered_is_found_out(
    shop: Shop, proposed: Proposal, bend: Callable[[Proposal], Proposal], said: str
) -> None:
    faults, _ = judged(shop, bend(proposed))
    assert any(fault.startswith(said) for fault in faults), faults


def test_another_text_decides_otherwise(shop: Shop, proposed: Proposal) -> None:
    other: Strategy = strategy(("of_monthly: 20 %", "of_monthly: 30 %"))
    faults, _ = judged(shop, proposed, {digest(strategy()): other})
    assert "what is proposed as 'loyalty_credit' is not what the evidence makes of it" in faults
