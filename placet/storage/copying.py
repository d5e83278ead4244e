"""Copying a whole database, row by row, out of one and into another, of whichever kind.

The rows are read in one snapshot and written in one transaction, so that a copy is of one moment and comes whole or not
at all. Values are what JSON can hold: times as ISO 8601, bytes as base64.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, func, insert, literal, select, text

from placet.errors import GovernanceError, UsageError
from placet.storage.sql.driver import Connection
from placet.storage.tables import (
    CONSOLE_PROMPT,
    CONSOLE_SESSION,
    DELIVERY,
    INVITATION,
    LOG_LEASE,
    UtcDateTime,
    metadata,
)

# Who holds a log, or is signed in, at the moment says nothing about tomorrow.
_LEFT_OUT = frozenset({LOG_LEASE.name, CONSOLE_SESSION.name, CONSOLE_PROMPT.name, DELIVERY.name, INVITATION.name})
_BATCH = 500

Row = list[Any]


def copied_tables() -> Mapping[str, Table]:
    """Return the tables that a copy holds, by name."""
    return {table.name: table for table in metadata.sorted_tables if table.name not in _LEFT_OUT}


def read_rows(connection: Connection, table: Table) -> Iterator[Row]:
    """Yield every row of `table` in the order of its key, as values for JSON.

    Raises:
        GovernanceError: code `artifact_broken`; a column holds what it cannot.
    """
    columns = list(table.columns)
    for row in connection.stream(select(table).order_by(*table.primary_key.columns)):
        yield [_written(table, column, value) for column, value in zip(columns, row, strict=True)]


def write_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterator[Row]) -> int:
    """Insert rows as `read_rows` gave them; returns how many.

    Raises:
        UsageError: code `backup_malformed`; they do not fit the table.
    """
    if list(columns) != [column.name for column in table.columns]:
        raise _malformed(table, "its columns are others")
    written = 0
    batch: list[dict[str, Any]] = []
    for row in rows:
        if len(row) != len(columns):
            raise _malformed(table, f"a row has {len(row)} values")
        values = zip(table.columns, row, strict=True)
        batch.append({column.name: _read(table, column, value) for column, value in values})
        if len(batch) == _BATCH:
            written += _insert(connection, table, batch)
    return written + _insert(connection, table, batch)


def check_empty(connection: Connection) -> None:
    """Make sure that no table holds a row.

    Raises:
        UsageError: code `not_empty`, naming the first that does.
    """
    for table in copied_tables().values():
        if connection.execute(select(literal(1).label("one")).select_from(table).limit(1)).all():
            raise UsageError(
                f"the database is not empty: table {table.name!r} has rows; restore into a new one", code="not_empty"
            )


def go_on_counting(connection: Connection) -> None:
    """Let PostgreSQL hand out row numbers after the highest that was copied; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in copied_tables().values():
        for column in table.columns:
            if column.identity is not None:
                highest = select(func.max(column)).scalar_subquery()
                sequence = func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))


def take_time(connection: Connection) -> None:
    """Lift the time-outs that suit a run's small transactions, for this transaction."""
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {name} = 0"))


def _insert(connection: Connection, table: Table, batch: list[dict[str, Any]]) -> int:
    if batch:
        connection.execute(insert(table), batch)
    count = len(batch)
    batch.clear()
    return count


def _written(table: Table, column: Column[Any], value: Any) -> Any:
    if value is None or isinstance(column.type, UtcDateTime):
        return None if value is None else value.isoformat()
    if isinstance(column.type, LargeBinary):
        if not isinstance(value, bytes):
            raise GovernanceError(
                f"table {table.name!r} was altered: column {column.name!r} holds {type(value).__name__}, not bytes",
                code="artifact_broken",
            )
        return base64.b64encode(value).decode()
    return value


def _read(table: Table, column: Column[Any], value: Any) -> Any:
    try:
        if value is None:
            return None
        if isinstance(column.type, UtcDateTime):
            return datetime.fromisoformat(value)
        if isinstance(column.type, LargeBinary):
            return base64.b64decode(value, validate=True)
    except (ValueError, TypeError) as error:
        raise _malformed(table, f"{column.name!r} is {value!r:.60}") from error
    return value


def _malformed(table: Table, why: str) -> UsageError:
    return UsageError(f"the backup does not fit table {table.name!r}: {why}", code="backup_malformed")
