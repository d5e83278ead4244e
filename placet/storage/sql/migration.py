"""Bring a database to a revision of the schema, all or nothing, one process at a time."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic keeps the migration under way in module globals: two threads would migrate each other's databases.
_ONE_AT_A_TIME = threading.Lock()
_SCRIPTS = Path(__file__).parent.parent / "migrations"

# Any constant will do, as long as every Placet process asks for the same one.
_MIGRATION_LOCK = 0x706C6163

LOCK_TIMEOUT_S = 60
"""How long a process waits for another that is migrating the same database."""


HEAD = "0027"
"""The revision this version of Placet needs. A constant, so that a command need not load Alembic to compare it."""


def current(connection: Connection) -> str | None:
    """Return the revision of `connection`'s database; None when it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revisions = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    return ", ".join(revisions) or None


def upgrade(connection: Connection) -> None:
    """Migrate to `HEAD` inside the transaction of `connection`."""
    if current(connection) == HEAD:
        return
    from alembic import command

    with _ONE_AT_A_TIME:
        command.upgrade(_config(connection), HEAD)


def downgrade(connection: Connection, revision: str) -> None:
    """Go back to `revision` (`base`: no schema at all); what it did not have is dropped with its rows."""
    from alembic import command

    with _ONE_AT_A_TIME:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        # Building an index may outlast the timeouts that suit a run's small transactions.
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("recursive_version_locations", "true")  # the folder has rooms
    config.attributes["connection"] = connection
    return config
