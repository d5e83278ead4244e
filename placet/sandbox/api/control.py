"""Controls of the sandbox itself, under `/sandbox/`: no TM Forum API, for tests and demonstrations only.

GET    /sandbox/health            {"status": "ok"}
GET    /sandbox/effects           how often anything was really changed
GET    /sandbox/requests          how many requests arrived, by method and path
GET    /sandbox/listeners         who is told of events (TMF688), and how far they have been told
GET    /sandbox/faults            the fault rules in force
POST   /sandbox/faults            add a rule {"method", "path", "fault", "behind", "count", "seconds", "about"}
DELETE /sandbox/faults            clear the rules
PATCH  /sandbox/buckets/{id}      {"status": "active" | "suspended" | "expired"}
PATCH  /sandbox/customers/{id}    {"status": "Active" | "Suspended" | "Closed"}
"""

from pydantic import ValidationError
from sqlalchemy import case, func, select
from starlette.routing import Route

from placet.sandbox.api import buckets as bucket_api
from placet.sandbox.api import hub as hub_api
from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.errors import bad_body
from placet.sandbox.faults.rules import FaultBook, FaultRule
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.body import required_text
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import only
from placet.sandbox.tables import BALANCE_ACTIONS, DOCUMENTS, PRODUCT_ORDERS

_BUCKET_STATUSES = ("active", "suspended", "expired")
_CUSTOMER_STATUSES = ("Active", "Suspended", "Closed")


def routes(bss: Bss, book: FaultBook) -> list[Route]:
    """Make the routes of the control operations."""

    def health(_call: Call) -> Reply:
        return Reply({"status": "ok"})

    def effects(call: Call) -> Reply:
        only(call, "customer")
        return Reply(_effects(bss, call.query.get("customer")))

    def listeners(_call: Call) -> Reply:
        return Reply([hub_api.shown(listener) for listener in bss.listeners.all()])

    def requests(_call: Call) -> Reply:
        return Reply(book.arrived())

    def faults(_call: Call) -> Reply:
        return Reply([rule.model_dump() for rule in book.rules()])

    def add_fault(call: Call) -> Reply:
        try:
            rule = FaultRule.model_validate(call.body)
        except ValidationError as error:
            first = error.errors()[0]
            raise bad_body(f"fault rule, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        book.add(rule)
        return Reply(rule.model_dump(), status=201)

    def clear_faults(_call: Call) -> Reply:
        book.clear()
        return Reply(None, status=204)

    return [
        route("GET", "/sandbox/health", health),
        route("GET", "/sandbox/effects", effects),
        route("GET", "/sandbox/requests", requests),
        route("GET", "/sandbox/listeners", listeners),
        route("GET", "/sandbox/faults", faults),
        route("POST", "/sandbox/faults", add_fault),
        route("DELETE", "/sandbox/faults", clear_faults),
        *_status_routes(bss),
    ]


def _status_routes(bss: Bss) -> list[Route]:
    def patch_bucket(call: Call) -> Reply:
        status = _one_of(call.body, _BUCKET_STATUSES)
        return Reply(bucket_api.resource(bss.buckets.set_status(call.id, status), call.origin))

    def patch_customer(call: Call) -> Reply:
        customer, status = bss.customer(call.id), _one_of(call.body, _CUSTOMER_STATUSES)
        bss.statuses.put(customer.id, status)
        return Reply({"id": customer.id, "status": status})

    return [
        route("PATCH", "/sandbox/buckets/{id}", patch_bucket),
        route("PATCH", "/sandbox/customers/{id}", patch_customer),
    ]


def _one_of(body: JsonObject, allowed: tuple[str, ...]) -> str:
    status = required_text(body, "status")
    if status not in allowed:
        raise bad_body(f"status {status!r} is not one of {', '.join(allowed)}")
    return status


def _effects(bss: Bss, customer_id: str | None) -> JsonObject:
    """Count what was changed, for all customers or for one; `netMinor` is cents credited less debited."""
    actions = BALANCE_ACTIONS.c
    adjusted = func.coalesce(func.sum(case((actions.kind == "adjust", 1), else_=0)), 0)
    topped_up = func.coalesce(func.sum(case((actions.kind == "topup", 1), else_=0)), 0)
    net = func.coalesce(func.sum(actions.after_minor - actions.before_minor), 0)
    balance, orders = select(adjusted, topped_up, net), select(func.count()).select_from(PRODUCT_ORDERS)
    if customer_id is not None:
        balance = balance.where(actions.customer_id == customer_id)
        orders = orders.where(PRODUCT_ORDERS.c.customer_id == customer_id)
    with bss.database.read() as connection:
        adjustments, topups, net_minor = connection.execute(balance).one()
        body = {"adjustments": adjustments, "topups": topups, "netMinor": net_minor}
        body["orders"] = connection.execute(orders).scalar_one()
        if customer_id is None:
            sent = select(func.count()).select_from(DOCUMENTS).where(DOCUMENTS.c.kind == bss.messages.kind)
            body["messages"] = connection.execute(sent).scalar_one()
    return body
