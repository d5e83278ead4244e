"""The end of a stream: the two statements that every entry on the record costs."""

from sqlalchemy import bindparam, exists, select, text

from placet.contracts.audit import ENDED, AuditEvent
from placet.contracts.text import NAME, shortened
from placet.errors import GovernanceError
from placet.governance.log.chain import BROKEN
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import AUDIT

_ENTRY = AUDIT.alias("ending")
_LAST = (
    select(
        AUDIT.c.seq,
        AUDIT.c.hash,
        exists().where(_ENTRY.c.stream == AUDIT.c.stream, _ENTRY.c.step_key == text(f"'{ENDED}'")).label("ended"),
    )
    .where(AUDIT.c.stream == bindparam("stream"))
    .order_by(AUDIT.c.seq.desc())
    .limit(1)
)


def last_place(connection: Connection, stream: str) -> tuple[int, str, bool] | None:
    """Return `seq` and `hash` of the last entry of `stream`, and whether its run ended; None where there is none.

    Raises:
        GovernanceError: code `audit_broken`; its last entry has no number: SQLite takes any value there.
    """
    place = connection.execute(_LAST, {"stream": stream}).one_or_none()
    if place is None:
        return None
    if not isinstance(place[0], int):
        raise GovernanceError(
            f"audit stream {stream!r} is broken at its last entry: {shortened(repr(place[0]), NAME)} is no number",
            code=BROKEN,
        )
    return place[0], place[1], bool(place[2])


def insert_entry(connection: Connection, event: AuditEvent, written: str) -> bool:
    """Insert `event` with its body as `written`, unless its place or its step is taken; return whether it was inserted.

    On PostgreSQL this waits for a concurrent transaction that holds the same key, so the answer is final.
    """
    return insert_if_absent(connection, AUDIT, {**dict(event), "body": written})
