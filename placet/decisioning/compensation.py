"""Taking back what a run did: the mutation that undoes it, by arithmetic from what was signed and what is there now.

A credit is undone by a debit of the same amount on the same bucket, an added product by ending it, a moved product by
moving it back. It is exact or not at all: nothing is taken that is no longer there, no other state is touched.
"""

from placet.contracts.billing import Balance, BillingQuery, Evidence, HeldProduct
from placet.contracts.money import Money
from placet.contracts.proposal import (
    NOTHING,
    AdjustBalance,
    Candidate,
    Mutation,
    OrderProduct,
    Precondition,
    Proposal,
    Reason,
)
from placet.contracts.receipt import Receipt
from placet.contracts.text import shortened

REVERSAL = "reversal"
"""Treatment code of every compensation."""

_ACTIVE = "active"
_DETAIL = 160
_LABEL = 80
REVERSAL_NAME = "Take back"


def required_reads(mutation: Mutation) -> tuple[BillingQuery, ...]:
    """Return what must be read about the customer to take `mutation` back."""
    changes_balance = mutation.changed is not None and mutation.changed.kind == "balance"
    return (BillingQuery(operation="balances" if changes_balance else "products"),)


def compensation(original: Proposal, receipt: Receipt, evidence: Evidence) -> Candidate:
    """Make the compensating treatment: eligible with its mutation and preconditions, or not with the reasons why.

    Args:
        original: The proposal that was executed, as it was signed.
        receipt: What the commerce system confirmed of it; its order tells which product it created.
        evidence: The same customer, read now.

    Returns:
        A candidate whose cost is the magnitude taken from the customer. Its expected value is not computed: who asks
        for it says that the original should not have happened, and nobody has estimated what follows.
    """
    mutation = original.mutation
    if isinstance(mutation, AdjustBalance):
        return _debit(original, mutation, evidence)
    return _order(original, mutation, receipt, evidence)


def leave(original: Proposal) -> Candidate:
    """Make the other candidate: to leave the effect of `original` where it is."""
    return Candidate(
        treatment=NOTHING,
        name="Nothing",
        eligible=True,
        expected_value_minor=None,
        cost_minor=0,
        reasons_for=(Reason(code="no_cost", detail="takes nothing away"),),
        reasons_against=(Reason(code="effect_stays", detail=f"what {original.run_id} did stays in force"),),
    )


def words(original: Proposal, mutation: Mutation) -> tuple[Reason, ...]:
    """Return the fixed sentences that stand where a model's rationale would."""
    said = f"No model was asked. This takes back exactly what {original.run_id} did ({_name(original)}), or nothing."
    if isinstance(mutation, OrderProduct) and mutation.action == "modify":
        back = "the product moves back to its previous offering, at what that offering costs now"
        return _reason("no_model", said), _reason("price_of_today", back)
    return (_reason("no_model", said),)


def magnitude(original: Proposal) -> Money:
    """Return what is taken from the customer: the amount of a credit, else what the original was said to cost."""
    amount = original.mutation.moved or original.cost
    return Money(amount_minor=abs(amount.amount_minor), currency=amount.currency)


def _debit(original: Proposal, credit: AdjustBalance, evidence: Evidence) -> Candidate:
    if credit.direction != "credit":
        return _not_eligible(original, [_reason("not_reversible", f"a {credit.direction} is not taken back")])
    bucket = next((balance for balance in evidence.balances if balance.bucket_id == credit.bucket_id), None)
    against = _bucket_faults(credit, bucket)
    if against or bucket is None:
        return _not_eligible(original, against)
    mutation = AdjustBalance(
        customer_id=credit.customer_id,
        bucket_id=credit.bucket_id,
        bucket_name=shortened(bucket.name, _LABEL),
        direction="debit",
        amount=credit.amount,
        reason=f"Reversal of {original.run_id}",
    )
    return _eligible(
        original,
        mutation,
        (
            Precondition(name="bucket_status", subject=bucket.bucket_id, op="eq", value=bucket.status),
            Precondition(
                name="bucket_remaining_minor", subject=bucket.bucket_id, op="ge", value=credit.amount.amount_minor
            ),
        ),
    )


