"""What must still be true of the customer when an approved mutation executes."""

from placet.contracts.billing import Evidence
from placet.contracts.mutation import Resource
from placet.contracts.proposal import Mutation, Precondition


def preconditions(mutation: Mutation, evidence: Evidence) -> tuple[Precondition, ...]:
    """Return the named figures on which `mutation` was decided, as the evidence showed them."""
    customer = evidence.customer
    found = [Precondition(name="customer_status", subject=customer.customer_id, op="eq", value=customer.status)]
    found.extend(
        Precondition(name="bucket_status", subject=balance.bucket_id, op="eq", value=balance.status)
        for balance in evidence.balances
        if mutation.changed == Resource("balance", balance.bucket_id)
    )
    found.extend(
        Precondition(name="product_offering", subject=product.product_id, op="eq", value=product.offering_id)
        for product in evidence.products
        if mutation.changed == Resource("product", product.product_id)
    )
    return tuple(found)
