"""TMF622 productOrder.

What is sent, and how an order there is known to be ours (`externalId` is the effect's key).
"""

from placet.contracts.proposal import OrderProduct
from placet.errors import PluginError
from plugins.commerce.effect import Progress, Record

ORDERS = "/tmf-api/productOrderingManagement/v4/productOrder"
# TMF622 ProductOrderStateType. An order that was taken is the effect; fulfilling it is the operator's
# process.
_TAKEN = frozenset({"acknowledged", "inProgress", "pending", "held", "completed"})
_FAILED = frozenset({"rejected", "failed", "cancelled"})


def creation(mutation: OrderProduct, effect_key: str) -> Record:
    """The ProductOrder_Create body for `mutation`.

    A `delete` names the offering as well, so that a system that checks it ends nothing else under that id.

    Raises:
        PluginError: `modify` or `delete` without the held product, or `add` with one (`bad_mutation`).
    """
    if (mutation.action == "add") != (mutation.product_id is None):
        raise PluginError(
            f"cannot order {mutation.action!r} with product_id {mutation.product_id!r}; "
            "'modify' and 'delete' need the held product, 'add' takes none",
            code="bad_mutation",
        )
    item: Record = {
        "id": "1",
        "quantity": 1,
        "action": mutation.action,
        "productOffering": {"id": mutation.offering_id},
    }
    if mutation.product_id is not None:
        item["product"] = {"id": mutation.product_id}
    return {
        "@type": "ProductOrder",
        "externalId": effect_key,
        "relatedParty": [{"id": mutation.customer_id, "role": "customer", "@referredType": "Customer"}],
        "productOrderItem": [item],
    }


def is_marked(record: Record, effect_key: str) -> bool:
    """Whether the order carries the effect's key."""
    return record.get("externalId") == effect_key


def is_same(record: Record, mutation: OrderProduct) -> bool:
    """Whether a marked order is for the same customer, action, offering and product.

    Raises:
        KeyError: A part is missing; also `TypeError` where one is of another kind.
    """
    if mutation.customer_id not in {party["id"] for party in record["relatedParty"]}:
        return False
    if len(record["productOrderItem"]) != 1:
        return False
    item = record["productOrderItem"][0]
    if (item["action"], item["productOffering"]["id"]) != (mutation.action, mutation.offering_id):
        return False
    # An `add` may name the product it created; the others name one beforehand.
    return bool(mutation.action == "add" or item["product"]["id"] == mutation.product_id)


def progress(record: Record) -> Progress:
    """How far the order got."""
    state = record.get("state")
    if state in _TAKEN:
        return "done"
    return "failed" if state in _FAILED else "pending"
