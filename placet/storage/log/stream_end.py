"""The end of a stream, read and written by the driver itself: the two statements that every entry on the record costs.

SQLAlchemy runs the transaction around them. Its layers would take more time than the statements do, under Python's
global lock, for work that here is always the same: two texts, values in a fixed order, a row that is a tuple.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from placet.contracts.audit import AuditEvent


class _Statements(NamedTuple):
    last: str
    insert: str


_SQLITE: Final = _Statements(
    last="SELECT seq, hash, "
    "EXISTS (SELECT 1 FROM audit_event e WHERE e.stream = a.stream AND e.step_key = 'run.ended') "
    "FROM audit_event a WHERE stream = ? ORDER BY seq DESC LIMIT 1",
    insert="INSERT INTO audit_event "
    "(stream, seq, tenant, run_id, kind, actor, at, step_key, body, prev_hash, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
)
_POSTGRESQL: Final = _Statements(*(statement.replace("?", "%s") for statement in _SQLITE))
_CURSOR: Final = "placet_stream_end"


def last_place(connection: Connection, stream: str) -> tuple[int, str, bool] | None:
    """The `seq` and `hash` of the last entry of `stream`, and whether its run ended; None when there is no such stream.

    Raises:
        DBAPIError: as SQLAlchemy would say it; the transaction's owner translates it.
    """
    statement = _SQLITE.last if _is_sqlite(connection) else _POSTGRESQL.last
    place: tuple[int, str, bool] | None = _execute(connection, statement, (stream,)).fetchone()
    return place


def insert_entry(connection: Connection, event: AuditEvent, written: str) -> bool:
    """Insert `event` with its body as `written`, unless its place or its step is taken; return whether it was inserted.

    On PostgreSQL this waits for a concurrent transaction that holds the same key, so the answer is final.

    Raises:
        DBAPIError: as SQLAlchemy would say it; the transaction's owner translates it.
    """
    sqlite = _is_sqlite(connection)
    values = (
        event.stream,
        event.seq,
        event.tenant,
        event.run_id,
        event.kind,
        event.actor,
        _text(event.at) if sqlite else event.at,
        event.step_key,
        written,
        event.prev_hash,
        event.hash,
    )
    inserted: int = _execute(connection, (_SQLITE if sqlite else _POSTGRESQL).insert, values).rowcount
    return inserted == 1


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _text(at: datetime) -> str:
    # As `UtcDateTime` has SQLAlchemy store it: UTC without its offset, always with microseconds.
    return at.replace(tzinfo=None).isoformat(" ", "microseconds")


def _execute(connection: Connection, statement: str, values: tuple[object, ...]) -> Any:
    # One cursor for as long as the driver's connection lives: psycopg spends as long on making one as on using it.
    cursor: Any = connection.info.get(_CURSOR)
    if cursor is None:
        cursor = connection.info[_CURSOR] = connection.connection.cursor()
    try:
        cursor.execute(statement, values)
    except connection.dialect.loaded_dbapi.Error as error:
        gone = connection.dialect.is_disconnect(error, connection.connection.driver_connection, cursor)
        if gone:
            # SQLAlchemy must find that the connection is gone: its pool then gives up all that are as old.
            with suppress(DBAPIError):
                connection.exec_driver_sql(statement, values)
        raise DBAPIError(statement, None, error, connection_invalidated=gone) from error
    return cursor
