"""A customer's state, folded up to now.

Events are folded when somebody asks for the state, and beside that by a loop in the worker. Both do the same: lock
the customer's row, take the events that it lacks, write it. A customer of whom an event is corrected is folded anew
from all events, since a sum can be taken back and "the newest" cannot.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.events.kinds import EVENT, Event
from placet.contracts.identity.keys import KeyWord
from placet.contracts.state import CustomerState, OnePerson
from placet.contracts.times import moment
from placet.decisioning.identity.keys import keys_of
from placet.decisioning.state.aggregate import Aggregate, micros_of, time_of, united
from placet.decisioning.state.fold import corrected_by, fold
from placet.errors import StorageError, UsageError
from placet.service.state.people import ids_of, one_person
from placet.service.state.reading import state_told
from placet.storage.database import Database
from placet.storage.sql.reading import pass_on_others
from placet.storage.sql.reading import unreadable as unreadable_row
from placet.storage.state.changes import Changed
from placet.storage.state.states import StateRow
from placet.storage.tables import CUSTOMER_EVENT, CUSTOMER_STATE
from placet.storage.transaction import Transaction

Damaged = dict[str, StorageError]
"""Customers whose rows cannot be read, and what is wrong with each."""

_CORRECTION: Final = "placet.event.corrected.v1"


def state_of(database: Database, tenant: str, customer_id: str, as_of: datetime) -> CustomerState:
    """Return a customer's state as of a time: what had happened by then. Of whom no event is known, it is empty.

    Ids that are merged are one person: each of them has the same state, which says so.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
        UsageError: code `too_old`; events from after that time were taken away by retention.
    """
    person = person_of(database, tenant, customer_id, as_of)
    state = state_told(customer_id, person.aggregate, person.version, as_of)
    return state.model_copy(update={"one_person": person.merged})


class Person(NamedTuple):
    """A customer with all ids that are merged by now: what their events led to, and how many they are.

    Attributes:
        ids: The id that they keep first.
        merged: Since when the ids are one person; None where there is one.
    """

    ids: tuple[str, ...]
    aggregate: Aggregate
    version: int
    merged: OnePerson | None


def person_of(database: Database, tenant: str, customer_id: str, as_of: datetime) -> Person:
    """Return what the events of a person up to a time led to, and raise as `state_of` does.

    Each id keeps an aggregate of its own events, and they are put together here: so a split leaves nothing behind.
    """
    with database.reading() as tx:
        merged = one_person(tx, tenant, customer_id)
    ids = (customer_id,) if merged is None else merged.ids
    parts = [_part(database, tenant, one, as_of) for one in ids]
    if len(parts) == 1:
        return Person(ids, *parts[0], merged)
    return Person(ids, united(aggregate for aggregate, _ in parts), sum(version for _, version in parts), merged)


def state_in(tx: Transaction, rows: Sequence[StateRow], customer_id: str, as_of: datetime) -> CustomerState:
    """Return the state of a person by the rows of their ids, which a transaction has read; what waits is not folded.

    Raises:
        StorageError: code `storage_row`; a row is unreadable.
        UsageError: code `too_old`; events from after that time were taken away by retention.
    """
    parts = [_by_then(tx, row, as_of) for row in rows]
    if len(parts) == 1:
        return state_told(customer_id, *parts[0], as_of)
    whole = united(aggregate for aggregate, _ in parts)
    return state_told(customer_id, whole, sum(version for _, version in parts), as_of)


def _by_then(tx: Transaction, row: StateRow, as_of: datetime) -> tuple[Aggregate, int]:
    aggregate = aggregate_of(row)
    if aggregate.newest is not None and time_of(aggregate.newest[0]) > as_of:
        return _as_it_was(tx, row, as_of)
    return aggregate, row.version


def _part(database: Database, tenant: str, customer_id: str, as_of: datetime) -> tuple[Aggregate, int]:
    row = folded_row(database, tenant, customer_id)
    aggregate = aggregate_of(row)
    if aggregate.last is not None and time_of(aggregate.last[0]) > as_of:
        with database.snapshot() as tx:  # not under the lock: it reads all of the customer's events
            return _as_it_was(tx, tx.states.get(tenant, customer_id) or row, as_of)
    return aggregate, row.version


def folded_row(database: Database, tenant: str, customer_id: str) -> StateRow:
    """Return a customer's row, folded up to now; nothing is written where no event waits.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
    """
    with database.reading() as tx:
        row = _folded(tx, tenant, customer_id)
    if row is None:
        with database.transaction() as tx:
            row = fold_pending(tx, tenant, customer_id)
    return row


def _as_it_was(tx: Transaction, row: StateRow, as_of: datetime) -> tuple[Aggregate, int]:
    """Return what the events up to a time led to, and how many they were; a correction counts from its own time on."""
    onto = _aged(row)
    if onto.last is not None and time_of(onto.last[0]) > as_of:
        raise UsageError(
            f"events of {moment(time_of(onto.last[0]))} were taken away by retention; ask for a later time",
            code="too_old",
        )
    events = _events(row.customer_id, tx.events.folded(row.tenant, row.customer_id))
    happened = [event for event in events if event.time <= as_of]
    return fold(happened, onto), row.version - (len(events) - len(happened))


def newest_events(database: Database, tenant: str, customer_id: str, limit: int) -> tuple[Event, ...]:
    """Return a customer's newest events that are kept, newest first.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
    """
    with database.reading() as tx:
        ids = ids_of(tx, tenant, customer_id)
        events = [event for one in ids for event in _events(one, tx.events.newest(tenant, one, limit))]
    if len(ids) > 1:
        events.sort(key=lambda event: (event.time, event.source, event.id), reverse=True)
    return tuple(events[:limit])


def fold_pending(tx: Transaction, tenant: str, customer_id: str) -> StateRow:
    """Fold the events that a customer's aggregate lacks, and return their row."""
    folded = _folded(tx, tenant, customer_id)
    if folded is not None:
        return folded
    row = tx.states.lock(tenant, customer_id)
    pending = tx.events.fold(tenant, customer_id)
    if not row.version and not pending:  # erased, or let go, while this waited for the lock
        tx.states.erase(tenant, customer_id)
        return row
    new = _events(customer_id, [content for content, _ in pending])
    corrections = sum(kind == _CORRECTION for _, kind in pending)
    keys: tuple[KeyWord, ...] | None = None
    if corrections:
        aggregate = fold(_events(customer_id, tx.events.folded(tenant, customer_id)), _aged(row))
    else:
        # A correction may have come before the event that it takes back.
        known = tx.events.of_kind(tenant, customer_id, _CORRECTION) if row.corrections else []
        corrected = corrected_by(_events(customer_id, known))
        before = aggregate_of(row)
        keys = keys_of(customer_id, before)
        aggregate = fold(new, before, corrected_elsewhere=corrected)
    known_oldest = [] if row.oldest_us is None else [row.oldest_us]
    household = aggregate.topics.get("latest", {}).get("household")
    folded = row.model_copy(
        update={
            "household_id": None if household is None else household[1],
            "version": row.version + len(pending),
            "corrections": row.corrections + corrections,
            "newest_us": None if aggregate.last is None else aggregate.last[0],
            "oldest_us": min([*known_oldest, *(micros_of(event.time) for event in new)], default=None),
            "aggregate": aggregate.dump(),
        }
    )
    tx.states.put(folded)
    if new:
        # In the same transaction as the state: whoever follows it misses no change, and learns of none that is none.
        newest = max(micros_of(event.time) for event in new)
        tx.changes.note(tenant, Changed(customer_id, folded.version, newest))
    # Most events say nothing of keys: their customers' rows stay as they are.
    if (words := keys_of(customer_id, aggregate)) != keys:
        tx.keys.put(tenant, customer_id, words)
    return folded


