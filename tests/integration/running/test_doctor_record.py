"""`placet doctor` about the database and the signed log: unmigrated, locked, unguarded, unsigned, not extended."""

import sqlite3
from contextlib import closing
from pathlib import Path

from placet.doctor.diagnosis import diagnose
from placet.governance.log.key import load_or_create_log_identity
from placet.service.keeping.log import signed_head
from tests.integration.running.diagnosing import of, one, untouched
from tests.support.databases import Postgres, disarm, migrated, outsider
from tests.support.logs import identity, record


def test_a_database_that_was_not_migrated_is_a_problem_where_a_person_must_migrate_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    (tmp_path / "placet.db").touch()
    embedded = one(diagnose(untouched(tmp_path)), "database")
    assert (embedded.level, embedded.advice) == ("info", "")
    url = postgres.url(postgres.new_database())
    found = one(diagnose(untouched(tmp_path, database_url=url)), "database")
    assert (found.level, found.advice) == ("problem", "run `placet migrate`")


def test_a_locked_database_is_a_problem(tmp_path: Path) -> None:
    migrated(f"sqlite:///{tmp_path / 'placet.db'}").close()
    with closing(sqlite3.connect(tmp_path / "placet.db")) as holder:
        holder.execute("BEGIN IMMEDIATE")
        found = one(diagnose(untouched(tmp_path)), "database")
    assert found.level == "problem"
    assert "is locked by another process" in found.detail


def test_a_database_that_refuses_less_than_it_should_is_a_problem(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'placet.db'}"
    migrated(url).close()
    assert one(diagnose(untouched(tmp_path)), "database").level == "ok"
    disarm(url, "audit_event")
    known, lost = of(diagnose(untouched(tmp_path)), "database")
    assert (known.level, lost.level) == ("ok", "problem")
    assert lost.detail == "table 'audit_event' has lost its triggers"
    assert "placet audit verify" in lost.advice


def test_a_log_key_that_did_not_sign_the_newest_checkpoint_is_a_problem(tmp_path: Path) -> None:
    with migrated(f"sqlite:///{tmp_path / 'placet.db'}") as database:
        record(database, 2, tenant="demo")
        signed_head(database, identity(tmp_path, "placet.internal"), "demo")
    assert one(diagnose(untouched(tmp_path)), "log key").detail.endswith("signed the newest checkpoint of demo")
    (tmp_path / "keys").rename(tmp_path / "lost")
    assert one(diagnose(untouched(tmp_path)), "log key").level == "problem"
    identity(tmp_path, "placet.internal")  # a worker elsewhere made one of its own
    found = one(diagnose(untouched(tmp_path)), "log key")
    assert (found.level, found.detail[:54]) == ("problem", "the newest checkpoint of tenant 'demo' is not this key")


def test_entries_that_wait_long_for_a_signature_are_a_problem(tmp_path: Path) -> None:
    with migrated(f"sqlite:///{tmp_path / 'placet.db'}") as database:
        record(database, 3, tenant="demo")
    assert one(diagnose(untouched(tmp_path)), "log heads").level == "info"
    disarm(f"sqlite:///{tmp_path / 'placet.db'}", "audit_event")
    with outsider(f"sqlite:///{tmp_path / 'placet.db'}") as shell:
        shell("UPDATE audit_event SET recorded_at = '2026-01-01 00:00:00.000000'")
    found = one(diagnose(untouched(tmp_path)), "log heads")
    assert (found.level, found.detail[:43]) == ("problem", "3 entries of tenant 'demo', the oldest of 2")
    assert found.detail.endswith("are under no signed head")


def test_a_log_that_ends_where_the_record_has_no_entry_is_a_problem(tmp_path: Path) -> None:
    """Nothing new gets into it, wherever that row stands."""
    url = f"sqlite:///{tmp_path / 'placet.db'}"
    with migrated(url) as database:
        record(database, 3, tenant="demo")
        signed_head(database, identity(tmp_path, "placet.internal"), "demo")
    disarm(url, "log_entry")
    for far in (2**62, -5):
        with outsider(url) as shell:
            shell("DELETE FROM log_entry WHERE leaf_index = 3")
            shell(f"INSERT INTO log_entry (tenant, leaf_index, position, leaf_hash) VALUES ('demo', 3, {far}, x'00')")  # noqa: S608
        details = [finding.detail for finding in of(diagnose(untouched(tmp_path)), "log heads")]
        assert any(detail.endswith("nothing new gets into it") for detail in details), (far, details)


def test_a_head_that_is_gone_unreadable_or_not_extended_by_the_database_is_a_problem(tmp_path: Path) -> None:
    settings = untouched(tmp_path)
    keeping = load_or_create_log_identity("placet.internal", settings.log_key, settings.log_heads)
    head = settings.log_heads / "placet.internal" / "demo.head"

    def found() -> tuple[str, str]:
        finding = one(diagnose(settings), "log heads")
        return finding.level, finding.detail

    with migrated(f"sqlite:///{tmp_path / 'placet.db'}") as database:
        assert found() == ("info", "nothing was signed yet")
        record(database, 3, tenant="demo")
        signed_head(database, keeping, "demo")
        assert found() == ("ok", f"the log of tenant 'demo' extends the head kept in {str(head)!r}")
        record(database, 2, first=3, tenant="demo")
        signed_head(database, identity(tmp_path, "placet.internal"), "demo")  # by a worker elsewhere
        assert found()[0] == "ok"
        signed_head(database, keeping, "demo")
    kept = head.read_text()
    head.write_text("nonsense")
    level, detail = found()
    assert level == "problem"
    assert detail.startswith(f"the log of tenant 'demo' is not the one of the head kept in {str(head)!r}: ")
    assert detail.endswith("not a signed note: it has no signature after an empty line")
    head.chmod(0o666)
    assert "can be written by others" in found()[1]
    head.unlink()
    assert found() == ("problem", f"{str(head)!r} does not exist, and checkpoints of tenant 'demo' were signed")
    elsewhere = untouched(tmp_path, database_url=settings.database)
    assert one(diagnose(elsewhere), "log heads").level == "info"

    head.write_text(kept)
    head.chmod(0o600)
    for entries, fault in ((2, "a checkpoint of 5 entries was signed, it has 2"), (5, "does not extend the tree of 5")):
        (tmp_path / "placet.db").unlink()  # an older backup, or another history
        with migrated(f"sqlite:///{tmp_path / 'placet.db'}") as database:
            record(database, entries, first=100, tenant="demo")
            signed_head(database, identity(tmp_path, "placet.internal"), "demo")
        assert found()[0] == "problem"
        assert fault in found()[1]
    assert "placet audit accept-head" in one(diagnose(settings), "log heads").advice
