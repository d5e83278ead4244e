"""Bring a database to a revision of the schema, all or nothing, one process at a time."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

# Alembic keeps the migration under way in module globals: two threads would migrate each other's databases.
_ONE_AT_A_TIME = threading.Lock()
_SCRIPTS = Path(__file__).parent / "migrations"

# Any constant will do, as long as every Placet process asks for the same one.
_MIGRATION_LOCK = 0x706C6163

LOCK_TIMEOUT_S = 60
"""How long a process waits for another that is migrating the same database."""


def head() -> str:
    """The revision this version of Placet needs."""
    revision = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    if revision is None:
        raise RuntimeError(f"no migrations in {_SCRIPTS}: the installation is incomplete")
    return revision


def current(connection: Connection) -> str | None:
    """The revision `connection`'s database is at, None when it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> None:
    """Migrate to `head()` inside the transaction of `connection`."""
    with _ONE_AT_A_TIME:
        command.upgrade(_config(connection), "head")


def downgrade(connection: Connection, revision: str) -> None:
    """Go back to `revision` (`base`: no schema at all); what it did not have is dropped with its rows."""
    with _ONE_AT_A_TIME:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    if connection.dialect.name == "postgresql":
        # Building an index may outlast the timeouts that suit a run's small transactions.
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