def _folded(tx: Transaction, tenant: str, customer_id: str) -> StateRow | None:
    """Return a customer's row; None where it lacks events."""
    if tx.events.lacking(tenant, customer_id):
        return None
    # Read after that: whoever folded meanwhile has written it by then.
    return tx.states.get(tenant, customer_id) or StateRow(tenant=tenant, customer_id=customer_id)


def fold_waiting(database: Database, tenant: str, limit: int = 200, damaged: Damaged | None = None) -> int:
    """Fold what waits, of at most `limit` customers, in one transaction; return of how many.

    Customers are locked in the order of their ids, so that two who fold at once wait and do not deadlock. A customer
    whose rows cannot be read keeps nobody else from being folded.

    Args:
        database: Where they are.
        tenant: Whose.
        limit: Of how many customers.
        damaged: Those whose rows could not be read before: they are passed over, and those found now are added. None:
            the first of them is raised.

    Raises:
        StorageError: the database does not answer; or a row is unreadable, and all other customers are folded.
    """
    known: Damaged = {} if damaged is None else damaged
    with database.transaction() as tx:
        waiting = _others(tx.events.waiting(tenant, limit + len(known)), known, limit)
        for customer_id in sorted(waiting):
            with _noted(known, customer_id), tx.savepoint():
                fold_pending(tx, tenant, customer_id)
    if damaged is None:
        _tell(known)
    return len(waiting)


