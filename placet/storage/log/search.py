"""Looks for entries of the record, newest first. Each look reads a bounded number of rows, however rare what is sought.

An entry is named by its stream and number, never by its position: positions count the entries of all tenants.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Select, bindparam, select

from placet.storage.sql.driver import Connection
from placet.storage.sql.paging import unknown_cursor
from placet.storage.tables import AUDIT

LOOKED_AT: Final = 5000
"""Entries that one look goes through."""

_BEYOND: Final = 2**63 - 1
_PLACE = select(AUDIT.c.id).where(
    AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.stream == bindparam("stream"), AUDIT.c.seq == bindparam("seq")
)
_LAST = select(AUDIT.c.seq).where(AUDIT.c.stream == bindparam("stream")).order_by(AUDIT.c.seq.desc()).limit(1)
_NAME = select(AUDIT.c.stream, AUDIT.c.seq).where(
    AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id == bindparam("position")
)


@dataclass(frozen=True, slots=True)
class EntryName:
    """What an entry is called: its stream and its number there."""

    stream: str
    seq: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found.

    Attributes:
        positions: Of the entries found, newest first.
        last: The last entry that was looked at, where older ones may follow; None at the end.
    """

    positions: tuple[int, ...]
    last: EntryName | None


class EntrySearch:
    """Entries by stream and kind. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def position(self, tenant: str, name: EntryName) -> int | None:
        """Return where an entry stands in the whole record; None if the tenant has none of this name."""
        found: int | None = self._connection.scalar(_PLACE, {"tenant": tenant, "stream": name.stream, "seq": name.seq})
        return found

    def last_number(self, stream: str) -> int:
        """Return the number of the last entry of a stream; 0 where there is none."""
        return self._connection.scalar(_LAST, {"stream": stream}) or 0

    def look(self, tenant: str, *, stream: str | None, kind: str | None, after: EntryName | None, limit: int) -> Looked:
        """Look for entries older than `after`, newest first; give up after `LOOKED_AT` entries.

        Args:
            tenant: Whose.
            stream: Only of this one.
            kind: Only of this one.
            after: What ended the look before; None begins at the newest.
            limit: Most that are found.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        column, bound = AUDIT.c.id if stream is None else AUDIT.c.seq, _BEYOND
        if after is not None:
            position = self.position(tenant, after)
            if position is None or (stream is not None and after.stream != stream):
                raise unknown_cursor(f"{after.stream}:{after.seq}")
            bound = position if stream is None else after.seq
        floor = self._floor(_within(tenant, stream), column, bound)
        query = _within(tenant, stream).where(column < bound, column >= (floor or -_BEYOND))
        if kind is not None:
            query = query.where(AUDIT.c.kind == kind)
        found = list(self._connection.scalars(query.order_by(column.desc()).limit(limit + 1), {}))
        if len(found) > limit:
            return Looked(tuple(found[:limit]), self._name(tenant, found[limit - 1]))
        return Looked(tuple(found), None if floor is None else self._last(tenant, stream, column, floor))

    def _floor(self, query: Select[Any], column: Column[Any], bound: int) -> int | None:
        """Return where the look gives up; None where it comes to the end before."""
        further = query.with_only_columns(column).where(column < bound).order_by(column.desc())
        found = list(self._connection.scalars(further.offset(LOOKED_AT - 1).limit(2), {}))
        return found[0] if len(found) > 1 else None

    def _last(self, tenant: str, stream: str | None, column: Column[Any], floor: int) -> EntryName | None:
        query = _within(tenant, stream).where(column == floor)
        position: int | None = self._connection.scalar(query, {})
        return None if position is None else self._name(tenant, position)

    def _name(self, tenant: str, position: int) -> EntryName | None:
        row = self._connection.execute(_NAME, {"tenant": tenant, "position": position}).one_or_none()
        return None if row is None else EntryName(row[0], row[1])


def _within(tenant: str, stream: str | None) -> Select[Any]:
    query = select(AUDIT.c.id).where(AUDIT.c.tenant == tenant)
    return query if stream is None else query.where(AUDIT.c.stream == stream)
