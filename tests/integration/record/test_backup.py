"""A backup is of one moment, proves itself, and comes back whole into any database, or not at all."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from placet.errors import ConfigurationError, GovernanceError, PlacetError, UsageError
from placet.service.keeping import backups
from placet.service.keeping.backup_file import open_keys, seal_keys, verify_file
from placet.service.keeping.backups import mark_restored, restore_backup, take_backup
from placet.service.keeping.log import signed_head
from placet.storage.copying import copied_tables, read_rows
from placet.storage.database import Database
from placet.storage.governance.controls import ControlRecord
from placet.storage.sql.driver import Connection
from tests.support.databases import disarm, migrated, sqlite_url
from tests.support.logs import AT, TENANT, identity, record, run_id, verified

NAME = "placet.example"


def filled(database: Database, folder: Path) -> None:
    """Two tenants' records, one signed, with artifacts of all kinds of bytes."""
    record(database, 7)
    record(database, 3, tenant="other")
    with database.transaction() as tx:
        for data in (b"", b"\x00\xff\x80", "Grüße \u202e".encode(), b"x" * 100_000):
            tx.artifacts.put(TENANT, "application/octet-stream", data)
    signed_head(database, identity(folder), TENANT)
    record(database, 2, first=7)


def content(database: Database) -> dict[str, list[list[Any]]]:
    with database.snapshot() as tx:
        return {name: list(read_rows(tx.connection, table)) for name, table in copied_tables().items()}


def restored(database: Database, file: Path, folder: Path) -> Any:
    return restore_backup(database, file, NAME, identity(folder).trusted)


@pytest.fixture
def backup(database: Database, tmp_path: Path) -> Path:
    filled(database, tmp_path)
    file = tmp_path / "first.backup"
    take_backup(database, file, identity(tmp_path), None)
    return file


def test_a_backup_comes_back_whole_in_either_kind_of_database(
    database: Database, empty_url: str, backup: Path, tmp_path: Path
) -> None:
    before = content(database)
    assert backup.stat().st_mode & 0o077 == 0
    with migrated(empty_url) as target:
        found = restored(target, backup, tmp_path)
        assert content(target) == before
        assert (found.tenants, found.streams, found.entries, found.checkpoints, found.artifacts) == (
            (TENANT, "other"), 6, 12, 1, 4
        )  # fmt: skip
        record(target, 5, first=20)  # it goes on where it stopped, and a second restore is refused
        signed_head(target, identity(tmp_path), TENANT)
        assert verified(target, identity(tmp_path)).entries == 14
        with pytest.raises(UsageError, match="the database is not empty: table 'artifact' has rows"):
            restored(target, backup, tmp_path)


def test_nothing_more_leaves_after_a_restore_until_a_person_says_so(
    database: Database, backup: Path, tmp_path: Path
) -> None:
    with migrated(sqlite_url(tmp_path)) as target:
        mark_restored(target, restored(target, backup, tmp_path), by="olga", halt=True, agents=("retention",))
        with target.reading() as tx:
            for tenant in (TENANT, "other"):
                halt = tx.halts.in_force(tenant, agent="retention", kind="adjust_balance")
                assert halt is not None
                assert halt.reason.startswith("restored from a backup of ")
                kinds = [entry.kind for entry in tx.audit.read(f"tenant/{tenant}")]
                assert kinds[0] == "record.restored"


def test_rows_that_come_meanwhile_are_in_all_of_a_backup_or_none(database: Database, tmp_path: Path) -> None:
    filled(database, tmp_path)
    with database.snapshot() as tx:
        first = list(read_rows(tx.connection, copied_tables()["audit_event"]))
        record(database, 1, first=50)
        assert list(read_rows(tx.connection, copied_tables()["audit_event"])) == first


def changed(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(change(lines))))