def age_out(database: Database, tenant: str, before: datetime, limit: int = 200, damaged: Damaged | None = None) -> int:
    """Take away the events from before a time, of at most `limit` customers; return of how many customers.

    What they led to stays: it is folded into what the customer's later events are added to. Fold first: an event that
    no aggregate has stays.

    Args:
        database: Where they are.
        tenant: Whose.
        before: Events that happened before go.
        limit: Of how many customers.
        damaged: As `fold_waiting` takes it.

    Raises:
        StorageError: the database does not answer; or a row is unreadable, and all other customers were looked at.
    """
    known: Damaged = {} if damaged is None else damaged
    before_us = micros_of(before)
    with database.reading() as tx:
        customers = _others(tx.states.with_aged(tenant, before_us, limit + len(known)), known, limit)
    for customer_id in customers:
        with _noted(known, customer_id), database.transaction() as tx:
            _age_out(tx, tenant, customer_id, before_us)
    if damaged is None:
        _tell(known)
    return len(customers)


def _others(customers: Sequence[str], damaged: Damaged, limit: int) -> list[str]:
    return [customer_id for customer_id in customers if customer_id not in damaged][:limit]


@contextmanager
def _noted(damaged: Damaged, customer_id: str) -> Iterator[None]:
    """Note that a row of a customer cannot be read, and go on."""
    try:
        yield
    except StorageError as error:
        pass_on_others(error)
        damaged[customer_id] = error


def _tell(damaged: Damaged) -> None:
    for error in damaged.values():
        raise error


def _age_out(tx: Transaction, tenant: str, customer_id: str, before_us: int) -> None:
    fold_pending(tx, tenant, customer_id)
    row = tx.states.lock(tenant, customer_id)
    if not row.version:  # as above: nobody is made again by looking
        tx.states.erase(tenant, customer_id)
        return
    # What a younger event corrects must not come back with the old ones.
    kept = _events(customer_id, tx.events.of_customer(tenant, customer_id)) if row.corrections else []
    old = _events(customer_id, tx.events.take_aged(tenant, customer_id, before_us))
    aged = fold(old, _aged(row), corrected_elsewhere=corrected_by(kept))
    tx.states.put(row.model_copy(update={"aged": aged.dump(), "oldest_us": tx.events.oldest(tenant, customer_id)}))


def aggregate_of(row: StateRow) -> Aggregate:
    """Return a row's aggregate.

    Raises:
        StorageError: code `storage_row`; it cannot be read.
    """
    return _loaded(row, row.aggregate)


def _aged(row: StateRow) -> Aggregate:
    return _loaded(row, row.aged)


def _loaded(row: StateRow, text: str | None) -> Aggregate:
    try:
        return Aggregate.load(text) if text else Aggregate()
    except ValueError as error:
        raise unreadable_row(CUSTOMER_STATE.name, row.customer_id, str(error)) from error


def _events(customer_id: str, contents: Sequence[str]) -> list[Event]:
    try:
        return [EVENT.validate_json(content) for content in contents]
    except ValidationError as error:
        raise unreadable_row(CUSTOMER_EVENT.name, customer_id, first_fault(error)) from error
