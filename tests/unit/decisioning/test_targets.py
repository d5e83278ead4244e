"""A mutation changes only what billing showed to be the customer's."""

import pytest

from placet.contracts.billing import Balance, Evidence, HeldProduct
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, Mutation, OrderProduct
from placet.errors import GovernanceError
from placet.governance.targets import check_targets
from tests.unit.support import NOW, a_proposal

USD = Money(amount_minor=100, currency="USD")
EVIDENCE = Evidence(
    customer=CustomerProfile(
        customer_id="C00001",
        status="Active",
        tenure_months=1,
        facts=named({"contract": "month_to_month", "internet_service": "dsl", "payment_method": "card"}),
    ),
    balances=(Balance(bucket_id="B-C00001", name="Main", status="active", remaining=USD),),
    products=(HeldProduct(product_id="P-1", offering_id="PO-1", name="DSL", status="active"),),
    read_at=NOW,
)


def credit(customer: str = "C00001", bucket: str = "B-C00001") -> AdjustBalance:
    return AdjustBalance(customer_id=customer, bucket_id=bucket, amount=USD, reason="goodwill")


def move(product: str) -> OrderProduct:
    return OrderProduct(customer_id="C00001", action="modify", offering_id="PO-2", product_id=product)


def as_candidate(mutation: Mutation) -> Candidate:
    return Candidate(treatment="other", eligible=True, expected_value_minor=0, cost_minor=0, mutation=mutation)


@pytest.mark.parametrize("mutation", [credit(), move("P-1")])
def test_what_the_evidence_holds_may_be_changed(mutation: Mutation) -> None:
    check_targets(a_proposal().model_copy(update={"mutation": mutation}), EVIDENCE)


@pytest.mark.parametrize("mutation", [credit("C00099"), credit(bucket="B-C00099"), move("P-2")])
@pytest.mark.parametrize("where", ["proposal", "candidate"])
def test_what_it_does_not_hold_may_not_even_be_an_alternative(mutation: Mutation, where: str) -> None:
    changed = {"mutation": mutation} if where == "proposal" else {"candidates": (as_candidate(mutation),)}
    with pytest.raises(GovernanceError) as refused:
        check_targets(a_proposal().model_copy(update=changed), EVIDENCE)
    assert refused.value.code == "foreign_target"