def row_edited(lines: list[bytes]) -> list[bytes]:
    at = next(number for number, line in enumerate(lines) if b'"agent:retention"' in line)
    return [*lines[:at], lines[at].replace(b"agent:retention", b"agent:retentiom"), *lines[at + 1 :]]


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "edited": (row_edited, "was changed: its digest is not the one signed"),
    "cut": (lambda lines: lines[:-1], "its end is missing"),
    "shortened": (lambda lines: lines[:5] + lines[6:], "was changed"),
    "continued": (lambda lines: [*lines, b"[]\n"], "something follows its signature"),
    "other": (lambda _: [b"{}\n"], "is not a whole backup"),
    "garbage": (lambda _: [b"\xff\xfe"], "is not a whole backup"),
    "nested": (lambda _: [b"[" * 200_000], "is not a whole backup"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_backup_that_was_changed_is_refused_before_anything_is_restored(tmp_path: Path, how: str) -> None:
    with migrated(sqlite_url(tmp_path)) as database:
        filled(database, tmp_path)
        file = tmp_path / "first.backup"
        take_backup(database, file, identity(tmp_path), None)
    change, said = CHANGES[how]
    changed(file, change)
    (tmp_path / "new").mkdir()
    with migrated(sqlite_url(tmp_path / "new")) as target:
        with pytest.raises(PlacetError, match=said):
            restored(target, file, tmp_path)
        assert not any(content(target).values())


def test_a_backup_with_a_damaged_byte_or_swapped_while_it_is_read_restores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with migrated(sqlite_url(tmp_path)) as database:
        filled(database, tmp_path)
        file, later = tmp_path / "first.backup", tmp_path / "later.backup"
        take_backup(database, file, identity(tmp_path), None)
        with database.transaction() as tx:
            tx.runs.set_detail(run_id(0), "all is well", at=AT)
        take_backup(database, later, identity(tmp_path), None)
    whole = file.read_bytes()
    (tmp_path / "new").mkdir()
    with migrated(sqlite_url(tmp_path / "new")) as target:
        for place in range(20, len(whole), 97):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
            with pytest.raises(PlacetError, match=r"is not a whole backup|was changed|cannot read backup"):
                restored(target, file, tmp_path)
        file.write_bytes(whole)

        def swapped(path: Path, opened: Callable[[str], str]) -> Any:
            verified = verify_file(path, opened)
            later.replace(path)
            return verified

        monkeypatch.setattr(backups, "verify_file", swapped)
        with pytest.raises(GovernanceError, match="was changed while it was read"):
            restored(target, file, tmp_path)
        assert not any(content(target).values())


def test_a_backup_of_a_record_that_was_tampered_with_is_not_restored(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with migrated(url) as database:
        filled(database, tmp_path)
        disarm(url, "audit_event")
        with database.transaction() as tx:
            _run(tx.connection, "UPDATE audit_event SET body = '{\"n\":99}' WHERE seq = 2")
        file = tmp_path / "first.backup"
        take_backup(database, file, identity(tmp_path), None)
    (tmp_path / "new").mkdir()
    with migrated(sqlite_url(tmp_path / "new")) as target:
        with pytest.raises(GovernanceError, match="broken at entry 2"):
            restored(target, file, tmp_path)
        assert not any(content(target).values())


def test_a_backup_whose_tables_say_other_than_its_record_is_not_restored(tmp_path: Path) -> None:
    file = tmp_path / "edited.backup"
    with migrated(sqlite_url(tmp_path)) as database:
        filled(database, tmp_path)
        with database.transaction() as tx:
            tx.controls.seed(
                ControlRecord(run_id=run_id(0), tenant=TENANT, flaw="too_much", seeded_by="mallory", seeded_at=AT)
            )
        take_backup(database, file, identity(tmp_path), None)
    with migrated(sqlite_url(tmp_path)) as target:
        with pytest.raises(GovernanceError, match=r"control_run .*no 'control.seeded' of it is on the record") as found:
            restored(target, file, tmp_path)
        assert found.value.code == "projection_differs"
        assert not any(content(target).values())


def test_a_backup_that_somebody_else_signed_is_refused(backup: Path, tmp_path: Path) -> None:
    with migrated(sqlite_url(tmp_path)) as target, pytest.raises(GovernanceError, match="not signed by a key"):
        restored(target, backup, tmp_path / "elsewhere")


def test_a_backup_never_replaces_a_file(database: Database, backup: Path, tmp_path: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(ConfigurationError, match="exists"):
        take_backup(database, backup, identity(tmp_path), None)
    assert backup.read_bytes() == before


def test_keys_in_a_backup_open_with_the_passphrase_alone() -> None:
    keys = {"payload.key": b"00" * 32, "log.pem": b"pem"}
    sealed = seal_keys(keys, "correct horse")
    assert b"pem" not in json.dumps(sealed).encode()
    assert open_keys(sealed, "correct horse") == keys
    with pytest.raises(ConfigurationError, match="wrong passphrase"):
        open_keys(sealed, "wrong")
    with pytest.raises(ConfigurationError, match="passphrase is empty"):
        seal_keys(keys, "")


def test_a_drill_needs_nothing_but_the_file_and_the_passphrase(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from placet.entrypoints.main import Tools
    from placet.entrypoints.settings import Settings
    from placet.interfaces.cli.app import run

    def placet(home: str, *arguments: str) -> tuple[int, str]:
        tools = Tools()
        tools.settings = Settings(home=tmp_path / home, log_name=NAME)
        code = run(arguments, tools)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", "correct horse")
    file = str(tmp_path / "first.backup")
    (tmp_path / "here").mkdir()
    with migrated(f"sqlite:///{tmp_path / 'here' / 'placet.db'}") as database:
        filled(database, tmp_path / "here")
    (tmp_path / "here" / "payload.key").write_text("00" * 32)
    (tmp_path / "here" / "payload.key").chmod(0o600)
    assert placet("here", "backup", file, "--with-keys")[0] == 0
    code, said = placet("there", "restore", "--drill", file)
    assert (code, "restored, verified and thrown away" in said) == (0, True)
    assert not (tmp_path / "there" / "placet.db").exists()
    code, said = placet("there", "restore", file)
    assert (code, "executions are halted" in said) == (0, True)
    assert "no key of tenant" in said
    assert (tmp_path / "there" / "payload.key").read_text() == "00" * 32
    assert identity(tmp_path / "there").trusted == identity(tmp_path / "here").trusted
    assert placet("there", "audit", "verify")[0] == 0
    monkeypatch.delenv("PLACET_KEY_PASSPHRASE")
    code, said = placet("here", "restore", "--drill", file)
    assert (code, "the keys in the backup were not tried" in said) == (0, True)
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", "wrong")
    for home in ("nowhere", "here"):
        code, said = placet(home, "restore", "--drill", file)
        assert (code, "wrong passphrase" in said) == (1, True)


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement.replace(":", r"\:")))
