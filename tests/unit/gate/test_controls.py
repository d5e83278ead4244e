"""Flawed proposals: the flaw is in the figures, everything else is as it was weighed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.billing import Balance, Evidence
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, OrderProduct, Precondition, Proposal, Reason
from placet.decisioning.controls import ineligible, retold, too_much
from tests.unit.support import NOW, a_proposal

STATUS = Precondition(name="customer_status", subject="C00001", op="eq", value="active")
PLAIN = {"run_id", "customer_id", "candidates", "rationale", "rationale_marks", "model_use", "evidence", "assessment"}


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def credit(minor: int, bucket: str = "B-C00001") -> AdjustBalance:
    return AdjustBalance(customer_id="C00001", bucket_id=bucket, amount=usd(minor), reason="Goodwill credit")


def candidate(treatment: str, cost: int, *, eligible: bool = True, **changes: object) -> Candidate:
    values: dict[str, object] = {
        "treatment": treatment,
        "eligible": eligible,
        "expected_value_minor": cost * 2,
        "cost_minor": cost,
        "reasons_against": () if eligible else (Reason(code="tenure_too_short"),),
    }
    return Candidate.model_validate({**values, **changes})


def evidence(*balances: Balance) -> Evidence:
    customer = CustomerProfile(
        customer_id="C00001",
        status="active",
        tenure_months=3,
        facts=named({"contract": "month_to_month", "internet_service": "dsl", "payment_method": "Mailed check"}),
    )
    return Evidence(customer=customer, balances=balances, read_at=NOW)


def balance(bucket: str, status: str = "active", currency: str = "USD") -> Balance:
    remaining = Money(amount_minor=0, currency=currency)
    return Balance(bucket_id=bucket, name="main", status=status, remaining=remaining)


def amount(proposal: Proposal) -> int:
    assert isinstance(proposal.mutation, AdjustBalance)
    return proposal.mutation.amount.amount_minor


@given(minor=st.integers(1, 10**9), run=st.integers(0, 2**80 - 1))
def test_too_much_is_a_multiple_of_what_was_weighed_and_nothing_else_changes(minor: int, run: int) -> None:
    original = a_proposal(minor).model_copy(update={"run_id": f"run-{run:020x}", "candidates": ()})
    options = too_much(original)
    worth = original.expected_value_minor or 0
    assert sorted(amount(one) for one in options) == [minor * multiple for multiple in (3, 4, 5, 6, 8)]
    for one in options:
        assert one == Proposal.model_validate(one.model_dump())
        assert one.cost == usd(amount(one))
        assert one.expected_value_minor == worth - (amount(one) - minor)
        assert one.model_dump(exclude={"mutation", "cost", "expected_value_minor"}) == original.model_dump(
            exclude={"mutation", "cost", "expected_value_minor"}
        )
    assert too_much(original) == options


def test_which_multiple_comes_first_depends_on_the_run() -> None:
    runs = [a_proposal(100).model_copy(update={"run_id": f"run-{number:020x}"}) for number in range(40)]
    assert {amount(too_much(run)[0]) for run in runs} == {300, 400, 500, 600, 800}


def test_where_an_order_was_picked_the_best_eligible_credit_is_too_large() -> None:
    order = OrderProduct(customer_id="C00001", action="add", offering_id="PO-1")
    weighed = (
        candidate("plan_change", 900, mutation=order),
        candidate("bonus", 250, mutation=credit(250), preconditions=(STATUS,)),
        candidate("goodwill_credit", 100, mutation=credit(100)),
    )
    original = a_proposal().model_copy(update={"mutation": order, "treatment": "plan_change", "candidates": weighed})
    first = too_much(original)[0]
    assert (first.treatment, amount(first) % 250, first.preconditions) == ("bonus", 0, (STATUS,))
    assert amount(first) >= 750
    assert too_much(original.model_copy(update={"candidates": weighed[:1]})) == ()


def test_ineligible_presents_a_fallen_candidate_at_its_own_cost_and_value() -> None:
    weighed = (
        candidate("goodwill_credit", 100, mutation=credit(100)),
        candidate("contract_extension", 3535, eligible=False),
        candidate("loyalty_bonus", 1750, eligible=False),
        candidate("free_of_charge", 0, eligible=False),
    )
    original = a_proposal().model_copy(update={"candidates": weighed})
    options = ineligible(original, evidence(balance("B-9"), balance("B-2", status="closed"), balance("B-3")))
    assert [one.treatment for one in options] == ["loyalty_bonus", "contract_extension"]
    first = options[0]
    assert first == Proposal.model_validate(first.model_dump())
    assert first.mutation == AdjustBalance(
        customer_id="C00001", bucket_id="B-3", bucket_name="main", amount=usd(1750), reason="Loyalty bonus"
    )
    assert (first.cost, first.expected_value_minor) == (usd(1750), 3500)
    assert first.preconditions == (
        STATUS,
        Precondition(name="bucket_status", subject="B-3", op="eq", value="active"),
    )
    assert first.model_dump(include=PLAIN) == original.model_dump(include=PLAIN)


@pytest.mark.parametrize("balances", [(), (balance("B-1", status="closed"),), (balance("B-1", currency="EUR"),)])
def test_without_a_balance_to_credit_nothing_ineligible_can_be_presented(balances: tuple[Balance, ...]) -> None:
    original = a_proposal().model_copy(update={"candidates": (candidate("loyalty_bonus", 1750, eligible=False),)})
    assert ineligible(original, evidence(*balances)) == ()


def test_where_all_candidates_are_eligible_nothing_ineligible_can_be_presented() -> None:
    original = a_proposal().model_copy(update={"candidates": (candidate("goodwill_credit", 100),)})
    assert ineligible(original, evidence(balance("B-1"))) == ()


def test_the_summary_is_told_with_the_new_figures_and_no_figure_is_cut_in_two() -> None:
    before = a_proposal(700).model_copy(update={"expected_value_minor": 1524})
    after = before.model_copy(update={"cost": usd(3500), "expected_value_minor": -1276, "treatment": "loyalty_bonus"})
    summary = "goodwill_credit at a cost of 7.00 USD, expected value 15.24 USD, 17.00 USD kept, my_goodwill_credit"
    assert retold(summary, before, after) == (
        "loyalty_bonus at a cost of 35.00 USD, expected value -12.76 USD, 17.00 USD kept, my_goodwill_credit"
    )
