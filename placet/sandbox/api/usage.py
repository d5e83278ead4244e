"""TMF635 Usage Management v4: simulated monthly data, voice and SMS usage."""

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.derived.usage import UNITS, Usage, last_day, usage
from placet.sandbox.errors import not_found
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import listing, only, select
from placet.sandbox.rest.refs import customer_ref, simulated

USAGE_PATH = "/tmf-api/usageManagement/v4/usage"
_FILTERS = ("relatedParty.id", "usageType", "usageDate", "status")


def routes(bss: Bss) -> list[Route]:
    """Make the routes to GET the usage of a customer, newest first, and one record."""

    def collection(call: Call) -> Reply:
        records = [record for owner in bss.selected(call) for record in usage(owner, bss.today())]
        return listing(call, records, lambda record: resource(record, call.origin), _FILTERS)

    def one(call: Call) -> Reply:
        only(call)
        owner = bss.customers.get(call.id.removeprefix("U-").rsplit("-", 3)[0])
        for record in usage(owner, bss.today()) if owner else ():
            if _usage_id(record) == call.id:
                return Reply(select(call, resource(record, call.origin)))
        raise not_found("usage", call.id)

    return [route("GET", USAGE_PATH, collection), route("GET", f"{USAGE_PATH}/{{id}}", one)]


def _usage_id(record: Usage) -> str:
    return f"U-{record.customer.id}-{record.month:%Y-%m}-{record.kind}"


def resource(record: Usage, origin: str) -> JsonObject:
    """Make the Usage resource."""
    identifier, unit = _usage_id(record), UNITS[record.kind]
    return {
        "id": identifier,
        "href": f"{origin}{USAGE_PATH}/{identifier}",
        "description": f"Simulated {record.kind} usage of {record.month:%Y-%m}",
        "usageDate": f"{last_day(record.month).isoformat()}T23:59:59Z",
        "usageType": record.kind,
        "status": "rated",
        "usageCharacteristic": [
            {"name": "month", "value": f"{record.month:%Y-%m}", "valueType": "string"},
            {"name": "quantity", "value": record.quantity, "valueType": "integer"},
            {"name": "unit", "value": unit, "valueType": "string"},
        ],
        "relatedParty": [customer_ref(record.customer.id, origin)],
        **simulated("Usage"),
    }
