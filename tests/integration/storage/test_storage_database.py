"""A database that refuses is one clear line in Placet's own error tree, and nothing is half written."""

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from placet.errors import ConfigurationError, PlacetError, StorageError
from placet.storage.database import Database
from placet.storage.transaction import Transaction
from tests.integration.state.sending import recharge, take
from tests.support.databases import Postgres, migrated, outsider, sqlite_url

TEXT = "text/plain"


def test_a_sound_database_passes_its_check(database: Database) -> None:
    database.check()


def test_a_unit_of_work_that_raises_leaves_nothing(database: Database) -> None:
    def interrupted(tx: Transaction) -> None:
        tx.artifacts.put("acme", TEXT, b"half")
        raise RuntimeError("the worker stumbled")

    with pytest.raises(RuntimeError), database.transaction() as tx:
        interrupted(tx)
    with database.reading() as tx, pytest.raises(PlacetError, match="not in the store"):
        tx.artifacts.get("0" * 64)


def test_a_reading_transaction_cannot_write_and_the_next_writer_can(database: Database) -> None:
    with pytest.raises(StorageError) as refused, database.reading() as tx:
        tx.artifacts.put("acme", TEXT, b"no")
    assert refused.value.code == "storage_read_only"
    with database.transaction() as tx:
        digest = tx.artifacts.put("acme", TEXT, b"yes")
    with database.reading() as tx:
        assert tx.artifacts.get(digest) == b"yes"


def test_a_database_without_a_schema_says_so(empty_url: str) -> None:
    with Database(empty_url) as database:
        if empty_url.startswith("sqlite"):
            Path(empty_url.removeprefix("sqlite:///")).touch()
        with pytest.raises(StorageError) as refused, database.transaction() as tx:
            tx.artifacts.put("acme", TEXT, b"")
    assert refused.value.code == "storage_not_migrated"
    assert "run `placet migrate`" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_mistyped_sqlite_path_is_an_error_and_no_new_file(tmp_path: Path) -> None:
    with Database(sqlite_url(tmp_path)) as database, pytest.raises(StorageError) as refused:
        database.check()
    assert refused.value.code == "storage_unreachable"
    assert "unable to open database file" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    with Database(sqlite_url(tmp_path / "absent")) as database, pytest.raises(StorageError) as refused:
        database.migrate()
    assert refused.value.code == "storage_unreachable"
    assert "No such file or directory" in str(refused.value)


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with migrated(url) as database, database.transaction() as tx:
        tx.artifacts.put("acme", TEXT, b"a bill")
        modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


