"""What the BSS itself shows of a mutation's subject, asked over plain HTTP, past all of our own code."""

from placet.contracts.proposal import Mutation
from placet.network.client import plain_client

_BUCKET = "/tmf-api/prepayBalanceManagement/v4/bucket"
_PRODUCT = "/tmf-api/productInventory/v4/product"


def as_bss_shows(base_url: str, mutation: Mutation) -> str:
    """Show the bucket's remaining value, or the customer's products, in one line."""
    with plain_client(base_url=base_url) as bss:
        if mutation.changed is not None and mutation.changed.kind == "balance":
            bucket = bss.get(f"{_BUCKET}/{mutation.changed.id}").raise_for_status().json()
            value = bucket["remainingValue"]
            return f"balance {mutation.changed.id}: {value['amount']:.2f} {value['units']}"
        query = {"relatedParty.id": mutation.customer_id}
        products = bss.get(_PRODUCT, params=query).raise_for_status().json()
        held = ", ".join(f"{product['id']}={product['productOffering']['id']}" for product in products)
        return f"products of {mutation.customer_id}: {held}"
