"""Everything that is known of one customer here: what billing answered last, live state, keys, and what was decided.

Nothing is asked of billing: what it answered is as old as it says.
"""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.identity.keys import KeyWord
from placet.contracts.people.merge import MergeRecord
from placet.contracts.state import CustomerState
from placet.decisioning.state.aggregate import Aggregate
from placet.errors import UsageError
from placet.service.customers import CustomerInFull, DecidedRun, find_customer, list_decided
from placet.service.state.current import person_of
from placet.service.state.reading import state_told
from placet.storage.database import Database

MOST_DECISIONS = 10
"""Runs that a profile shows, the newest."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer.

    Attributes:
        record: What the record knows, where billing answered a run; else None.
        decided: The newest runs, and what people decided.
        state: What events led to; of version 0 where there are none.
        aggregate: What the state is made from: when each word of it was said, and by whom.
        keys: By what systems know the customer; those that were given up are among them.
        merges: Merges in force, by which other ids are this customer.
    """

    customer_id: str
    as_of: datetime
    record: CustomerInFull | None
    decided: tuple[DecidedRun, ...]
    state: CustomerState
    aggregate: Aggregate
    keys: tuple[KeyWord, ...]
    merges: tuple[MergeRecord, ...]


def known_of(database: Database, tenant: str, customer_id: str, now: datetime) -> Known:
    """Return everything that is known of a customer now.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
        UsageError: code `unknown_customer`; no run was asked for about them, and no event is known.
    """
    person = person_of(database, tenant, customer_id, now)
    with database.reading() as tx:
        keys = tuple(word for one in person.ids for word in tx.keys.of_customer(tenant, one))
        merges = tx.merges.naming(tenant, [person.ids[0]]) if len(person.ids) > 1 else ()
    # Of what billing answered, that about the id that was asked for counts first.
    records = {
        one: record
        for one in sorted(person.ids, key=lambda one: one != customer_id)
        if (record := _record(database, tenant, one, now)) is not None
    }
    if not records and not person.version:
        raise UsageError(
            f"nothing is known of customer {customer_id!r} of tenant {tenant!r}: no run, no event; check the id",
            code="unknown_customer",
        )
    decided = [run for one in records for run in list_decided(database, tenant, one, limit=MOST_DECISIONS)]
    decided.sort(key=lambda one: one.proposed.run.requested_at, reverse=True)
    with_facts = (record for record in records.values() if record.facts is not None)
    return Known(
        customer_id=customer_id,
        as_of=now,
        record=next(with_facts, None),
        decided=tuple(decided[:MOST_DECISIONS]),
        state=state_told(customer_id, person.aggregate, person.version, now),
        aggregate=person.aggregate,
        keys=keys,
        merges=merges,
    )


def _record(database: Database, tenant: str, customer_id: str, now: datetime) -> CustomerInFull | None:
    try:
        return find_customer(database, tenant, customer_id, now=now)
    except UsageError:
        return None
