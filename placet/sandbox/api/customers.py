"""TMF629 Customer Management v4: who the customers are. The sample's churn label is not among it."""

from datetime import date

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.books.statuses import OPENING
from placet.sandbox.bss import Bss
from placet.sandbox.derived.calendar import midnight
from placet.sandbox.derived.draw import draw
from placet.sandbox.derived.products import joined_on
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import listing, only, select
from placet.sandbox.rest.refs import CUSTOMER_PATH, account_ref, simulated
from placet.sandbox.seed import Customer

_AREAS = ("urban", "urban", "suburban", "suburban", "rural")
_FILTERS = ("id", "name", "status", "account.id")


def routes(bss: Bss) -> list[Route]:
    """Make the routes to GET the collection and one customer."""

    def collection(call: Call) -> Reply:
        changed = bss.statuses.changed()
        wanted = call.query.get("id")
        candidates = [customer for customer in bss.customers.values() if wanted in {None, customer.id}]

        def render(customer: Customer) -> JsonObject:
            return _resource(bss, customer, changed.get(customer.id, OPENING), call)

        return listing(call, candidates, render, _FILTERS)

    def one(call: Call) -> Reply:
        only(call)
        customer = bss.customer(call.id)
        return Reply(select(call, _resource(bss, customer, bss.statuses.of(customer.id), call)))

    return [route("GET", CUSTOMER_PATH, collection), route("GET", f"{CUSTOMER_PATH}/{{id}}", one)]


def _resource(bss: Bss, customer: Customer, status: str, call: Call) -> JsonObject:
    name = f"Customer {customer.id}"
    return {
        "id": customer.id,
        "href": f"{call.origin}{CUSTOMER_PATH}/{customer.id}",
        "name": name,
        "status": status,
        "account": [account_ref(customer.id)],
        "characteristic": _characteristics(customer),
        "contactMedium": [
            {
                "mediumType": "mobile",
                "preferred": True,
                "characteristic": {"phoneNumber": customer.phone},
                **simulated("ContactMedium"),
            }
        ],
        "engagedParty": _party(customer),
        "validFor": {"startDateTime": midnight(joined_on(customer, bss.today())), **simulated("TimePeriod")},
        "@type": "Customer",
    }


def simulated_resource(customer: Customer, day: date) -> JsonObject:
    """Make what is told each month of who a customer is: all of it is derived, since the sample has no such facts."""
    age = 66 + draw(customer.id, "age", 25) if customer.senior_citizen else 19 + draw(customer.id, "age", 45)
    values = {"birthYear": day.year - age, "areaType": _AREAS[draw(customer.id, "area", len(_AREAS))]}
    return {
        "id": customer.id,
        "name": f"Customer {customer.id}",
        "engagedParty": _party(customer),
        "characteristic": [
            {"name": name, "value": value, "valueType": "integer" if name == "birthYear" else "string"}
            for name, value in values.items()
        ],
        "validFor": {"startDateTime": midnight(joined_on(customer, day)), **simulated("TimePeriod")},
        **simulated("Customer"),
    }


def _party(customer: Customer) -> JsonObject:
    return {"id": f"IND-{customer.id}", "name": f"Customer {customer.id}", "@referredType": "Individual"}


def _characteristics(customer: Customer) -> list[JsonObject]:
    values: dict[str, int | str | bool] = {
        "tenureMonths": customer.tenure,
        "contract": customer.contract,
        "internetService": customer.internet_service,
        "paymentMethod": customer.payment_method,
        "paperlessBilling": customer.paperless_billing,
        "gender": "female" if customer.female else "male",
        "seniorCitizen": customer.senior_citizen,
        "partner": customer.partner,
        "dependents": customer.dependents,
        "dataSource": "IBM Telco customer churn sample",
    }
    kinds = {bool: "boolean", int: "integer", str: "string"}
    return [{"name": name, "value": value, "valueType": kinds[type(value)]} for name, value in values.items()]
