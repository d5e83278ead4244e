"""TMF622 Product Ordering v4: orders are executed at once; `externalId` is unique.

Item actions `add` (a new product), `modify` (the product moves to another offering) and `delete` (the product leaves
the inventory) are served. The price is the one the item states, else the list price of a known offering; a product that
moves to an unknown one keeps its price.
"""

import json
import re
from decimal import Decimal
from typing import Literal, cast, get_args

from sqlalchemy import Connection
from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.books.orders import ORDER_PREFIX, Item, added_product_id, order_id
from placet.sandbox.bss import Bss
from placet.sandbox.derived.calendar import now
from placet.sandbox.derived.offerings import OFFERINGS
from placet.sandbox.errors import bad_body, not_found
from placet.sandbox.hub.kinds import ORDERED
from placet.sandbox.ids import number_of
from placet.sandbox.money import CURRENCY, JsonObject, positive_minor
from placet.sandbox.rest.body import part, parts, plain, required_text, text
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import only, page, select, window

ORDER_PATH = "/tmf-api/productOrderingManagement/v4/productOrder"
_FILTERS = ("externalId", "relatedParty.id")
_Action = Literal["add", "modify", "delete"]
_ITEM_ID = re.compile(r"[A-Za-z0-9_.-]{1,40}")


def routes(bss: Bss) -> list[Route]:
    """Make the routes to POST an order and to GET orders."""

    def create(call: Call) -> Reply:
        customer = bss.customer(_customer_id(call.body))
        items = [_item(item) for item in parts(call.body, "productOrderItem")]
        if len({item.id for item in items}) < len(items):
            raise bad_body("productOrderItem has two items with the same id")
        external_id = text(call.body, "externalId")
        completed = _completed(call.body)

        def tell(connection: Connection, number: int) -> None:
            resource = _told(_resource(number, completed, call), customer.id)
            bss.outbox.publish(connection, ORDERED, resource, customer_id=customer.id, origin=call.origin)

        number, body = bss.orders.execute(
            customer, items, completed, external_id=external_id, as_of=bss.today(), tell=tell
        )
        return Reply(_resource(number, body, call), status=201)

    def collection(call: Call) -> Reply:
        only(call, *_FILTERS)
        external_id, party = (call.query.get(name) for name in _FILTERS)
        total, rows = bss.orders.orders(external_id, party, *window(call))
        return page(call, total, [_resource(row.number, json.loads(row.body), call) for row in rows])

    def one(call: Call) -> Reply:
        only(call)
        number = number_of(ORDER_PREFIX, call.id)
        row = None if number is None else bss.orders.order(number)
        if row is None:
            raise not_found("productOrder", call.id)
        return Reply(select(call, _resource(row.number, json.loads(row.body), call)))

    return [
        route("POST", ORDER_PATH, create),
        route("GET", ORDER_PATH, collection),
        route("GET", f"{ORDER_PATH}/{{id}}", one),
    ]


def _told(order: JsonObject, customer_id: str) -> JsonObject:
    """Return an order as listeners are told of it: each item names its product, those that it added as well."""
    items = [
        {**item, "product": {**item.get("product", {}), "id": added_product_id(customer_id, order["id"], item["id"])}}
        if item["action"] == "add"
        else item
        for item in order["productOrderItem"]
    ]
    return {**order, "productOrderItem": items}


def _customer_id(body: JsonObject) -> str:
    parties = parts(body, "relatedParty")
    chosen = next((party for party in parties if party.get("role") == "customer"), parties[0])
    return required_text(chosen, "id", "relatedParty.")


def _item(item: JsonObject) -> Item:
    identifier = required_text(item, "id", "productOrderItem.")
    if not _ITEM_ID.fullmatch(identifier):
        raise bad_body(f"productOrderItem.id {identifier!r} is not 1 to 40 letters, digits, or any of '_.-'")
    action = item.get("action")
    if action not in get_args(_Action):
        raise bad_body(f"item {identifier!r} asks to {action!r}; this system takes {', '.join(get_args(_Action))}")
    product = part(item, "product") if "product" in item else {}
    holder = item if "productOffering" in item else product
    unnamed = action == "delete" and "productOffering" not in holder
    offering = {} if unnamed else part(holder, "productOffering")
    offering_id = "" if unnamed else required_text(offering, "id", "productOffering.")
    known = OFFERINGS.get(offering_id)
    stated = _stated_price(item.get("itemPrice") or product.get("productPrice"))
    return Item(
        id=identifier,
        action=cast("_Action", action),
        offering_id=offering_id,
        name=(known.name if known else text(offering, "name")) or offering_id,
        monthly=known.monthly if known and stated is None else stated,
        product_id=None if action == "add" else required_text(product, "id", "product."),
    )


def _stated_price(prices: object) -> int | None:
    """Return the cents per month in the first price with a tax-included amount; None where none is stated."""
    for price in prices if isinstance(prices, list) else ():
        amount = price.get("price", {}).get("taxIncludedAmount") if isinstance(price, dict) else None
        if isinstance(amount, dict):
            if amount.get("unit") != CURRENCY:
                raise bad_body(f"price unit is {amount.get('unit')!r}; prices are kept in {CURRENCY!r}")
            value = amount.get("value")
            return 0 if isinstance(value, int | Decimal) and value == 0 else positive_minor(value)
    return None


def _completed(body: JsonObject) -> JsonObject:
    done = now()
    items = [plain(item) | {"state": "completed"} for item in body["productOrderItem"]]
    dates = {"orderDate": done, "completionDate": done}
    given: JsonObject = {name: plain(value) for name, value in body.items() if name not in {"id", "href"}}
    return given | dates | {"state": "completed", "productOrderItem": items, "@type": "ProductOrder"}


def _resource(number: int, body: JsonObject, call: Call) -> JsonObject:
    identifier = order_id(number)
    return {"id": identifier, "href": f"{call.origin}{ORDER_PATH}/{identifier}", **body}
