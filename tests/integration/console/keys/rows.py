"""Whoever writes rows."""

from sqlalchemy import create_engine, text

from tests.support.servers.console import ConsoleUnderTest


def change_rows(console: ConsoleUnderTest, statement: str, **values: object) -> int:
    """Write to the database beside the program; returns how many rows it was."""
    engine = create_engine(console.world.settings.database)
    with engine.begin() as connection:
        changed = connection.execute(text(statement), values).rowcount
    engine.dispose()
    return changed
