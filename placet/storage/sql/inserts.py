"""INSERT that steps aside for a row already there, in both dialects."""

from functools import cache

from sqlalchemy import Insert, Table

from placet.storage.sql.driver import Connection


def insert_if_absent(connection: Connection, table: Table, values: dict[str, object]) -> bool:
    """Insert one row unless any unique key of `table` is taken; return whether it was inserted.

    On PostgreSQL this waits for a concurrent transaction that holds the same key, so the answer is final.
    """
    return connection.execute(_statement(connection.dialect.name, table), values).rowcount == 1


@cache
def _statement(dialect: str, table: Table) -> Insert:
    # `inline` spares the RETURNING of a generated id that nobody reads. SQLAlchemy forgets how many rows an
    # INSERT touched once its cursor is closed, unless told to keep it.
    return _insert(dialect, table).inline().execution_options(preserve_rowcount=True)


def _insert(dialect: str, table: Table) -> Insert:
    # Only the dialect in use is loaded: the other one costs every command 30 ms.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table).on_conflict_do_nothing()
