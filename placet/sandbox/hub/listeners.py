"""Who is told: listeners with their callbacks, what they asked for, and how far they have been told."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import delete, func, insert, select, update

from placet.sandbox.errors import TmfError, bad_body, conflict
from placet.sandbox.hub.kinds import KINDS
from placet.sandbox.store import Database
from placet.sandbox.tables import EVENTS as _EVENTS
from placet.sandbox.tables import LISTENERS as _LISTENERS

MOST_LISTENERS: Final = 10
_QUERY: Final = re.compile(r"eventType=([A-Za-z]+(?:,[A-Za-z]+)*)")


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener; `kinds` None means all. The callback's user and password, if any, are for the callback alone."""

    number: int
    callback: str
    query: str
    delivered: int
    refused: int = 0
    lost: int = 0

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds of event that were asked for."""
        return kinds_of(self.query)

    @property
    def address(self) -> str:
        """The callback without its user and password."""
        parts = urlsplit(self.callback)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def kinds_of(query: str) -> frozenset[str] | None:
    """Return the kinds of event that a query asks for; None means all.

    Raises:
        TmfError: 400, the query says something else, or names a kind that never happens here.
    """
    if not query:
        return None
    found = _QUERY.fullmatch(query)
    if found is None:
        raise bad_body(f"query {query!r} is not understood; write eventType=A,B")
    kinds = frozenset(found[1].split(","))
    if unknown := sorted(kinds - set(KINDS)):
        raise bad_body(f"query names {unknown[0]!r}, which never happens here; kinds: {', '.join(KINDS)}")
    return kinds


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listeners of one sandbox."""

    database: Database

    def add(self, callback: str, query: str) -> Listener:
        """Register a listener; they are told of what happens from now on.

        Raises:
            TmfError: 400, the callback or the query cannot be used; 409, it is registered already; 422, there are
                `MOST_LISTENERS` others.
        """
        _check(callback)
        kinds_of(query)
        with self.database.write() as connection:
            known = connection.execute(select(_LISTENERS)).all()
            if any(row.callback == callback and row.query == query for row in known):
                raise conflict("alreadyRegistered", "this callback is registered with this query")
            if len(known) >= MOST_LISTENERS:
                raise TmfError(422, "tooManyListeners", f"{MOST_LISTENERS} listeners are registered; delete one")
            newest = connection.execute(select(func.coalesce(func.max(_EVENTS.c.number), 0))).scalar_one()
            row = {"callback": callback, "query": query, "delivered": newest, "refused": 0, "lost": 0}
            made = connection.execute(insert(_LISTENERS).values(row).returning(_LISTENERS.c.number)).scalar_one()
            return Listener(made, callback, query, newest)

    def remove(self, number: int) -> bool:
        """Let a listener go; returns whether there was one."""
        with self.database.write() as connection:
            return connection.execute(delete(_LISTENERS).where(_LISTENERS.c.number == number)).rowcount == 1

    def all(self) -> list[Listener]:
        """Return all listeners, oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(_LISTENERS).order_by(_LISTENERS.c.number)).all()
        return [Listener(row.number, row.callback, row.query, row.delivered, row.refused, row.lost) for row in rows]

    def told(self, number: int, event: int, *, refused: bool = False) -> None:
        """Note that a listener was told of all events up to `event`; `refused`: they would not take that one."""
        values = {"delivered": event, "refused": _LISTENERS.c.refused + refused}
        with self.database.write() as connection:
            connection.execute(update(_LISTENERS).where(_LISTENERS.c.number == number).values(**values))


def _check(callback: str) -> None:
    try:
        parts = urlsplit(callback)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # Its value is not repeated: it may hold a password.
    if not usable or not callback.isascii() or not callback.isprintable() or " " in callback:
        raise bad_body("callback is not an http(s) URL")
