"""TMF637 Product Inventory v4: one product per service held."""

from collections.abc import Iterator

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.derived.calendar import midnight
from placet.sandbox.derived.products import Held
from placet.sandbox.errors import not_found
from placet.sandbox.money import JsonObject, money
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import listing, only, select
from placet.sandbox.rest.refs import account_id, customer_ref, simulated
from placet.sandbox.seed import Customer

PRODUCT_PATH = "/tmf-api/productInventory/v4/product"
_FILTERS = ("relatedParty.id", "billingAccount.id", "status", "name", "productOffering.id")


def routes(bss: Bss) -> list[Route]:
    """Make the routes to GET the products of a customer, and one product."""

    def collection(call: Call) -> Reply:
        owners = bss.selected(call, "billingAccount.id")
        held = [product for owner in owners for product in bss.inventory.held(owner, bss.today())]
        return listing(call, held, lambda product: resource(product, call.origin), _FILTERS)

    def one(call: Call) -> Reply:
        only(call)
        for owner in _possible_owners(bss, call.id):
            for product in bss.inventory.held(owner, bss.today()):
                if product.id == call.id:
                    return Reply(select(call, resource(product, call.origin)))
        raise not_found("product", call.id)

    return [route("GET", PRODUCT_PATH, collection), route("GET", f"{PRODUCT_PATH}/{{id}}", one)]


def _possible_owners(bss: Bss, product_id: str) -> Iterator[Customer]:
    """Yield whose product `P-<customer>-<service>` may be; either part may hold hyphens."""
    parts = product_id.removeprefix("P-").split("-")
    for length in range(1, len(parts)):
        owner = bss.customers.get("-".join(parts[:length]))
        if owner is not None:
            yield owner


def resource(product: Held, origin: str) -> JsonObject:
    """Make the Product resource."""
    body: JsonObject = {
        "id": product.id,
        "href": f"{origin}{PRODUCT_PATH}/{product.id}",
        "name": product.name,
        "description": "Price and start simulated from the sample" if product.simulated else "Set by a product order",
        "status": "active",
        "startDate": midnight(product.started_on),
        "billingAccount": {"id": account_id(product.customer_id), "@referredType": "BillingAccount"},
        "productOffering": {
            "id": product.offering_id,
            "name": product.name,
            "@referredType": "ProductOffering",
        },
        "productCharacteristic": [{"name": "simulated", "value": product.simulated, "valueType": "boolean"}],
        "productTerm": [{"name": "Minimum term", "duration": {"amount": product.term_months, "units": "month"}}],
        "relatedParty": [customer_ref(product.customer_id, origin)],
        **(simulated("Product") if product.simulated else {"@type": "Product"}),
    }
    if product.monthly is not None:
        body["productPrice"] = [
            {
                "name": "Monthly charge",
                "priceType": "recurring",
                "recurringChargePeriod": "month",
                "price": {"taxIncludedAmount": money(product.monthly)},
            }
        ]
    if product.order_id is not None:
        body["productOrderItem"] = [{"productOrderId": product.order_id, "orderItemId": product.order_item_id}]
    return body
