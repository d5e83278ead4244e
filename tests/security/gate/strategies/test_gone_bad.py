"""A worker gone bad writes another proposal than the signed text makes: no mandate clears it; the record says why."""

from collections.abc import Callable
from typing import Any

import pytest

from placet.contracts.money import parse_money
from placet.contracts.proposal import Proposal
from placet.contracts.strategies.strategy import Strategy
from placet.governance.signing.canonical import digest
from placet.service.runs import Carries
from tests.support.strategies.published import (
    HELD,
    IN_BOTH,
    IN_SMALL,
    NOT_REACHED,
    Shop,
    a_worker_gone_bad,
    a_worker_with_another_text,
    events,
    passed_over,
    strategy,
)

Bend = Callable[[Proposal], Proposal]


def changed(**changes: Any) -> Bend:
    return lambda proposal: proposal.model_copy(update=changes)


def used(**changes: Any) -> Bend:
    """Change what the proposal says of the strategy."""

    def bend(proposal: Proposal) -> Proposal:
        assert proposal.strategy is not None
        return proposal.model_copy(update={"strategy": proposal.strategy.model_copy(update=changes)})

    return bend


def with_amount(amount: str) -> Bend:
    money = parse_money(amount)

    def bend(proposal: Proposal) -> Proposal:
        mutation = proposal.mutation.model_copy(update={"amount": money})
        return proposal.model_copy(update={"mutation": mutation, "cost": money})

    return bend


def other_treatment(proposal: Proposal) -> Proposal:
    """Take the treatment that the strategy ranks second."""
    second = next(one for one in proposal.candidates if one.treatment == "small_credit")
    assert second.eligible
    return proposal.model_copy(
        update={
            "treatment": second.treatment,
            "mutation": second.mutation,
            "cost": proposal.cost.model_copy(update={"amount_minor": second.cost_minor}),
            "expected_value_minor": second.expected_value_minor,
            "preconditions": second.preconditions,
        }
    )


def for_customer(customer: str) -> Bend:
    def bend(proposal: Proposal) -> Proposal:
        mutation = proposal.mutation.model_copy(update={"customer_id": customer})
        return proposal.model_copy(update={"customer_id": customer, "mutation": mutation})

    return bend


def other_bucket(proposal: Proposal) -> Proposal:
    return proposal.model_copy(update={"mutation": proposal.mutation.model_copy(update={"bucket_id": f"B-{IN_SMALL}"})})


@pytest.mark.parametrize(
    ("bend", "code", "said"),
    [
        (other_treatment, "strategy_undecided", "chooses 'loyalty_credit' for them, not 'small_credit'"),
        (changed(treatment="small_credit"), "strategy_undecided", "does not propose 'small_credit' for them"),
        (changed(treatment="goodwill_credit"), "mandate_treatment", "does not clear treatment 'goodwill_credit'"),
        (with_amount("8.50 USD"), "strategy_undecided", "does not propose 'loyalty_credit' for them"),
        (with_amount("0.01 USD"), "strategy_undecided", "does not propose 'loyalty_credit' for them"),
        (with_amount("8.00 EUR"), None, ""),  # policy denies it before a mandate is looked for
        (changed(cost=parse_money("1.00 USD")), "strategy_undecided", "does not propose"),
        (changed(expected_value_minor=1), "strategy_undecided", "does not propose"),
        (changed(preconditions=()), "strategy_undecided", "does not propose"),
        (for_customer(IN_SMALL), "mandate_customer", f"of {IN_BOTH!r}"),
        (other_bucket, "strategy_undecided", "does not propose"),
        (used(drawn_by=IN_SMALL), "strategy_undecided", f"draws them by {IN_SMALL!r}; they are drawn by {IN_BOTH!r}"),
        (used(leaving=99), "strategy_undecided", "says that they leave with 99 %; what the run read makes it"),
        (used(leaving=None), "strategy_undecided", "says that they leave with None %; what the run read makes it"),
        (used(channel="sms"), "strategy_undecided", "by sms"),
        (used(version="0" * 64), "mandate_strategy", "is of strategy version 0000000000000000"),
        (changed(strategy=None), "mandate_strategy", "the proposal is of no strategy"),
        (changed(amended_by="anna"), "mandate_amended", "what a person amended is theirs to decide"),
    ],
)
def test_what_the_text_does_not_make_is_passed_over_with_the_reason(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, bend: Bend, code: str | None, said: str
) -> None:
    one = strategy()
    record = shop.publish(one)
    a_worker_gone_bad(monkeypatch, bend)
    steps = shop.run(one)
    _, gate = steps.to_the_gate()
    assert gate.verdict != "cleared"
    assert (shop.spent(record), events(steps, "mandate.consumed")) == (0, [])
    found = passed_over(steps)
    assert [one for one, _ in found] == ([] if code is None else [code])
    assert said in "".join(detail for _, detail in found)


