"""Lists in pages. A page goes on after the row that ended the one before, so that rows added meanwhile move nothing.

A cursor is the id of that row. Where retention has erased the row, the page is refused with `unknown_cursor`. Where the
column that a list is ordered by has changed, as an amendment changes until when a run waits, the page goes on after the
row's new place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Select, select, tuple_

from placet.contracts.text import NAME, shortened
from placet.errors import UsageError
from placet.storage.sql.driver import Connection, Row

T = TypeVar("T")

UNKNOWN_CURSOR = "unknown_cursor"
"""Code of the error that a page cannot be found: no row of the tenant has the id that it is to go on after."""


def unknown_cursor(after: object) -> UsageError:
    """Return the error that a list has nothing of this id."""
    return UsageError(
        f"this list has no {shortened(repr(after), NAME)} to go on after; begin it again", code=UNKNOWN_CURSOR
    )


@dataclass(frozen=True, slots=True)
class PageOrder:
    """The order of a list.

    Attributes:
        tenant: The column that says whose a row is.
        place: The columns that it is ordered by, most significant first; the last is the id of a row.
        descending: Whether the largest comes first.
    """

    tenant: Column[Any]
    place: tuple[Column[Any], ...]
    descending: bool = False

    def page(
        self, connection: Connection, query: Select[Any], tenant: str, *, after: object, limit: int | None
    ) -> Select[Any]:
        """Return `query` in this order, from the row after the one with the id `after` on.

        Args:
            connection: Where that row is looked up.
            query: What is listed, without an order.
            tenant: Whose rows are listed. A row of another tenant is not there for them.
            after: The id; None begins at the first row.
            limit: Most rows returned; None returns all.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        if after is not None:
            own = (self.tenant == tenant, self.place[-1] == after)
            if connection.scalar(select(self.place[-1]).where(*own)) is None:
                raise unknown_cursor(after)
            query = query.where(self._beyond(select(*self.place).where(*own)))
        ordered = query.order_by(*(column.desc() if self.descending else column for column in self.place))
        return ordered if limit is None else ordered.limit(limit)

    def read(
        self,
        connection: Connection,
        query: Select[Any],
        tenant: str,
        keep: Callable[[Row], T | None],
        *,
        after: str | None,
        limit: int | None,
        **values: object,
    ) -> tuple[T, ...]:
        """Return a page of what `keep` makes of the rows; those it answers None for are left out and take no place.

        Args:
            connection: Where it is read.
            query: As for `page`.
            tenant: As for `page`.
            keep: Reads one row.
            after: As for `page`.
            limit: Most that are returned; None returns all.
            values: The other parameters of `query`.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        kept: list[T] = []
        while True:
            page = self.page(connection, query, tenant, after=after, limit=limit)
            rows = connection.execute(page, values).mappings()
            kept += (one for row in rows if (one := keep(row)) is not None)
            if limit is None or len(rows) < limit or len(kept) >= limit:
                return tuple(kept[:limit])
            after = rows[-1][self.place[-1].name]

    def _beyond(self, mark: Select[Any]) -> ColumnElement[bool]:
        here = tuple_(*self.place)
        return here < mark.scalar_subquery() if self.descending else here > mark.scalar_subquery()
