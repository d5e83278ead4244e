"""What the schema refuses by itself: who takes it away, by hand or by a dump loaded without it, is named."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from placet.storage.database import Database


@pytest.fixture
def owner(database_url: str) -> Iterator[Connection]:
    """Who owns the database, past all of ours; every statement counts at once."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def weakened(url: str) -> tuple[str, ...]:
    with Database(url) as database:
        return database.weakened()


def changed(table: str) -> tuple[str, ...]:
    return (f"the triggers of table “{table}” are not those of this version",)


def test_a_fresh_database_refuses_all_that_this_version_makes(database_url: str) -> None:
    assert weakened(database_url) == ()


def test_a_trigger_that_is_gone_or_foreign_is_named(database_url: str, owner: Connection) -> None:
    postgres = owner.dialect.name == "postgresql"
    if postgres:
        function = "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
        owner.execute(text(function))
        made = "CREATE TRIGGER x BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION away()"
    else:
        made = "CREATE TRIGGER x BEFORE INSERT ON {} BEGIN SELECT RAISE(IGNORE); END"
    on = {table: f" ON {table}" if postgres else "" for table in ("audit_event", "log_lease", "halt")}
    owner.execute(text(made.format("audit_event")))
    assert weakened(database_url) == changed("audit_event")
    owner.execute(text(f"DROP TRIGGER x{on['audit_event']}"))
    assert weakened(database_url) == ()
    owner.execute(text(f"DROP TRIGGER audit_event_no_update{on['audit_event']}"))
    assert weakened(database_url) == changed("audit_event")
    owner.execute(text(made.format("log_lease")))  # a table that has none of ours
    assert weakened(database_url) == (*changed("audit_event"), *changed("log_lease"))


def test_a_table_without_any_of_its_triggers_is_named(database_url: str, owner: Connection) -> None:
    postgres = owner.dialect.name == "postgresql"
    names = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'halt'::regclass"
        if postgres
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'halt'"
    )
    for name in owner.scalars(text(names)).all():
        owner.execute(text(f"DROP TRIGGER {name}{' ON halt' if postgres else ''}"))
    assert weakened(database_url) == ("table 'halt' has lost its triggers",)


def test_a_unique_key_that_is_gone_is_named(database_url: str, owner: Connection) -> None:
    if owner.dialect.name == "postgresql":
        (name,) = owner.scalars(
            text("SELECT conname FROM pg_constraint WHERE conrelid = 'audit_event'::regclass AND contype = 'u' LIMIT 1")
        )
        owner.execute(text(f"ALTER TABLE audit_event DROP CONSTRAINT {name}"))
    else:
        owner.execute(text("ALTER TABLE mandate_use RENAME TO taken"))
        owner.execute(text("CREATE TABLE mandate_use AS SELECT * FROM taken"))
    found = weakened(database_url)
    assert any("has lost its unique key on " in line for line in found), found


@pytest.mark.parametrize(
    ("done", "table"),
    [
        ("ALTER TABLE audit_event DISABLE TRIGGER USER", "audit_event"),
        ("CREATE RULE x AS ON INSERT TO audit_event DO INSTEAD NOTHING", "audit_event"),
        (
            "CREATE OR REPLACE FUNCTION placet_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "",
        ),
    ],
)
def test_what_postgresql_has_besides_is_named(postgres_url: str, done: str, table: str) -> None:
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(done))
    engine.dispose()
    found = weakened(postgres_url)
    assert found == changed(table) if table else len(found) > 10


def test_triggers_that_are_off_for_a_role_are_named(postgres_url: str) -> None:
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET session_replication_role = replica"))
    engine.dispose()
    assert weakened(postgres_url) == ("session_replication_role is 'replica', so that no trigger fires",)