def _bucket_faults(credit: AdjustBalance, bucket: Balance | None) -> list[Reason]:
    if bucket is None:
        return [_reason("no_bucket", f"bucket {credit.bucket_id} was not read")]
    found = []
    if bucket.status.lower() != _ACTIVE:
        found.append(_reason("bucket_not_active", f"bucket is {bucket.status}"))
    if bucket.remaining.currency != credit.amount.currency:
        found.append(
            _reason("currency_mismatch", f"bucket holds {bucket.remaining.currency}, credited was {credit.amount}")
        )
    elif bucket.remaining.amount_minor < credit.amount.amount_minor:
        found.append(_reason("balance_spent", f"{bucket.remaining} remain, less than the {credit.amount} credited"))
    return found


def _order(original: Proposal, order: OrderProduct, receipt: Receipt, evidence: Evidence) -> Candidate:
    if order.action == "delete":
        return _not_eligible(original, [_reason("not_reversible", "an ended product is not brought back")])
    held = _products_left(order, receipt, evidence)
    if len(held) != 1:
        return _not_eligible(original, [_not_held(order, receipt, len(held))])
    still_so = Precondition(name="product_offering", subject=held[0].product_id, op="eq", value=order.offering_id)
    if order.action == "add":
        ended = _item(order, "delete", held[0], order.offering_id, order.offering_name)
        return _eligible(original, ended, (still_so,))
    before = _offering_before(original, held[0])
    if before is None:
        unknown = _reason("previous_offering_unknown", f"nothing signed says what {held[0].product_id} was before")
        return _not_eligible(original, [unknown])
    # What the product was called before is what the original called it.
    return _eligible(original, _item(order, "modify", held[0], before, order.product_name), (still_so,))


def _products_left(order: OrderProduct, receipt: Receipt, evidence: Evidence) -> list[HeldProduct]:
    """Return the products that are as `order` left them: of its offering, active, and its own."""

    def ours(product: HeldProduct) -> bool:
        if order.action == "add":
            return receipt.external_id in product.order_ids
        return product.product_id == order.product_id

    return [
        product
        for product in evidence.products
        if product.offering_id == order.offering_id and product.status.lower() == _ACTIVE and ours(product)
    ]


def _offering_before(original: Proposal, product: HeldProduct) -> str | None:
    """Return the offering on which the original was signed, which its own precondition names; None if none does."""
    for condition in original.preconditions:
        if (condition.name, condition.subject, condition.op) == ("product_offering", product.product_id, "eq"):
            return str(condition.value)
    return None


def _item(order: OrderProduct, action: str, product: HeldProduct, offering_id: str, name: str) -> OrderProduct:
    return OrderProduct.model_validate(
        {
            "customer_id": order.customer_id,
            "action": action,
            "offering_id": offering_id,
            "offering_name": name,
            "product_id": product.product_id,
            "product_name": shortened(product.name, _LABEL),
        }
    )


def _not_held(order: OrderProduct, receipt: Receipt, found: int) -> Reason:
    if found > 1:
        return _reason("product_ambiguous", f"{found} products of {order.offering_id} name order {receipt.external_id}")
    which = f"of order {receipt.external_id}" if order.action == "add" else str(order.product_id)
    return _reason("product_not_held", f"product {which} is not held as {order.offering_id} any more")


def _eligible(original: Proposal, mutation: Mutation, preconditions: tuple[Precondition, ...]) -> Candidate:
    return Candidate(
        treatment=REVERSAL,
        name=REVERSAL_NAME,
        eligible=True,
        expected_value_minor=None,
        cost_minor=magnitude(original).amount_minor,
        reasons_for=(_reason("undoes_run", f"takes back “{_name(original)}” of {original.run_id}"),),
        mutation=mutation,
        preconditions=preconditions,
    )


def _not_eligible(original: Proposal, against: list[Reason]) -> Candidate:
    return Candidate(
        treatment=REVERSAL,
        name=REVERSAL_NAME,
        eligible=False,
        expected_value_minor=None,
        cost_minor=magnitude(original).amount_minor,
        reasons_against=tuple(against),
    )


def _name(original: Proposal) -> str:
    return original.treatment_name or original.treatment.replace("_", " ")


def _reason(code: str, detail: str) -> Reason:
    return Reason(code=code, detail=shortened(detail, _DETAIL))
