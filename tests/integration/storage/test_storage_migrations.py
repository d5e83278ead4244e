"""The schema goes up and down on both databases, and is what the models say."""

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from placet.errors import StorageError
from placet.storage.database import Database
from placet.storage.sql import migration
from placet.storage.sql.migration import HEAD
from placet.storage.tables import metadata
from placet.storage.tables.base import WHERE
from tests.support.databases import together
from tests.support.logs import TENANT, identity, record, sequencer, verified

FIRST = ["alembic_version", "approver_key", "artifact", "audit_event", "decision_use", "effect", "run"]
NEWER = ["control_run", "delegation", "halt", "mandate", "mandate_use", "notification"]
ROLLOUTS = ["journey", "outcome", "rollout", "rollout_member"]
CONSOLE = ["console_prompt", "console_session", "delivery", "invitation"]
STATE = ["customer_changed", "customer_event", "customer_key", "customer_merge", "customer_state", "dead_letter"]
KPIS = ["kpi_count", "kpi_household", "kpi_part", "kpi_sum"]
LOG = ["log_checkpoint", "log_entry", "log_lease", "log_node"]
TABLES = sorted([*FIRST, *NEWER, *CONSOLE, *STATE, *KPIS, *ROLLOUTS, *LOG, "erasure"])


def test_the_revision_that_is_needed_is_the_newest_there_is() -> None:
    scripts = Path(migration.__file__).parents[1] / "migrations"
    assert ScriptDirectory(str(scripts), recursive_version_locations=True).get_current_head() == HEAD


def test_migrations_go_up_down_and_up_again(empty_url: str) -> None:
    with Database(empty_url) as database:
        database.migrate()
        assert database.revision() == HEAD
        assert _tables(empty_url) == TABLES

        database.downgrade("base")
        assert database.revision() is None
        assert _tables(empty_url) == ["alembic_version"]

        database.migrate()
        database.check()
        assert _tables(empty_url) == TABLES


def test_the_merkle_log_comes_and_goes_without_touching_the_record(empty_url: str, tmp_path: Path) -> None:
    who = identity(tmp_path)
    with Database(empty_url) as database:
        database.migrate()
        events = record(database, 5)
        before = sequencer(database, who).advance()

        database.downgrade("0001")
        assert _tables(empty_url) == FIRST
        with database.reading() as tx:
            assert [event for _, event in tx.audit.tail(TENANT)] == events

        database.migrate()
        assert sequencer(database, who).advance() == before
        assert verified(database, who).entries == 5


def test_a_log_from_before_places_were_found_by_position_goes_on_where_it_was(empty_url: str, tmp_path: Path) -> None:
    who = identity(tmp_path)
    with Database(empty_url) as database:
        database.migrate()
        database.downgrade("0007")
        record(database, 5)
        before = sequencer(database, who).advance()

        database.migrate()
        assert verified(database, who).entries == 5
        with database.reading() as tx:
            assert tx.checkpoints.newest(TENANT) == before.note
        record(database, 3, first=5)
        assert sequencer(database, who).advance().integrated == 3
        assert verified(database, who).entries == 8


def test_models_and_migrations_agree(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    engine.dispose()
    assert differences == []


def test_each_index_covers_the_rows_that_its_declaration_says(database_url: str) -> None:
    declared = {index.name: index.info.get(WHERE) for table in metadata.tables.values() for index in table.indexes}
    engine = create_engine(database_url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
        else:
            found = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes"))
        conditions = {name: (sql or "").partition(" WHERE ")[2] for name, sql in found}
    engine.dispose()
    assert [name for name, where in declared.items() if bool(where) != bool(conditions[name])] == []
    for name, where in declared.items():
        # PostgreSQL writes a condition in its own words; the values that it compares with stay as they are.
        words = re.findall(r"'[a-z_.]+'|[0-9]+", where or "")
        assert words == re.findall(r"'[a-z_.]+'|[0-9]+", conditions[name]), name


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    with Database(database_url) as database:
        database.migrate()
        assert database.revision() == HEAD


def test_processes_that_migrate_at_once_do_not_collide(empty_url: str) -> None:
    def migrate(_: int) -> str | None:
        with Database(empty_url) as database:
            database.migrate()
            return database.revision()

    assert together(4, migrate) == [HEAD] * 4


def test_check_names_the_revision_an_old_database_is_at(database_url: str) -> None:
    with Database(database_url) as database:
        database.downgrade("base")
        with pytest.raises(StorageError, match=r"schema revision None, this version needs") as refused:
            database.check()
    assert refused.value.code == "storage_not_migrated"


def _tables(url: str) -> list[str]:
    engine = create_engine(url)
    names = sorted(inspect(engine).get_table_names())
    engine.dispose()
    return names
