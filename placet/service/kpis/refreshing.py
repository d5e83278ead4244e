"""Bring the kept key figures up to date, some customers at a time, each time in a transaction of its own.

    (1) Lock the tenant's row, so that one counts at a time. At a new day, or with other definitions, begin with nobody.
    (2) Of a day that is not counted to its end, take the next customers in the order of their ids; else those whose
        states changed, then people whose ids were merged or split, then members of households that grew or shrank.
    (3) Lock their states. Take away what each added, compute what they add now, add it, and note that it has them.

A state says on its own row that it changed, and the same transaction that counts it takes the note away under the
row's lock: a change that commits late is found late, and is never missed. Whoever is killed leaves what the last
transaction wrote, from which the next one goes on.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from placet.contracts.times import moment
from placet.decisioning.cohorts.cohort import frame_of
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.kpis.definitions import definitions_digest
from placet.decisioning.kpis.parts import Part, parts_of
from placet.decisioning.kpis.sealing import NotSealedError
from placet.decisioning.state.aggregate import micros_of
from placet.errors import StorageError
from placet.service.kpis.book import Book, begin, begin_anew, day_of, end_of
from placet.service.state.current import state_in
from placet.service.state.people import all_people, people_of
from placet.service.state.reading import named
from placet.storage.database import Database
from placet.storage.kpis.kept import KpiCount, KpiPart, ids_text
from placet.storage.sql.reading import pass_on_others, read_as
from placet.storage.state.states import BaseRow, StateRow
from placet.storage.tables import CUSTOMER_STATE, KPI_COUNT
from placet.storage.transaction import Transaction

_LOG = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Customers of one transaction: others write in between."""
_APART: Final = timedelta(minutes=10)
"""How far the clocks of two processes may be apart at midnight. What is counted of a day further off is no day's."""
_QUIET: Final = timedelta(minutes=1)
"""How often it is written down that nobody waits, where nothing changes."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one step came to.

    Attributes:
        customers: How many were counted.
        done: Whether nobody waits any more.
    """

    customers: int
    done: bool


def refresh(database: Database, tenant: str, now: datetime, *, most: int | None = None) -> bool:
    """Bring the figures of today up to date; return whether they are.

    Args:
        database: Where they are.
        tenant: Whose.
        now: The time; its day is counted.
        most: Stop after so many customers; None: when all are counted.

    Raises:
        StorageError: the database does not answer.
    """
    counted = 0
    while most is None or counted < most:
        step = refresh_some(database, tenant, now)
        counted += max(step.customers, 1)
        if step.done:
            return True
    return False


def refresh_some(database: Database, tenant: str, now: datetime, limit: int | None = None) -> Refreshed:
    """Do one step, in one transaction; what is kept and was altered is thrown away, and all are counted anew.

    Raises:
        StorageError: the database does not answer.
    """
    try:
        with database.transaction() as tx:
            return _step(tx, tenant, now, limit or AT_ONCE)
    except NotSealedError as error:
        count_anew(database, tenant, now, str(error))
        return Refreshed(0, done=False)


def count_anew(database: Database, tenant: str, now: datetime, why: str) -> None:
    """Throw what is kept of today away, so that the next step begins with nobody, and say why.

    Raises:
        StorageError: the database does not answer.
    """
    _LOG.warning("the kept key figures of %s cannot be read: %s; all customers are counted anew", tenant, why)
    with database.transaction() as tx:
        tx.kpis.lock(tenant)
        begin_anew(tx, tenant, day_of(now))


