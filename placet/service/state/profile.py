"""Everything that is known of one customer here: what billing answered last, live state, keys, and what was decided.

Nothing is asked of billing: what it answered is as old as it says.
"""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.identity.keys import KeyWord
from placet.contracts.state import CustomerState
from placet.decisioning.state.aggregate import Aggregate
from placet.decisioning.state.reading import state_as_of
from placet.errors import UsageError
from placet.service.customers import CustomerInFull, DecidedRun, find_customer, list_decided
from placet.service.state.current import aggregate_of, folded_row
from placet.storage.database import Database

MOST_DECISIONS = 10
"""Runs that a profile shows, the newest."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer.

    Attributes:
        record: What the record knows; None where no run was asked for.
        decided: The newest runs, and what people decided.
        state: What events led to; of version 0 where there are none.
        aggregate: What the state is made from: when each word of it was said, and by whom.
        keys: By what systems know the customer; those that were given up are among them.
    """

    customer_id: str
    as_of: datetime
    record: CustomerInFull | None
    decided: tuple[DecidedRun, ...]
    state: CustomerState
    aggregate: Aggregate
    keys: tuple[KeyWord, ...]


def known_of(database: Database, tenant: str, customer_id: str, now: datetime) -> Known:
    """Return everything that is known of a customer now.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
        UsageError: code `unknown_customer`; no run was asked for about them, and no event is known.
    """
    row = folded_row(database, tenant, customer_id)
    with database.reading() as tx:
        keys = tx.keys.of_customer(tenant, customer_id)
    aggregate = aggregate_of(row)
    try:
        record = find_customer(database, tenant, customer_id, now=now)
        decided = list_decided(database, tenant, customer_id, limit=MOST_DECISIONS)
    except UsageError:
        if not row.version:
            raise UsageError(
                f"nothing is known of customer {customer_id!r} of tenant {tenant!r}: no run, no event; check the id",
                code="unknown_customer",
            ) from None
        record, decided = None, ()
    state = state_as_of(customer_id, aggregate, row.version, now)
    return Known(customer_id, now, record, decided, state, aggregate, keys)
