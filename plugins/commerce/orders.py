"""TMF622 productOrder.

What is sent, and how an order there is known to be ours (`externalId` is the effect's key).
"""

from placet.contracts.proposal import OrderProduct
from placet.plugin_api import UnreadableError
from plugins.commerce.effect import Effect, Progress, Record
from plugins.commerce.marks import Mark, find_mark, shortened

ORDERS = "/tmf-api/productOrderingManagement/v4/productOrder"
# TMF622 ProductOrderStateType. An order that was taken is the effect; fulfilling it is the operator's
# process.
_TAKEN = frozenset({"acknowledged", "inProgress", "pending", "held", "completed"})
_FAILED = frozenset({"rejected", "failed", "cancelled"})


def effect_of(mutation: OrderProduct, effect_key: str) -> Effect:
    """Describe the order as an effect."""
    return Effect(
        api="TMF622",
        collection=ORDERS,
        creation=lambda: creation(mutation, effect_key),
        scope={"externalId": effect_key},
        mark=lambda record: _mark(record, effect_key),
        is_same=lambda record: _is_same(record, mutation),
        confirms=lambda record: _confirms(record, mutation),
        words=_words,
        moment=lambda record: record.get("orderDate"),
        progress=_progress,
    )


def creation(mutation: OrderProduct, effect_key: str) -> Record:
    """Make the ProductOrder_Create body for `mutation`.

    A `delete` names the offering as well, so that a system that checks it ends nothing else under that id.
    """
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


def _mark(record: Record, effect_key: str) -> Mark:
    return find_mark(record.get("externalId"), effect_key, "")


def _is_same(record: Record, mutation: OrderProduct) -> bool:
    """Return whether an order is for the same customer, action, offering and product.

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


def _confirms(record: Record, mutation: OrderProduct) -> bool:
    """Return whether nothing that the answer states is another mutation's.

    An order that was taken need not repeat itself.

    Raises:
        KeyError: A part is incomplete; also `TypeError` where one is of another kind.
    """
    sent = creation(mutation, "")
    stated = {name: record.get(name, sent[name]) for name in ("relatedParty", "productOrderItem")}
    return _is_same(stated, mutation)


def _words(record: Record) -> str:
    return f"made {shortened(record.get('orderDate'))}, externalId {shortened(record.get('externalId'))}"


def _progress(record: Record) -> Progress:
    """Return how far the order got."""
    state = record.get("state")
    if state is not None and not isinstance(state, str):
        raise UnreadableError(f"its state is {shortened(state)}, not a word")
    if state in _TAKEN:
        return "done"
    return "failed" if state in _FAILED else "pending"