def forget(tx: Transaction, tenant: str, gone: Sequence[tuple[str, str | None]]) -> None:
    """Take customers out of the sums whose states are erased in this transaction.

    Call `tx.kpis.lock` before any state is locked, as counting does.

    Args:
        tx: The transaction.
        tenant: Whose customers.
        gone: Each with the household of their row.
    """
    count = _count(tx, tenant)
    if count is None or not count.day or not gone:
        return
    try:
        book = Book(tx, count)
        ids = [customer_id for customer_id, _ in gone]
        # Whoever stays of a person whose ids are merged is counted anew: their sum was one.
        others = people_of(tx, tenant, ids)
        every = sorted({*ids, *(one for whole in others.values() for one in whole)})
        old = book.old(every)
        for row in old.values():
            book.take(row)
        # Of a person who was split since, whoever stays was counted in a row that goes now.
        tx.states.note_uncounted(tenant, sorted({one for row in old.values() for one in _ids(row.ids)}))
        book.mark_due(household for _, household in gone)
        book.close()
    except NotSealedError:
        tx.kpis.clear(tenant)
        tx.kpis.drop_sums_from(tenant, count.day)  # the next step begins anew, and says so


def _step(tx: Transaction, tenant: str, now: datetime, limit: int) -> Refreshed:
    day = day_of(now)
    count = _count(tx, tenant)
    if count is None:
        raise NotSealedError("nobody knows how far it is counted")
    if count.day != day.isoformat() and count.day == day_of(now + _APART).isoformat():
        return Refreshed(0, done=True)  # the clock of another process is past midnight already
    if count.day != day.isoformat() or count.digest != definitions_digest():
        count = _new_day(tx, count, day)
    book = Book(tx, count)
    if count.after is not None:
        return _next_of_the_base(tx, book, count.after, limit)
    ids, looked_at = _changed(tx, count, limit)
    _count_again(tx, book, ids, end_of(day))
    done = not ids and not looked_at
    again = book.counted_at is None or book.counted_at < moment(now - _QUIET)
    book.close(now if done and again else None)
    return Refreshed(len(ids), done)


def _new_day(tx: Transaction, count: KpiCount, day: date) -> KpiCount:
    today = day.isoformat()
    if not count.day:
        tx.kpis.clear(count.tenant)
    if count.after is not None or count.day >= today:
        # A day that was not counted to its end, or counted in another way, or that is still to come, is no day.
        tx.kpis.drop_sums_from(count.tenant, min(count.day or today, today))
    return begin(tx, count.tenant, day, count.epoch + 1)


def _next_of_the_base(tx: Transaction, book: Book, after: str, limit: int) -> Refreshed:
    ids = tx.states.ids(book.count.tenant, after, limit)
    _count_again(tx, book, ids, end_of(date.fromisoformat(book.count.day)))
    last = len(ids) < limit
    book.count = book.count.model_copy(update={"after": None if last else ids[-1]})
    if last:
        tx.kpis.drop_stale(book.count.tenant, book.count.epoch)
    book.close()
    return Refreshed(len(ids), done=False)


def _changed(tx: Transaction, count: KpiCount, limit: int) -> tuple[list[str], int]:
    """Return whom to count again, and how many households were looked at for them."""
    tenant = count.tenant
    ids = tx.states.uncounted(tenant, limit)
    if len(ids) < limit:
        ids += _merged_or_split(tx, tenant, limit - len(ids))
    due = tx.kpis.due(tenant, limit - len(ids)) if len(ids) < limit else []
    for household in due:
        if len(ids) >= limit:
            break
        members = tx.states.household_size(tenant, household)
        moved = tx.kpis.counted_with(tenant, count.epoch, household, members, limit)
        ids += moved
        if len(moved) < limit:
            tx.kpis.settle(tenant, household)
    return ids, len(due)


def _count(tx: Transaction, tenant: str) -> KpiCount | None:
    """Return how far a tenant's figures are counted, locked; None where the row cannot be read."""
    row = tx.kpis.lock(tenant)
    try:
        return read_as(KpiCount, KPI_COUNT.name, tenant, row)
    except StorageError as error:
        pass_on_others(error)
        return None


