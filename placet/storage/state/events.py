"""The table of events. An event is inserted once; the same one again changes nothing."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, TextClause, bindparam, delete, func, select, text, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.tables import CUSTOMER_EVENT

_TABLE = CUSTOMER_EVENT
_OF_CUSTOMER = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id == bindparam("customer"))
_CONTENT = select(_TABLE.c.content).where(
    _TABLE.c.tenant == bindparam("of_tenant"),
    _TABLE.c.source == bindparam("of_source"),
    _TABLE.c.event_id == bindparam("id"),
)
_ALL = select(_TABLE.c.content).where(*_OF_CUSTOMER)
_FOLDED = _ALL.where(_TABLE.c.folded == 1)
_OF_KIND = _ALL.where(_TABLE.c.type == bindparam("kind"))
_NEWEST = (
    select(_TABLE.c.content)
    .where(*_OF_CUSTOMER)
    .order_by(_TABLE.c.happened_us.desc(), _TABLE.c.source, _TABLE.c.event_id)
    .limit(bindparam("limit"))
)
_LACKING = select(_TABLE.c.event_id).where(*_OF_CUSTOMER, _TABLE.c.folded == 0).limit(1)
_FOLD = (
    update(_TABLE)
    .where(*_OF_CUSTOMER, _TABLE.c.folded == 0)
    .values(folded=1)
    .returning(_TABLE.c.content, _TABLE.c.type)
)
_WAITING = (
    select(_TABLE.c.customer_id)
    .distinct()
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.folded == 0)
    .limit(bindparam("limit"))
)
_WAITING_OF_KINDS = (
    select(_TABLE.c.customer_id)
    .distinct()
    .where(
        _TABLE.c.tenant == bindparam("of_tenant"),
        _TABLE.c.folded == 0,
        _TABLE.c.type.in_(bindparam("kinds", expanding=True)),
    )
    .limit(bindparam("limit"))
)
_AGED = (
    delete(_TABLE)
    .where(*_OF_CUSTOMER, _TABLE.c.happened_us < bindparam("before"), _TABLE.c.folded == 1)
    .returning(_TABLE.c.content)
)
_ERASE = delete(_TABLE).where(*_OF_CUSTOMER)
_OLDEST = select(func.min(_TABLE.c.happened_us)).where(*_OF_CUSTOMER)

# One statement for a whole batch: what was there already comes back in no row, whoever inserts beside us.
_BATCH: Final = {
    "sqlite": (
        "SELECT :tenant, e.value ->> 0, e.value ->> 1, e.value ->> 2, e.value ->> 3, e.value ->> 4, :received, "
        "e.value ->> 5, 0 FROM json_each(:batch) e WHERE true"
    ),
    "postgresql": (
        "SELECT :tenant, e ->> 0, e ->> 1, e ->> 2, e ->> 3, CAST(e ->> 4 AS bigint), :received, e ->> 5, 0 "
        "FROM json_array_elements(CAST(:batch AS json)) e"
    ),
}


class EventRow(Frozen):
    """An event as it is kept.

    Attributes:
        happened_us: When it happened, in microseconds since 1970.
        content: The event as JSON, as its contract writes it.
    """

    source: str
    event_id: str
    customer_id: str
    type: str
    happened_us: int
    content: str


class EventRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, tenant: str, rows: Sequence[EventRow], received_us: int) -> set[tuple[str, str]]:
        """Insert events, in one statement; return source and id of those that were not there yet."""
        batch = [(row.source, row.event_id, row.customer_id, row.type, row.happened_us, row.content) for row in rows]
        values: dict[str, Any] = {"tenant": tenant, "received": received_us, "batch": json.dumps(batch)}
        added = self._connection.execute(_insert(self._connection.dialect.name), values)
        return {(source, event_id) for source, event_id in added}

    def content(self, tenant: str, source: str, event_id: str) -> str | None:
        """Return what is kept of an event; None where it is not there."""
        values = {"of_tenant": tenant, "of_source": source, "id": event_id}
        found: str | None = self._connection.scalar(_CONTENT, values)
        return found

    def lacking(self, tenant: str, customer_id: str) -> bool:
        """Return whether a customer has events that their aggregate lacks."""
        values = {"of_tenant": tenant, "customer": customer_id}
        return self._connection.scalar(_LACKING, values) is not None

    def fold(self, tenant: str, customer_id: str) -> list[tuple[str, str]]:
        """Return content and type of a customer's events that their aggregate lacks, and note that it has them now."""
        rows = self._connection.execute(_FOLD, {"of_tenant": tenant, "customer": customer_id})
        return [(content, kind) for content, kind in rows]

    def of_customer(self, tenant: str, customer_id: str) -> list[str]:
        """Return the contents of all of a customer's events that are still kept."""
        return self._texts(_ALL, of_tenant=tenant, customer=customer_id)

    def folded(self, tenant: str, customer_id: str) -> list[str]:
        """Return the contents of a customer's events that are kept and that their aggregate has.

        What arrives beside a transaction is seen by its later statements on PostgreSQL: it must not be counted before
        it is marked.
        """
        return self._texts(_FOLDED, of_tenant=tenant, customer=customer_id)

    def of_kind(self, tenant: str, customer_id: str, kind: str) -> list[str]:
        """Return the contents of a customer's events of one kind."""
        return self._texts(_OF_KIND, of_tenant=tenant, customer=customer_id, kind=kind)

    def newest(self, tenant: str, customer_id: str, limit: int) -> list[str]:
        """Return the contents of a customer's newest events, newest first."""
        return self._texts(_NEWEST, of_tenant=tenant, customer=customer_id, limit=limit)

    def waiting(self, tenant: str, limit: int) -> list[str]:
        """Return customers who have events that their aggregates lack."""
        return self._texts(_WAITING, of_tenant=tenant, limit=limit)

    def waiting_of_kinds(self, tenant: str, kinds: Sequence[str], limit: int) -> list[str]:
        """Return customers who have events of some kinds that their aggregates lack."""
        return self._texts(_WAITING_OF_KINDS, of_tenant=tenant, kinds=kinds, limit=limit)

    def oldest(self, tenant: str, customer_id: str) -> int | None:
        """Return when the oldest of a customer's events that are kept happened, in microseconds since 1970."""
        found: int | None = self._connection.scalar(_OLDEST, {"of_tenant": tenant, "customer": customer_id})
        return found

    def take_aged(self, tenant: str, customer_id: str, before_us: int) -> list[str]:
        """Take a customer's events from before a time away, and return their contents."""
        values = {"of_tenant": tenant, "customer": customer_id, "before": before_us}
        return [content for (content,) in self._connection.execute(_AGED, values)]

    def erase(self, tenant: str, customer_id: str) -> int:
        """Take all of a customer's events away; return how many there were."""
        return self._connection.execute(_ERASE, {"of_tenant": tenant, "customer": customer_id}).rowcount

    def _texts(self, statement: Select[tuple[str]], **values: Any) -> list[str]:
        found: list[str] = self._connection.scalars(statement, values)
        return found


@cache
def _insert(dialect: str) -> TextClause:
    columns = "tenant, source, event_id, customer_id, type, happened_us, received_us, content, folded"
    return text(
        f"INSERT INTO customer_event ({columns}) {_BATCH[dialect]} ON CONFLICT DO NOTHING RETURNING source, event_id"
    )
