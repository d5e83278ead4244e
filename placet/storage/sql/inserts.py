"""INSERT that steps aside for a row already there, in both dialects."""

from functools import cache

from sqlalchemy import Insert, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from placet.storage.sql.driver import Connection


def insert_if_absent(connection: Connection, table: Table, values: dict[str, object]) -> bool:
    """Insert one row unless any unique key of `table` is taken; return whether it was inserted.

    On PostgreSQL this waits for a concurrent transaction that holds the same key, so the answer is final.
    """
    return connection.execute(_statement(connection.dialect.name, table), values).rowcount == 1


@cache
def _statement(dialect: str, table: Table) -> Insert:
    insert = postgresql_insert if dialect == "postgresql" else sqlite_insert
    # `inline` spares the RETURNING of a generated id that nobody reads. SQLAlchemy forgets how many rows an
    # INSERT touched once its cursor is closed, unless told to keep it.
    return insert(table).on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True)