def _merged_or_split(tx: Transaction, tenant: str, limit: int) -> list[str]:
    """Return ids of people who were counted with other ids than are merged now, or than have a state now."""
    people, kept = all_people(tx, tenant), tx.kpis.with_ids(tenant)
    counted = {}
    known = tx.states.known(tenant, sorted(people))
    for ids in set(people.values()):
        first = next((one for one in ids if one in known), None)
        if first is not None:
            counted[first] = ids_text(ids)
    wrong = dict[str, None]()
    for one in [one for one in (*kept, *counted) if kept.get(one) != counted.get(one)]:
        wrong.update(dict.fromkeys([one, *people.get(one, ()), *_ids(kept.get(one))]))
    return list(wrong)[:limit]


def _ids(text: str | None) -> list[str]:
    try:
        found = json.loads(text) if text is not None else []
    except (ValueError, RecursionError, TypeError) as error:
        raise NotSealedError("merged ids cannot be read") from error
    if not isinstance(found, list):
        raise NotSealedError("merged ids cannot be read")
    return [str(one) for one in found]


def _count_again(tx: Transaction, book: Book, customers: Sequence[str], as_of: datetime) -> None:
    """Take away what customers added, and add what they add now; with them all ids that are merged with theirs."""
    if not customers:
        return
    tenant = book.count.tenant
    people = people_of(tx, tenant, customers)
    every = sorted({*customers, *(one for ids in people.values() for one in ids)})
    rows = {row.customer_id: row for row in tx.states.lock_some(tenant, every)}
    old = book.old(every)
    for row in old.values():
        book.take(row)
    kept, computed = list[tuple[BaseRow, str | None]](), list[Row | None]()
    for one in every:
        ids = people.get(one, (one,))
        first = next((other for other in ids if other in rows), None)
        if first == one:
            kept.append((rows[one], ids_text(ids)))
            computed.append(_row(tx, tenant, rows[one], ids, as_of))
    found = [row for row in computed if row]
    parts = iter(parts_of(frame_of(found)) if found else ())
    for (state, text), values in zip(kept, computed, strict=True):
        part: Part | None = next(parts) if values else None
        book.put(_kept(tenant, state, text, unreadable=values is None), part)
    for one in every:
        before, after = old.get(one), rows.get(one)
        homes = {row.household_id for row in (before, after) if row is not None}
        if before is None or after is None or len(homes) > 1:
            book.mark_due(homes)
    tx.states.note_counted(tenant, list(rows))


def _row(tx: Transaction, tenant: str, row: BaseRow, ids: Sequence[str], as_of: datetime) -> Row | None:
    """Return a customer's row; an empty one of whom no event had happened by then, None where it cannot be read."""
    try:
        state = state_in(tx, _state_rows(tx, tenant, row, ids, as_of), row.customer_id, as_of)
        with named(row.customer_id):
            return {} if state.newest is None else row_of(state, row.members)
    except StorageError as error:
        pass_on_others(error)
        return None


def _state_rows(tx: Transaction, tenant: str, row: BaseRow, ids: Sequence[str], as_of: datetime) -> list[StateRow]:
    kept = {"customer_id": row.customer_id, "version": row.version, "newest_us": row.newest_us}
    one = read_as(
        StateRow, CUSTOMER_STATE.name, row.customer_id, {"tenant": tenant, **kept, "aggregate": row.aggregate}
    )
    if len(ids) == 1 and (one.newest_us is None or one.newest_us <= micros_of(as_of)):
        return [one]
    return [tx.states.get(tenant, other) or StateRow(tenant=tenant, customer_id=other) for other in ids]


def _kept(tenant: str, row: BaseRow, ids: str | None, *, unreadable: bool) -> KpiPart:
    return KpiPart(
        tenant=tenant,
        customer_id=row.customer_id,
        epoch=0,
        household_id=row.household_id,
        members=row.members,
        ids=ids,
        unreadable=int(unreadable),
        part="",
    )
