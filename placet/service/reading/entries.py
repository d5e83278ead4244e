"""The record as people look through it: newest first, by stream and kind, each entry with its number in the log."""

from dataclasses import dataclass

from placet.contracts.audit import AuditEvent
from placet.errors import UsageError
from placet.storage.database import Database
from placet.storage.log.search import EntryName
from placet.storage.log.told import ToldEntry, told_at
from placet.storage.sql.paging import unknown_cursor
from placet.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NumberedEntry:
    """An entry of the record.

    Attributes:
        number: Its number in the tenant's log from 1; None while it is not in it.
        fault: Why it does not verify; empty where no fault of it was found.
    """

    entry: AuditEvent
    number: int | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first.

    Attributes:
        next: What to pass as `after` to go on; None at the end. A page may be short, and even empty, before the end:
            one look goes through a bounded number of entries.
    """

    entries: tuple[NumberedEntry, ...]
    next: str | None


def look_through(
    database: Database,
    tenant: str,
    *,
    stream: str | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int = 25,
) -> EntryPage:
    """Return a page of the record, newest first; `after` is the `next` of the page before.

    Raises:
        UsageError: code `unknown_cursor`.
        GovernanceError: code `audit_broken`; an entry is in the log twice.
    """
    with database.snapshot() as tx:
        looked = tx.entries.look(
            tenant, stream=stream, kind=kind, after=None if after is None else _name(after), limit=limit
        )
        told = told_at(tx, tenant, looked.positions)
        found = tuple(_numbered(tx, tenant, position, told[position]) for position in looked.positions)
    return EntryPage(found, None if looked.last is None else f"{looked.last.stream}:{looked.last.seq}")


def find_entry(database: Database, tenant: str, stream: str, seq: int) -> NumberedEntry:
    """Return one entry by its stream and number there.

    Raises:
        UsageError: code `unknown_entry`; the tenant has none.
        GovernanceError: code `audit_broken`; it is in the log twice.
    """
    with database.snapshot() as tx:
        position = tx.entries.position(tenant, EntryName(stream, seq))
        if position is None:
            raise UsageError(f"the record has no entry {seq} of {stream!r}", code="unknown_entry")
        return _numbered(tx, tenant, position, told_at(tx, tenant, [position])[position])


def _numbered(tx: Transaction, tenant: str, position: int, told: ToldEntry) -> NumberedEntry:
    row = tx.log.find(tenant, position)
    return NumberedEntry(told.entry, None if row is None else row.index + 1, told.fault)


def _name(cursor: str) -> EntryName:
    stream, _, seq = cursor.rpartition(":")
    if not stream or not (seq.isascii() and seq.isdecimal()) or len(seq) > len(str(2**62)):
        raise unknown_cursor(cursor)
    return EntryName(stream, int(seq))
