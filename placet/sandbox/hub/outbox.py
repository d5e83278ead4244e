"""What happened and is to be told: written in the transaction that did it, so that neither is without the other.

Nothing is written while nobody listens, and of what nobody fetched only the newest `KEPT` are kept: a listener that
is away for long loses the oldest, and the loss is counted.
"""

import json
import secrets
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from placet.sandbox.derived.calendar import now
from placet.sandbox.hub.kinds import KINDS
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.refs import customer_ref
from placet.sandbox.store import Database
from placet.sandbox.tables import EVENTS as _EVENTS
from placet.sandbox.tables import LISTENERS as _LISTENERS

KEPT: Final = 10_000
"""Events, of some 2 KB each."""


class Outbox:
    """The events of one sandbox."""

    def __init__(self, database: Database, kept: int = KEPT) -> None:
        self._database = database
        self._kept = kept

    def publish(
        self,
        connection: Connection,
        kind: str,
        resource: JsonObject,
        *,
        customer_id: str,
        origin: str = "",
        at: str | None = None,
    ) -> None:
        """Add an event to the transaction of `connection`, if anybody listens.

        Args:
            connection: Of the transaction that causes it.
            kind: One of `KINDS`.
            resource: What it is about, as its API shows it.
            customer_id: Whose it is.
            origin: Scheme and authority of links; without it there are none.
            at: When it happened; now, if it is not said.
        """
        if connection.execute(select(_LISTENERS.c.number).limit(1)).first() is None:
            return
        event_id, happened = f"EVT-{secrets.token_hex(12)}", at or now()
        body = {
            "id": event_id,
            "eventId": event_id,
            "eventType": kind,
            "eventTime": now(),
            "timeOccurred": happened,
            "domain": "sandbox",
            "title": kind,
            "event": {KINDS[kind]: resource},
            "relatedParty": [customer_ref(customer_id, origin)],
            "reportingSystem": {"id": "placet-sandbox-bss", "name": "Placet sandbox BSS"},
            "@type": "Event",
        }
        row = {"type": kind, "body": json.dumps(body if origin else _without_links(body))}
        number = connection.execute(insert(_EVENTS).values(row).returning(_EVENTS.c.number)).scalar_one()
        self._let_go(connection, number - self._kept)

    def after(self, number: int, limit: int) -> list[Any]:
        """Return the next events after `number`, oldest first."""
        rows = select(_EVENTS).where(_EVENTS.c.number > number).order_by(_EVENTS.c.number).limit(limit)
        with self._database.read() as connection:
            return list(connection.execute(rows).all())

    def waiting(self) -> int:
        """Return how many events the slowest listener has not been told of."""
        newest = select(func.coalesce(func.max(_EVENTS.c.number), 0)).scalar_subquery()
        slowest = select(func.min(_LISTENERS.c.delivered)).scalar_subquery()
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(newest - slowest, 0))).scalar_one())

    def _let_go(self, connection: Connection, last: int) -> None:
        if last <= 0:
            return
        connection.execute(delete(_EVENTS).where(_EVENTS.c.number <= last))
        connection.execute(
            update(_LISTENERS)
            .where(_LISTENERS.c.delivered < last)
            .values(lost=_LISTENERS.c.lost + (last - _LISTENERS.c.delivered), delivered=last)
        )


def _without_links(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_links(item) for name, item in value.items() if name != "href"}
    return [_without_links(item) for item in value] if isinstance(value, list) else value
