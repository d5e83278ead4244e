"""TMF678 Customer Bill Management v4: simulated monthly bills that add up to the sample's totals.

`taxIncludedAmount` is the bill; `amountDue` and `remainingAmount` are both what is still to be paid.
"""

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.derived.bills import Bill, bills
from placet.sandbox.derived.calendar import add_months, midnight
from placet.sandbox.errors import not_found
from placet.sandbox.money import JsonObject, money
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import listing, only, select
from placet.sandbox.rest.refs import account_ref, customer_ref, simulated

BILL_PATH = "/tmf-api/customerBillManagement/v4/customerBill"
_FILTERS = ("relatedParty.id", "billingAccount.id", "billNo", "state", "billDate", "paymentDueDate")


def routes(bss: Bss) -> list[Route]:
    """Make the routes to GET the bills of a customer or account, newest first, and one bill."""

    def collection(call: Call) -> Reply:
        owners = bss.selected(call, "billingAccount.id")
        issued = [bill for owner in owners for bill in bills(owner, bss.today())]
        return listing(call, issued, lambda bill: resource(bill, call.origin), _FILTERS)

    def one(call: Call) -> Reply:
        only(call)
        owner = bss.customers.get(call.id.removeprefix("BILL-").rpartition("-")[0])
        for bill in bills(owner, bss.today()) if owner else ():
            if _bill_id(bill) == call.id:
                return Reply(select(call, resource(bill, call.origin)))
        raise not_found("customerBill", call.id)

    return [route("GET", BILL_PATH, collection), route("GET", f"{BILL_PATH}/{{id}}", one)]


def _bill_id(bill: Bill) -> str:
    return f"BILL-{bill.customer.id}-{bill.number:03d}"


def resource(bill: Bill, origin: str) -> JsonObject:
    """Make the CustomerBill resource."""
    identifier, customer = _bill_id(bill), bill.customer
    return {
        "id": identifier,
        "href": f"{origin}{BILL_PATH}/{identifier}",
        "billNo": identifier,
        "billDate": midnight(bill.issued_on),
        "nextBillDate": midnight(add_months(bill.issued_on, 1)),
        "paymentDueDate": midnight(bill.due_on),
        "lastUpdate": midnight(bill.issued_on),
        "billingPeriod": {
            "startDateTime": midnight(bill.period_from),
            "endDateTime": midnight(bill.issued_on),
        },
        "category": "normal",
        "runType": "onCycle",
        "state": "sent" if bill.open_amount else "settled",
        "taxIncludedAmount": money(bill.amount),
        "amountDue": money(bill.open_amount),
        "remainingAmount": money(bill.open_amount),
        "billingAccount": account_ref(customer.id),
        "relatedParty": [customer_ref(customer.id, origin)],
        **simulated("CustomerBill"),
    }
