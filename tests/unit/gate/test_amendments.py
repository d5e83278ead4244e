"""An amendment makes a proposal smaller or another eligible one, and whoever derives it derives the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.money import Money
from placet.contracts.people.decision import Amendment
from placet.contracts.proposal import AdjustBalance, Candidate, OrderProduct, Precondition, Proposal
from placet.errors import DecisionRefused
from placet.governance.amendments import amended
from placet.governance.signing.canonical import digest
from tests.unit.support import a_proposal

ORDER = OrderProduct(customer_id="C00001", action="add", offering_id="OFF-1")
HELD = (Precondition(name="customer_status", subject="C00001", op="eq", value="active"),)


def with_candidates() -> Proposal:
    def one(treatment: str, *, eligible: bool = True, mutation: object = ORDER) -> Candidate:
        return Candidate(
            treatment=treatment,
            eligible=eligible,
            expected_value_minor=70,
            cost_minor=300,
            mutation=mutation,
            preconditions=HELD,
        )

    proposal = a_proposal()
    candidates = (
        one("goodwill_credit", mutation=proposal.mutation),
        one("extension"),
        one("ineligible", eligible=False),
        one("nothing", mutation=None),
    )
    return proposal.model_copy(update={"candidates": candidates})


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def less(proposal: Proposal, minor: int, currency: str = "USD") -> Proposal:
    amendment = Amendment(amends=digest(proposal), amount=Money(amount_minor=minor, currency=currency))
    return amended(proposal, amendment, "anna", "too much")


@given(st.integers(2, 10**9), st.data())
def test_less_credit_costs_what_it_gives_and_nothing_else_changes(minor: int, data: st.DataObject) -> None:
    proposal = a_proposal(minor)
    wanted = data.draw(st.integers(1, minor - 1))
    changed = less(proposal, wanted)
    assert isinstance(changed.mutation, AdjustBalance)
    assert (changed.mutation.amount, changed.cost, changed.original_cost) == (usd(wanted), usd(wanted), usd(minor))
    assert (changed.amends, changed.amended_by, changed.amended_reason) == (digest(proposal), "anna", "too much")
    # Nobody has estimated what a smaller credit is worth, and the model wrote about another one.
    assert (changed.expected_value_minor, changed.rationale, changed.rationale_marks) == (None, "", ())
    assert digest(changed) == digest(less(proposal, wanted))
    kept = {"mutation", "cost", "original_cost", "amends", "amended_by", "amended_reason"}
    kept |= {"expected_value_minor", "rationale", "rationale_marks"}
    assert changed.model_dump(exclude=kept) == proposal.model_dump(exclude=kept)


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (1000, "USD", "10.00 USD is not less than 10.00 USD"),
        (82_000, "USD", "820.00 USD is not less than 10.00 USD"),
        (0, "USD", "0.00 USD gives nothing"),
        (-1, "USD", "-0.01 USD gives nothing"),
        (500, "EUR", "5.00 EUR is not in USD"),
    ],
)
def test_an_amount_that_is_not_less_is_refused(minor: int, currency: str, said: str) -> None:
    with pytest.raises(DecisionRefused, match=re.escape(said)) as refused:
        less(a_proposal(), minor, currency)
    assert refused.value.code == "amendment_out_of_bounds"


def test_another_eligible_treatment_comes_with_its_own_mutation_cost_and_preconditions() -> None:
    proposal = with_candidates()
    changed = amended(proposal, Amendment(amends=digest(proposal), treatment="extension"), "anna", "suits better")
    assert (changed.treatment, changed.mutation, changed.cost) == ("extension", ORDER, usd(300))
    assert (changed.expected_value_minor, changed.preconditions) == (70, HELD)


@pytest.mark.parametrize("treatment", ["ineligible", "nothing", "unknown", "goodwill_credit"])
def test_no_other_treatment_can_be_chosen(treatment: str) -> None:
    proposal = with_candidates()
    with pytest.raises(DecisionRefused) as refused:
        amended(proposal, Amendment(amends=digest(proposal), treatment=treatment), "anna", "")
    assert refused.value.code == "amendment_out_of_bounds"


def test_an_order_has_no_amount() -> None:
    with pytest.raises(DecisionRefused, match="has no amount to change"):
        less(a_proposal().model_copy(update={"mutation": ORDER}), 1)


def test_a_reversal_is_exact_or_not_at_all() -> None:
    with pytest.raises(DecisionRefused, match="takes back exactly"):
        less(a_proposal().model_copy(update={"reverses": "run-" + "b" * 20}), 1)


def test_amending_an_amendment_remembers_what_the_agent_proposed() -> None:
    once = less(a_proposal(), 800)
    twice = less(once, 500)
    assert (twice.original_cost, twice.amends) == (usd(1000), digest(once))


@pytest.mark.parametrize("change", [{}, {"amount": usd(1), "treatment": "extension"}])
def test_an_amendment_changes_one_thing(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="either an amount or another treatment"):
        Amendment.model_validate({"amends": "0" * 64, **change})
