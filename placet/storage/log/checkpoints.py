"""The checkpoints an installation signed: one for each size of a log, never changed."""

from datetime import datetime

from sqlalchemy import bindparam, select

from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import LOG_CHECKPOINT

_OF_TENANT = LOG_CHECKPOINT.c.tenant == bindparam("tenant")
_NEWEST = select(LOG_CHECKPOINT.c.note).where(_OF_TENANT).order_by(LOG_CHECKPOINT.c.size.desc()).limit(1)
_AT = select(LOG_CHECKPOINT.c.note).where(_OF_TENANT, LOG_CHECKPOINT.c.size == bindparam("size"))
_PAGE = (
    select(LOG_CHECKPOINT.c.size, LOG_CHECKPOINT.c.note)
    .where(_OF_TENANT, LOG_CHECKPOINT.c.size > bindparam("after"))
    .order_by(LOG_CHECKPOINT.c.size)
    .limit(bindparam("limit"))
)


class CheckpointRepository:
    """Signed heads, as notes. Whoever reads one verifies it. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(self, tenant: str) -> str | None:
        """Return the signed note for the largest size; None when nothing was signed yet."""
        note: str | None = self._connection.scalar(_NEWEST, {"tenant": tenant})
        return note

    def add(self, tenant: str, size: int, note: str, at: datetime) -> str:
        """Store a note and return the one that stands for this size: the first."""
        same = {"tenant": tenant, "size": size}
        stored: str | None = self._connection.scalar(_AT, same)
        if stored is None and not insert_if_absent(
            self._connection, LOG_CHECKPOINT, {**same, "note": note, "signed_at": at}
        ):
            stored = self._connection.scalar(_AT, same)
        return stored or note

    def page(self, tenant: str, after: int, limit: int) -> list[tuple[int, str]]:
        """Return size and note of the checkpoints for sizes above `after`, smallest first."""
        rows = self._connection.execute(_PAGE, {"tenant": tenant, "after": after, "limit": limit})
        return [(size, note) for size, note in rows]
