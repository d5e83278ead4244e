"""What takes an effect back is exact or not at all."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.billing import Balance, BillingQuery, Evidence, HeldProduct
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, OrderProduct, Precondition, Proposal
from placet.contracts.receipt import Receipt
from placet.decisioning.compensation import compensation, leave, magnitude, required_reads, words
from tests.unit.support import RUN, a_proposal

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIPT = Receipt(
    effect_key="e" * 64,
    external_id="ORD-7",
    api="TMF622",
    confirmed_by="response",
    response_sha256=None,
    settled_at=AT,
)
CUSTOMER = CustomerProfile(
    customer_id="C00001",
    status="Suspended",
    tenure_months=3,
    facts=named({"contract": "month_to_month", "internet_service": "dsl", "payment_method": "Mailed check"}),
)


def evidence(*, balances: tuple[Balance, ...] = (), products: tuple[HeldProduct, ...] = ()) -> Evidence:
    return Evidence(customer=CUSTOMER, balances=balances, products=products, read_at=AT)


def bucket(minor: int, *, status: str = "active", currency: str = "USD", bucket_id: str = "B-C00001") -> Balance:
    remaining = Money(amount_minor=minor, currency=currency)
    return Balance(bucket_id=bucket_id, name="Main", status=status, remaining=remaining)


def product(product_id: str, offering_id: str, *order_ids: str, status: str = "active") -> HeldProduct:
    return HeldProduct(
        product_id=product_id, offering_id=offering_id, name=offering_id, status=status, order_ids=order_ids
    )


def ordered(action: str, offering_id: str = "PO-new", product_id: str | None = None, **changes: Any) -> Proposal:
    mutation = OrderProduct.model_validate(
        {"customer_id": "C00001", "action": action, "offering_id": offering_id, "product_id": product_id}
    )
    return a_proposal(700).model_copy(update={"treatment": "plan_change", "mutation": mutation, **changes})


def held_before(product_id: str, offering_id: str) -> dict[str, Any]:
    condition = Precondition(name="product_offering", subject=product_id, op="eq", value=offering_id)
    return {"preconditions": (condition,)}


MOVED = ordered("modify", product_id="P-1", **held_before("P-1", "PO-old"))


def fallen(candidate: Candidate) -> tuple[str, ...]:
    """The reasons why it is not eligible; it carries nothing that could be executed."""
    assert not candidate.eligible
    assert (candidate.mutation, candidate.preconditions) == (None, ())
    return tuple(reason.code for reason in candidate.reasons_against)


@given(amount=st.integers(1, 10**9), remaining=st.integers(-(10**9), 10**9))
def test_a_credit_is_taken_back_in_full_by_a_debit_or_not_at_all(amount: int, remaining: int) -> None:
    original = a_proposal(amount)
    back = compensation(original, RECEIPT, evidence(balances=(bucket(0, bucket_id="B-2"), bucket(remaining))))
    assert (back.treatment, back.expected_value_minor, back.cost_minor) == ("reversal", None, amount)
    if remaining < amount:
        assert fallen(back) == ("balance_spent",)
        return
    assert back.eligible
    assert back.mutation == AdjustBalance(
        customer_id="C00001",
        bucket_id="B-C00001",
        bucket_name="Main",
        direction="debit",
        amount=Money(amount_minor=amount, currency="USD"),
        reason=f"Reversal of {RUN}",
    )
    assert back.preconditions == (
        Precondition(name="bucket_status", subject="B-C00001", op="eq", value="active"),
        Precondition(name="bucket_remaining_minor", subject="B-C00001", op="ge", value=amount),
    )


@pytest.mark.parametrize(
    ("balances", "codes"),
    [
        ((), ("no_bucket",)),
        ((bucket(5000, bucket_id="B-2"),), ("no_bucket",)),
        ((bucket(5000, status="suspended"),), ("bucket_not_active",)),
        ((bucket(5000, currency="EUR"),), ("currency_mismatch",)),
        ((bucket(999, status="expired"),), ("bucket_not_active", "balance_spent")),
    ],
)
def test_a_bucket_that_cannot_give_it_back_is_left_alone(balances: tuple[Balance, ...], codes: tuple[str, ...]) -> None:
    assert fallen(compensation(a_proposal(1000), RECEIPT, evidence(balances=balances))) == codes


def test_the_product_an_order_created_is_ended_and_no_other_of_that_offering() -> None:
    held = (product("P-1", "PO-new", "ORD-6"), product("P-2", "PO-new", "ORD-7"), product("P-3", "PO-new"))
    back = compensation(ordered("add"), RECEIPT, evidence(products=held))
    assert back.mutation == OrderProduct(
        customer_id="C00001", action="delete", offering_id="PO-new", product_id="P-2", product_name="PO-new"
    )
    assert back.preconditions == (Precondition(name="product_offering", subject="P-2", op="eq", value="PO-new"),)
    assert back.cost_minor == 700


@pytest.mark.parametrize(
    ("held", "code"),
    [
        ((), "product_not_held"),
        ((product("P-1", "PO-new", "ORD-6"),), "product_not_held"),
        ((product("P-1", "PO-other", "ORD-7"),), "product_not_held"),
        ((product("P-1", "PO-new", "ORD-7", status="terminated"),), "product_not_held"),
        ((product("P-1", "PO-new", "ORD-7"), product("P-2", "PO-new", "ORD-7")), "product_ambiguous"),
    ],
)
def test_a_product_that_is_not_surely_the_orders_own_is_not_ended(held: tuple[HeldProduct, ...], code: str) -> None:
    assert fallen(compensation(ordered("add"), RECEIPT, evidence(products=held))) == (code,)


def test_a_moved_product_moves_back_to_the_offering_that_was_signed_on() -> None:
    back = compensation(MOVED, RECEIPT, evidence(products=(product("P-1", "PO-new"),)))
    assert back.mutation == OrderProduct(
        customer_id="C00001", action="modify", offering_id="PO-old", product_id="P-1", product_name="PO-new"
    )
    assert back.preconditions == (Precondition(name="product_offering", subject="P-1", op="eq", value="PO-new"),)
    assert words(MOVED, back.mutation)[-1].detail.endswith("at what that offering costs now")


@pytest.mark.parametrize(
    ("original", "held", "code"),
    [
        (MOVED, product("P-1", "PO-3"), "product_not_held"),
        (MOVED.model_copy(update=held_before("P-2", "PO-old")), product("P-1", "PO-new"), "previous_offering_unknown"),
        (ordered("delete", product_id="P-1"), product("P-1", "PO-new"), "not_reversible"),
    ],
)
def test_a_product_that_moved_on_or_came_from_nowhere_stays(original: Proposal, held: HeldProduct, code: str) -> None:
    assert fallen(compensation(original, RECEIPT, evidence(products=(held,)))) == (code,)


def test_a_debit_is_not_taken_back() -> None:
    debit = a_proposal(1000)
    debit = debit.model_copy(update={"mutation": debit.mutation.model_copy(update={"direction": "debit"})})
    assert fallen(compensation(debit, RECEIPT, evidence(balances=(bucket(5000),)))) == ("not_reversible",)


def test_only_what_the_compensation_needs_is_read() -> None:
    assert required_reads(a_proposal().mutation) == (BillingQuery(operation="balances"),)
    assert required_reads(ordered("add").mutation) == (BillingQuery(operation="products"),)


def test_what_is_taken_from_the_customer_is_measured_against_limits() -> None:
    dearer = Money(amount_minor=-900, currency="USD")
    assert magnitude(a_proposal(1000).model_copy(update={"cost": dearer})) == Money(amount_minor=1000, currency="USD")
    assert magnitude(ordered("add", cost=dearer)) == Money(amount_minor=900, currency="USD")


def test_to_leave_the_effect_is_always_a_candidate() -> None:
    nothing = leave(a_proposal())
    assert (nothing.treatment, nothing.eligible, nothing.mutation) == ("nothing", True, None)
    assert nothing.reasons_against[0].detail == f"what {RUN} did stays in force"
