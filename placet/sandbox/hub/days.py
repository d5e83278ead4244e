"""Bills and usage happen as days go by: each day, its bills are issued, and on the first of a month usage is rated.

Nothing is told of days before the first listener came. A day is told of in steps, and not while much waits to be
delivered: the memory and the store that it takes do not grow with the number of customers.
"""

from datetime import date, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from placet.sandbox.api import bills as bill_api
from placet.sandbox.api import customers as customer_api
from placet.sandbox.api import usage as usage_api
from placet.sandbox.bss import Bss
from placet.sandbox.derived.bills import bills
from placet.sandbox.derived.calendar import add_months
from placet.sandbox.derived.usage import usage
from placet.sandbox.hub.kinds import BILLED, CHANGED, USED
from placet.sandbox.seed import Customer
from placet.sandbox.tables import DAYS_TOLD as _DAYS
from placet.sandbox.tables import LISTENERS as _LISTENERS

AT_ONCE: Final = 50
"""Customers of one transaction, which holds up requests for some milliseconds."""
MOST_WAITING: Final = 1_000
"""Events; while more wait to be delivered, none are added here."""
MOST_DAYS: Final = 31
"""Of a sandbox that stood still for longer, the days before are skipped."""


def tell_of_days(bss: Bss) -> bool:
    """Tell of the next customers' bills and usage of a day that has come; returns whether there may be more."""
    if bss.outbox.waiting() > MOST_WAITING:
        return False
    today = bss.today()
    with bss.database.write() as connection:
        if connection.execute(select(_LISTENERS.c.number).limit(1)).first() is None:
            _put(connection, today, len(bss.customers))
            return False
        row = connection.execute(select(_DAYS)).one_or_none()
        if row is None:
            _put(connection, today, len(bss.customers))
            return False
        day, done = row.day, row.customers
        if done >= len(bss.customers):
            if day >= today:
                return False
            day, done = max(day + timedelta(days=1), today - timedelta(days=MOST_DAYS)), 0
        chosen = list(islice(bss.customers.values(), done, done + AT_ONCE))
        for customer in chosen:
            _tell(bss, connection, customer, day)
        _put(connection, day, done + len(chosen))
    return True


def _tell(bss: Bss, connection: Connection, customer: Customer, day: date) -> None:
    # As of that day, a bill that is issued then is the customer's newest.
    for bill in islice(bills(customer, day), 1):
        if bill.issued_on == day:
            resource = bill_api.resource(bill, "")
            bss.outbox.publish(connection, BILLED, resource, customer_id=customer.id, at=resource["billDate"])
            said = customer_api.simulated_resource(customer, day)
            bss.outbox.publish(connection, CHANGED, said, customer_id=customer.id, at=resource["billDate"])
    if day.day == 1:
        for record in usage(customer, day):
            if record.month == add_months(day, -1):
                shown = usage_api.resource(record, "")
                bss.outbox.publish(connection, USED, shown, customer_id=customer.id, at=shown["usageDate"])


def _put(connection: Connection, day: date, customers: int) -> None:
    values = {"day": day, "customers": customers}
    connection.execute(upsert(_DAYS).values(id=1, **values).on_conflict_do_update(index_elements=["id"], set_=values))
