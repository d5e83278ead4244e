"""Customers about whom runs were asked for, and all that was decided about one of them."""

from typing import Final
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter, ValidationError
from starlette.responses import RedirectResponse, Response

from placet.contracts.base import CustomerId
from placet.errors import UsageError
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.common import badge_of
from placet.interfaces.console.views.evidence import evidence_of
from placet.service.customers import find_customer, list_customers

_PAGE: Final = 25
_ID: Final[TypeAdapter[str]] = TypeAdapter(CustomerId)


def show_all(asked: Asked) -> Response:
    """List customers by id; an id that is asked for leads to that customer."""
    searched, after = asked.query("customer_id"), asked.query("after")
    if searched is not None and _is_id(searched):
        return RedirectResponse(f"{ROOT}/customers/{quote(searched)}", 303)
    fault = "" if searched is None else "A customer's id has letters, digits, and the characters _ . : -"
    return _list(asked, 200, after=after, searched=searched or "", fault=fault)


def _list(
    asked: Asked, status: int, *, after: str | None = None, searched: str = "", fault: str = "", unknown: str = ""
) -> Response:
    served = asked.parts.served
    found = list_customers(served.database, served.tenant, after=after or "", limit=_PAGE + 1)
    shown = found[:_PAGE]
    return asked.page(
        "customers/customers.html",
        status,
        customers=shown,
        searched=searched,
        fault=fault,
        unknown=unknown,
        following=urlencode({"after": shown[-1].customer_id}) if len(found) > _PAGE else "",
        later=after is not None,
    )


def show(asked: Asked) -> Response:
    """Show one customer; of one about whom nobody asked yet, how to ask."""
    served, customer_id = asked.parts.served, asked.request.path_params["customer_id"]
    if not _is_id(customer_id):
        raise UsageError(f"{customer_id!r} is no customer's id", code="unknown_customer")
    try:
        found = find_customer(served.database, served.tenant, customer_id, now=asked.now)
    except UsageError:
        return _list(asked, 404, unknown=customer_id)
    return asked.page(
        "customers/customer.html",
        found=found,
        customer_id=customer_id,
        runs=[(run, badge_of(run.state, taken_back=run.reversed_by)) for run in found.latest],
        taken_back=[run for run in found.latest if run.state == "executed" and run.reversed_by is not None],
        evidence=None if found.facts is None else evidence_of(found.facts),
        read_at=None if found.facts is None else found.facts.read_at,
    )


def _is_id(text: str) -> bool:
    try:
        _ID.validate_python(text)
    except ValidationError:
        return False
    return True
