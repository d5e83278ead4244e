"""A customer's state, folded up to now.

Events are folded when somebody asks for the state, and beside that by a loop in the worker. Both do the same: lock
the customer's row, take the events that it lacks, write it. A customer of whom an event was ever corrected is folded
anew from all events, since a sum can be taken back and "the newest" cannot.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from placet.contracts.events.kinds import EVENT, Event
from placet.contracts.state import CustomerState
from placet.decisioning.state.aggregate import Aggregate, stamp_of
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.storage.database import Database
from placet.storage.state.states import StateRow
from placet.storage.transaction import Transaction

_CORRECTION: Final = "placet.event.corrected.v1"


def state_of(database: Database, tenant: str, customer_id: str, as_of: datetime) -> CustomerState:
    """Return a customer's state as of a time; of whom no event is known, it is empty.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
    """
    with database.transaction() as tx:
        row = fold_pending(tx, tenant, customer_id)
    return state_as_of(customer_id, aggregate_of(row), row.version, as_of)


def fold_pending(tx: Transaction, tenant: str, customer_id: str) -> StateRow:
    """Fold the events that a customer's aggregate lacks, and return their row."""
    known = tx.states.get(tenant, customer_id)
    if not tx.events.lacking(tenant, customer_id):
        return known or StateRow(tenant=tenant, customer_id=customer_id)
    row = tx.states.lock(tenant, customer_id)
    pending = tx.events.fold(tenant, customer_id)
    corrections = row.corrections + sum(kind == _CORRECTION for _, kind in pending)
    if corrections:
        onto = Aggregate.load(row.aged) if row.aged else Aggregate()
        aggregate = fold(_events(tx.events.of_customer(tenant, customer_id)), onto)
    else:
        aggregate = fold(_events([content for content, _ in pending]), aggregate_of(row))
    household = aggregate.topics.get("latest", {}).get("household")
    folded = row.model_copy(
        update={
            "household_id": None if household is None else household[1],
            "version": row.version + len(pending),
            "corrections": corrections,
            "newest_us": None if aggregate.newest is None else aggregate.newest[0],
            "aggregate": aggregate.dump(),
        }
    )
    tx.states.put(folded)
    return folded


def fold_waiting(database: Database, tenant: str, limit: int = 200) -> int:
    """Fold what waits, of at most `limit` customers, in one transaction; return of how many.

    Customers are locked in the order of their ids, so that two who fold at once wait and do not deadlock.
    """
    with database.transaction() as tx:
        waiting = sorted(tx.events.waiting(tenant, limit))
        for customer_id in waiting:
            fold_pending(tx, tenant, customer_id)
    return len(waiting)


def age_out(database: Database, tenant: str, before: datetime, limit: int = 200) -> int:
    """Take away the events from before a time, of at most `limit` customers; return of how many customers.

    What they led to stays: it is folded into what the customer's later events are added to.
    """
    before_us = stamp_of(before, "", "")[0]
    with database.reading() as tx:
        customers = tx.events.with_aged(tenant, before_us, limit)
    for customer_id in customers:
        with database.transaction() as tx:
            fold_pending(tx, tenant, customer_id)
            row = tx.states.lock(tenant, customer_id)
            onto = Aggregate.load(row.aged) if row.aged else Aggregate()
            aged = fold(_events(tx.events.take_aged(tenant, customer_id, before_us)), onto)
            tx.states.put(row.model_copy(update={"aged": aged.dump()}))
    return len(customers)


def aggregate_of(row: StateRow) -> Aggregate:
    """Return a row's aggregate."""
    return Aggregate.load(row.aggregate) if row.aggregate else Aggregate()


def _events(contents: Sequence[str]) -> list[Event]:
    return [EVENT.validate_json(content) for content in contents]
