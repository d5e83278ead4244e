"""Every candidate has its reasons; only the eligible carry a mutation; `nothing` is always there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.billing import HeldProduct
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, OrderProduct
from placet.decisioning.facts import Facts
from placet.decisioning.ranking import eligible, evaluate
from placet.decisioning.treatments import Catalogue
from tests.unit.decisioning.decisioning_support import catalogue, credit, facts, order

PROTECTED = {"gender", "female", "sex", "age", "senior_citizen", "partner", "dependents", "name"}


def weigh(offered: Catalogue, **changes: Any) -> dict[str, Candidate]:
    return {candidate.treatment: candidate for candidate in evaluate(offered, facts(**changes))}


def against(candidate: Candidate) -> list[str]:
    return [reason.code for reason in candidate.reasons_against]


def product(offering: str, product_id: str = "P-1") -> HeldProduct:
    return HeldProduct(product_id=product_id, offering_id=offering, name="x", status="active")


def test_no_fact_is_a_protected_attribute() -> None:
    assert not PROTECTED & set(Facts.model_fields)
    with pytest.raises(ValidationError, match="unknown fact 'gender'"):
        catalogue(credit(eligibility=[{"fact": "gender", "op": "eq", "value": "f", "code": "no"}]))


def test_an_eligible_credit_carries_the_exact_amount_from_the_arithmetic() -> None:
    candidate = weigh(catalogue(credit()))["credit"]
    assert candidate.eligible
    assert candidate.mutation == AdjustBalance(
        customer_id="C1",
        bucket_id="B-1",
        bucket_name="Main balance",
        amount=Money(amount_minor=1_000, currency="USD"),
        reason="A credit",
    )
    assert (candidate.cost_minor, candidate.expected_value_minor) == (1_000, 2_000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bucket_status": "suspended"}, "bucket_not_active"),
        ({"bucket_id": "none", "bucket_status": "none", "bucket_currency": "none"}, "no_bucket"),
        ({"bucket_currency": "EUR"}, "bucket_currency"),
        ({"currency": "EUR", "bucket_currency": "EUR"}, "currency_mismatch"),
        ({"monthly_charge_minor": 0}, "unknown_monthly_charge"),
        ({"churn_bp": 10}, "no_positive_value"),
    ],
)
def test_what_no_catalogue_may_switch_off_falls_with_its_reason(changes: dict[str, Any], code: str) -> None:
    candidate = weigh(catalogue(credit()), **changes)["credit"]
    assert code in against(candidate)
    assert not candidate.eligible
    assert candidate.mutation is None


def test_a_cost_above_the_cap_is_not_eligible() -> None:
    assert against(weigh(catalogue(credit(), max_cost_minor=999))["credit"]) == ["above_cap"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"fact": "tenure_months", "op": "ge", "value": 3}, True),
        ({"fact": "tenure_months", "op": "ge", "value": 4}, False),
        ({"fact": "tenure_months", "op": "le", "value": 3}, True),
        ({"fact": "contract", "op": "eq", "value": "month_to_month"}, True),
        ({"fact": "contract", "op": "ne", "value": "month_to_month"}, False),
        ({"fact": "contract", "op": "in", "value": ["one_year", "two_year"]}, False),
    ],
)
def test_a_condition_is_a_reason_either_way(condition: dict[str, Any], holds: bool) -> None:
    named = {**condition, "code": "named"}
    asked = weigh(catalogue(credit(eligibility=[named])))["credit"]
    assert against(asked) == ([] if holds else ["named"])
    assert asked.eligible is holds
    told = weigh(catalogue(credit(suitability=[named])))["credit"]
    assert [reason.code for reason in told.reasons_for] == (["named"] if holds else [])
    assert told.eligible


@pytest.mark.parametrize("condition", [("tenure_months", "ge", "3"), ("contract", "ge", 3), ("contract", "in", "one")])
def test_a_condition_that_compares_unlike_things_is_refused(condition: tuple[str, str, Any]) -> None:
    fact, op, value = condition
    with pytest.raises(ValidationError, match="cannot be compared"):
        catalogue(credit(eligibility=[{"fact": fact, "op": op, "value": value, "code": "no"}]))


def test_an_order_moves_the_product_that_is_held() -> None:
    moves = (
        {"offering_id": "PO-s", "name": "S", "replaces": "PO-a"},
        {"offering_id": "PO-t", "name": "T", "replaces": "PO-b", "cost_minor": 7},
    )
    held = product("PO-b", "P-9")
    candidate = weigh(catalogue(order(*moves)), held=(held,))["order"]
    assert candidate.mutation == OrderProduct(
        customer_id="C1",
        action="modify",
        offering_id="PO-t",
        offering_name="T",
        product_id="P-9",
        product_name=held.name,
    )
    assert candidate.cost_minor == 7


def test_an_order_of_what_is_already_held_is_not_eligible() -> None:
    assert against(weigh(catalogue(order()), held=(product("PO-new"),))["order"]) == ["no_product_to_move"]
    assert weigh(catalogue(order()))["order"].mutation == OrderProduct(
        customer_id="C1", action="add", offering_id="PO-new", offering_name="New one"
    )


def test_nothing_cannot_be_listed_and_codes_are_unique() -> None:
    for codes in (("nothing",), ("credit", "credit")):
        with pytest.raises(ValidationError, match="is listed twice"):
            catalogue(*(credit(code) for code in codes))


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 20_000)), max_size=6),
    st.integers(0, 10_000),
    st.integers(0, 50_000),
)
def test_the_order_is_eligible_first_then_by_value_and_nothing_is_the_floor(
    treatments: list[tuple[int, int]], churn: int, charge: int
) -> None:
    offered = catalogue(
        *(
            credit(
                f"credit_{number}",
                relative_reduction_bp=reduction,
                action={"kind": "adjust_balance", "of_monthly_bp": share, "max_minor": 10**6},
            )
            for number, (reduction, share) in enumerate(treatments)
        )
    )
    known = facts(churn_bp=churn, monthly_charge_minor=charge)
    ranked = evaluate(offered, known)
    assert ranked == evaluate(offered, known)
    assert len(ranked) == len(treatments) + 1
    open_to_pick = eligible(ranked)
    assert open_to_pick == ranked[: len(open_to_pick)]
    assert open_to_pick[-1].treatment == "nothing"
    for group in (open_to_pick, ranked[len(open_to_pick) :]):
        values = [candidate.expected_value_minor or 0 for candidate in group]
        assert values == sorted(values, reverse=True)
    for candidate in ranked:
        if candidate.treatment != "nothing":
            assert candidate.eligible == (not candidate.reasons_against) == (candidate.mutation is not None)
            assert not candidate.eligible or (candidate.expected_value_minor or 0) > 0