def unheld(one: Strategy) -> Strategy:
    return one.model_copy(update={"holdout": 0})


def at_once(one: Strategy) -> Strategy:
    return one.model_copy(update={"rollout": one.rollout.model_copy(update={"stages": (10_000,)})})


def armless(one: Strategy) -> Strategy:
    return one.model_copy(update={"arms": ()})


def for_everybody(one: Strategy) -> Strategy:
    return one.model_copy(update={"cohort": "recharges_90d > 0"})


def without_consent(one: Strategy) -> Strategy:
    return one.model_copy(update={"contact": one.contact.model_copy(update={"purpose": "service"})})


@pytest.mark.parametrize(
    ("customer", "other", "said"),
    [
        (HELD, unheld, "is in the control group of 20 %, which is never treated"),
        (NOT_REACHED, at_once, "it has reached 60 % so far"),
        (IN_SMALL, armless, "is in arm small, which does not get it"),
        (IN_BOTH, for_everybody, "is not in its cohort"),
        (IN_BOTH, without_consent, "has not agreed to marketing"),
    ],
)
@pytest.mark.parametrize("drawn_by", [None, IN_BOTH])
def test_what_a_worker_makes_of_a_text_of_its_own_is_passed_over(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    customer: str,
    other: Callable[[Strategy], Strategy],
    said: str,
    drawn_by: str | None,
) -> None:
    """It treats whom the signed text does not treat, and may say that they were drawn as somebody else was."""
    one = strategy(("recharges_90d > 0", "recharges_90d > 5")) if other is for_everybody else strategy()
    if other is without_consent:
        shop.happens(customer, "consent.changed", {"purpose": "marketing", "given": False})
    record = shop.publish(one)
    a_worker_with_another_text(monkeypatch, other)
    a_worker_gone_bad(monkeypatch, used(drawn_by=drawn_by or customer))
    steps = shop.run(one, customer)
    _, gate = steps.to_the_gate()
    assert gate.verdict == "human"
    ((code, detail),) = passed_over(steps)
    assert code == "strategy_undecided"
    assert (said if drawn_by in (None, customer) else "the proposal draws them by 'C00006'") in detail
    assert (shop.spent(record), events(steps, "mandate.consumed")) == (0, [])


def test_evidence_of_an_earlier_run_does_not_count(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was so then, such as that they agreed to marketing, need not be so now."""
    one = strategy()
    shop.publish(one)
    earlier = shop.run(one, key="earlier")
    analysed = earlier.analyse()
    old = earlier.query(analysed).evidence
    a_worker_gone_bad(monkeypatch, changed(evidence=old))
    later = shop.run(one, key="later")
    assert later.to_the_gate()[1].verdict == "human"
    assert passed_over(later) == [
        ("strategy_undecided", f"the evidence that it names is not what run {later.run.run_id!r} read")
    ]


def test_a_plain_mandate_clears_no_strategys_proposal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it where the worker hides that the run was to carry out a strategy."""
    one = strategy()
    plain = shop.plain_mandate(one)
    published = shop.publish(one)
    shop.revoke(published)
    unpublished = shop.carrying(Carries(one.name, digest(one), "agent", "retention"), IN_BOTH, "unpublished")
    analysed = unpublished.analyse()
    assert unpublished.propose(analysed, unpublished.query(analysed)).proposal is None
    later = shop.publish(one)
    honest = shop.run(one, key="honest")
    gate = honest.to_the_gate()[1]
    assert gate.clearance is not None
    assert gate.clearance.mandate_id == later.mandate.document_id
    a_worker_gone_bad(monkeypatch, changed(strategy=None))
    stripped = shop.run(one, key="stripped")
    assert stripped.to_the_gate()[1].verdict == "human"
    found = dict(passed_over(stripped))
    assert set(found) == {"mandate_strategy", "strategy_undecided"}
    assert found["strategy_undecided"].startswith("the run was to carry out version ")
    assert shop.spent(plain) == 0


def test_a_strategys_mandate_clears_nothing_that_the_application_weighed(shop: Shop) -> None:
    record = shop.publish(
        strategy(
            ("code: small_credit", "code: goodwill_credit"),
            ("[small_credit]", "[goodwill_credit]"),
            ("loyalty_credit, small_credit", "loyalty_credit, goodwill_credit"),
        )
    )
    steps = shop.carrying(None, IN_BOTH, "plain")
    proposed, gate = steps.to_the_gate()
    assert (proposed.proposal is not None, gate.verdict) == (True, "human")
    ((code, detail),) = passed_over(steps)
    assert (code, detail.split(",")[0]) == ("mandate_strategy", "the proposal is of no strategy")
    assert shop.spent(record) == 0
