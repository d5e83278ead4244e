"""TMF629 Customer Management v4: who the customers are. The sample's churn label is not among it."""

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.books.statuses import OPENING
from placet.sandbox.bss import Bss
from placet.sandbox.derived.calendar import midnight
from placet.sandbox.derived.products import joined_on
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import listing, only, select
from placet.sandbox.rest.refs import CUSTOMER_PATH, account_ref, simulated
from placet.sandbox.seed import Customer

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
        "engagedParty": {"id": f"IND-{customer.id}", "name": name, "@referredType": "Individual"},
        "validFor": {"startDateTime": midnight(joined_on(customer, bss.today())), **simulated("TimePeriod")},
        "@type": "Customer",
    }


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
