"""TMF677 Usage Consumption v4: what was used in the month under way, by a query task: a POST that reads."""

from starlette.routing import Route

from placet.sandbox.api.documents import Kept
from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.derived.calendar import midnight, now
from placet.sandbox.derived.usage import UNITS, Usage, last_day, month_to_date
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.body import part, parts, plain, required_text
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.refs import customer_ref, simulated
from placet.sandbox.seed import Customer

QUERY_PATH = "/tmf-api/usageConsumption/v4/queryUsageConsumption"


def routes(bss: Bss) -> list[Route]:
    """Make the routes to POST a query task and to GET it again."""
    kept = Kept(bss.consumption_queries, "QUC-", QUERY_PATH)

    def create(call: Call) -> Reply:
        source = call.body if "relatedParty" in call.body else part(call.body, "searchCriteria")
        owner = required_text(parts(source, "relatedParty")[0], "id", "relatedParty.")
        body = plain(call.body) | _answer(bss, bss.customer(owner), call.origin)
        return Reply(kept.resource(kept.documents.add(body), body, call), status=201)

    return [
        route("POST", QUERY_PATH, create),
        route("GET", QUERY_PATH, kept.collection),
        route("GET", f"{QUERY_PATH}/{{id}}", kept.one),
    ]


def _answer(bss: Bss, customer: Customer, origin: str) -> JsonObject:
    today = bss.today()
    records = month_to_date(customer, today)
    consumption: JsonObject = {
        "id": f"UC-{customer.id}-{today:%Y-%m}",
        "name": f"Usage of {today:%Y-%m} to date",
        "creationDate": now(),
        "state": "done",
        "bucketRefOrValue": [_counter(record) for record in records],
        "relatedParty": [customer_ref(customer.id, origin)],
        "validPeriod": _period(records[0]) if records else {},
        **simulated("UsageConsumption"),
    }
    return {
        "queryUsageConsumptionDate": now(),
        "relatedParty": [customer_ref(customer.id, origin)],
        "usageConsumption": [consumption],
        **simulated("QueryUsageConsumption"),
    }


def _counter(record: Usage) -> JsonObject:
    unit = UNITS[record.kind]
    used = {"amount": record.quantity, "units": unit}
    summary = {
        "counterType": "used",
        "level": "global",
        "value": used,
        "valueName": f"{record.quantity} {unit}",
        "consumptionPeriod": _period(record),
    }
    return {"name": record.kind, "usageType": record.kind, "status": "active", "bucketCounter": [summary]}


def _period(record: Usage) -> JsonObject:
    return {
        "startDateTime": midnight(record.month),
        "endDateTime": f"{last_day(record.month).isoformat()}T23:59:59Z",
    }
