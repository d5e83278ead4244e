"""A mutation that says what it does not mean is never made."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.mutation import AdjustBalance, OrderProduct


def credit(minor: int, direction: str = "credit") -> AdjustBalance:
    fields: dict[str, Any] = {"customer_id": "C1", "bucket_id": "B", "direction": direction, "reason": "r"}
    return AdjustBalance(amount=Money(amount_minor=minor, currency="USD"), **fields)


@given(st.integers(-LARGEST_MINOR, 0), st.sampled_from(["credit", "debit"]))
def test_no_sign_turns_a_credit_into_a_debit(minor: int, direction: str) -> None:
    with pytest.raises(ValidationError, match="must be positive"):
        credit(minor, direction)
    with pytest.raises(ValidationError, match="must be positive"):
        credit(1, direction).moving(Money(amount_minor=minor, currency="USD"))


@given(st.integers(1, LARGEST_MINOR), st.integers(1, LARGEST_MINOR))
def test_another_amount_leaves_the_rest_as_it_was(first: int, second: int) -> None:
    assert credit(first).moving(Money(amount_minor=second, currency="USD")) == credit(second)


@pytest.mark.parametrize(("action", "product"), [("modify", None), ("delete", None), ("add", "P-1")])
def test_an_order_names_a_held_product_exactly_where_it_changes_one(action: str, product: str | None) -> None:
    with pytest.raises(ValidationError, match="need the held product, 'add' takes none"):
        OrderProduct.model_validate(
            {"customer_id": "C1", "action": action, "offering_id": "PO-1", "product_id": product}
        )