def test_every_commit_on_sqlite_reaches_the_disk(tmp_path: Path) -> None:
    with migrated(sqlite_url(tmp_path)) as database, database.transaction() as tx:
        settings = [
            tx.connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert settings == ["wal", 2, 1, 5000]


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, " * 100)
    with Database(f"sqlite:///{tmp_path / 'notes.txt'}") as database, pytest.raises(StorageError) as refused:
        database.check()
    assert refused.value.code == "storage_damaged"


def test_a_read_only_sqlite_database_fails_its_check_and_still_reads(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with migrated(url) as database, database.transaction() as tx:
        digest = tx.artifacts.put("acme", TEXT, b"kept")
    with Database(f"{url}?mode=ro") as database:
        with pytest.raises(StorageError) as refused:
            database.check()
        with database.reading() as tx:
            assert tx.artifacts.get(digest) == b"kept"
    assert refused.value.code == "storage_read_only"


def test_a_read_only_postgresql_database_fails_its_check(postgres_url: str) -> None:
    with outsider(postgres_url) as run:
        run(f"ALTER DATABASE {make_url(postgres_url).database} SET default_transaction_read_only = on")
    with Database(postgres_url) as database, pytest.raises(StorageError) as refused:
        database.check()
    assert refused.value.code == "storage_read_only"


def test_a_locked_sqlite_database_is_refused_in_time_and_works_again_after(database_url: str, tmp_path: Path) -> None:
    if not database_url.startswith("sqlite"):
        return _a_locked_postgresql_table_is_refused_in_time(database_url)
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Database(database_url, lock_timeout_s=0.05) as database:
            with pytest.raises(StorageError) as refused:
                database.check()
            other.execute("ROLLBACK")
            database.check()
    assert refused.value.code == "storage_locked"
    return None


def _a_locked_postgresql_table_is_refused_in_time(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE artifact IN ACCESS EXCLUSIVE MODE")
        with Database(url, lock_timeout_s=0.05) as database:
            with pytest.raises(StorageError) as refused, database.transaction() as tx:
                tx.artifacts.put("acme", TEXT, b"waits")
            other.rollback()
            with database.transaction() as tx:
                tx.artifacts.put("acme", TEXT, b"waits")
    assert refused.value.code == "storage_locked"


def test_a_second_writer_of_the_same_process_does_not_wait_for_ever(tmp_path: Path) -> None:
    migrated(sqlite_url(tmp_path)).close()
    url = f"sqlite:///{next(tmp_path.iterdir())}"
    with (
        Database(url, lock_timeout_s=0.05) as database,
        database.transaction(),
        pytest.raises(StorageError) as refused,
        database.transaction(),
    ):
        pass
    assert refused.value.code == "storage_locked"


def _use(database: Database, way: str) -> None:
    if way == "check":
        database.check()
        return
    with getattr(database, way)():
        pass


@pytest.mark.parametrize("way", ["check", "transaction", "reading", "snapshot"])
def test_a_server_that_is_not_there_is_one_clear_line_without_the_password(way: str) -> None:
    url = "postgresql://placet:hunter2@127.0.0.1:1/placet"
    with Database(url) as database, pytest.raises(StorageError) as refused:
        _use(database, way)
    assert refused.value.code == "storage_unreachable"
    assert "Connection refused" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_connection_that_the_server_ends_costs_one_attempt(postgres_url: str, postgres: Postgres) -> None:
    with Database(postgres_url, pool_size=1) as database:
        with database.transaction() as tx:
            tx.artifacts.put("acme", TEXT, b"before")
        with postgres.admin() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'placet' AND datname = %s",
                [make_url(postgres_url).database],
            )
        with pytest.raises(StorageError) as refused, database.transaction() as tx:
            tx.artifacts.put("acme", TEXT, b"during")
        with database.transaction() as tx:
            digest = tx.artifacts.put("acme", TEXT, b"after")
        with database.reading() as tx:
            assert tx.artifacts.get(digest) == b"after"
    assert refused.value.code == "storage_unreachable"
    assert refused.value.retryable


def test_a_pool_that_is_used_up_says_so(postgres_url: str) -> None:
    with (
        Database(postgres_url, pool_size=1, lock_timeout_s=0.05) as database,
        database.transaction(),
        pytest.raises(StorageError) as refused,
        database.transaction(),
    ):
        pass
    assert refused.value.code == "storage_overloaded"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "mysql://u:hunter2@h/d", "placet.db", ""],
)
def test_a_url_that_cannot_keep_a_record_is_refused_before_anything_connects(url: str) -> None:
    with pytest.raises(ConfigurationError, match="write it like") as refused:
        Database(url)
    assert refused.value.code == "database_url"
    assert "hunter2" not in str(refused.value)


def test_what_somebody_set_for_a_postgresql_database_changes_no_reading(postgres_url: str) -> None:
    name = make_url(postgres_url).database
    hostile = ("datestyle = 'German'", "client_encoding = 'SQL_ASCII'", "bytea_output = 'escape'", "timezone = 'X9'")
    with outsider(postgres_url) as run:
        for setting in hostile:
            run(f'ALTER DATABASE "{name}" SET {setting}')
    with Database(postgres_url) as database:
        with database.transaction() as tx:
            written = tx.audit.append(
                stream="s",
                tenant="demo",
                run_id=None,
                kind="plugin.violation",
                actor="x",
                step_key="x",
                at=datetime(2026, 3, 1, tzinfo=UTC),
                body={"said": "Größe"},
            )
        with database.reading() as tx:
            assert tx.audit.read("s") == [written]
            assert tx.audit.verify("s") == 1


@pytest.mark.parametrize("reading", ["reading", "snapshot", "transaction"])
def test_after_a_row_that_the_driver_cannot_decode_the_next_reader_sees_the_present(
    database: Database, reading: str
) -> None:
    if not database.name.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps no text that is not UTF-8")
    take(database, *(recharge(number) for number in range(5)))
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_event SET content = CAST(X'ff' AS TEXT) WHERE event_id = 'r3'"))
    kept = []  # as a log or a page keeps what went wrong
    for _ in range(3):
        with pytest.raises(StorageError) as caught, getattr(database, reading)() as tx:
            tx.events.of_customer("demo", "C00001")
        kept.append(caught.value)
    for number in range(10, 13):
        take(database, recharge(number))
        for _ in range(4):
            with database.reading() as tx:
                assert tx.events.content("demo", "bss", f"r{number}") is not None
