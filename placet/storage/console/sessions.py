"""Sessions of the console's browsers, as rows. What a row is worth is for whoever knows the key of its seal."""

from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import bindparam, delete, insert, select, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.sql.reading import read_as
from placet.storage.tables import CONSOLE_SESSION

_TABLE = CONSOLE_SESSION
_THIS = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.session_sha256 == bindparam("id"))
_ADD = insert(_TABLE)
_GET = select(_TABLE).where(*_THIS)
_SEEN = update(_TABLE).where(*_THIS)
_END = delete(_TABLE).where(*_THIS)
_LIVE = select(_TABLE).where(
    _TABLE.c.tenant == bindparam("of_tenant"),
    _TABLE.c.began_at > bindparam("began_after"),
    _TABLE.c.seen_at > bindparam("seen_after"),
)
_FORGET = delete(_TABLE).where(_TABLE.c.began_at < bindparam("before"))


class SessionRow(Frozen):
    """One row.

    Attributes:
        session_sha256: SHA-256 of what the cookie holds.
        token_id: The token that it was begun with, or
        key_id: the passkey that it was begun with; one of them.
        seal: Authenticates all other fields.
    """

    tenant: str
    session_sha256: bytes
    token_id: str | None = None
    key_id: str | None = None
    began_at: AwareDatetime
    seen_at: AwareDatetime
    seal: bytes


class SessionRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: SessionRow) -> None:
        """Keep a new session."""
        self._connection.execute(_ADD, dict(row))

    def get(self, tenant: str, session_sha256: bytes) -> SessionRow | None:
        """Return the row; None where there is none."""
        found = self._connection.execute(_GET, {"of_tenant": tenant, "id": session_sha256}).mappings().one_or_none()
        return None if found is None else read_as(SessionRow, _TABLE.name, found["began_at"], found)

    def live(self, tenant: str, *, began_after: datetime, seen_after: datetime) -> tuple[SessionRow, ...]:
        """Return the rows of a tenant that began, and were used, after these times; the newest use first."""
        given = {"of_tenant": tenant, "began_after": began_after, "seen_after": seen_after}
        found = self._connection.execute(_LIVE.order_by(_TABLE.c.seen_at.desc()), given).mappings()
        return tuple(read_as(SessionRow, _TABLE.name, row["began_at"], row) for row in found)

    def seen(self, row: SessionRow) -> None:
        """Note when the session was used last. One that was ended meanwhile stays ended."""
        values = {"of_tenant": row.tenant, "id": row.session_sha256, "seen_at": row.seen_at, "seal": row.seal}
        self._connection.execute(_SEEN, values)

    def end(self, tenant: str, session_sha256: bytes) -> None:
        """Take a session away; one that is not there is no fault."""
        self._connection.execute(_END, {"of_tenant": tenant, "id": session_sha256})

    def forget(self, before: datetime) -> None:
        """Take away the sessions that began before a time."""
        self._connection.execute(_FORGET, {"before": before})
