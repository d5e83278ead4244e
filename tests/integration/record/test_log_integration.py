"""Promise 5: every entry gets one place in its tenant's log, whoever integrates, whatever is killed."""

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from placet.entrypoints.beside_worker.integrator import Integrator
from placet.entrypoints.processes.process import await_condition
from placet.errors import GovernanceError, StorageError
from placet.governance.log.bundle import leaf_of
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint
from placet.governance.log.merkle import MemoryTree
from placet.storage.database import Database
from placet.storage.log import sequencer as log_sequencer
from placet.storage.log.sequencer import LogSequencer
from placet.storage.log.tree import LogHead, LogRow
from tests.support.databases import outsider, together
from tests.support.guard import GUARD
from tests.support.logs import AT, TENANT, identity, record, run_id, sequencer, verified


def indices(database: Database) -> list[int]:
    """The index of each entry of the log, in the order of the record."""
    with database.reading() as tx:
        return [row.index for row in tx.log.page(TENANT, 0, 10_000)]


@pytest.mark.parametrize("batch", [1, 4, 1000])
def test_the_log_is_the_record_in_its_order_under_one_signed_root(
    database: Database, tmp_path: Path, batch: int
) -> None:
    who = identity(tmp_path)
    events = record(database, 11)
    record(database, 3, tenant="umbrella", first=100)
    advance = sequencer(database, who, batch=batch).advance()
    assert advance.integrated == 11
    root = MemoryTree([leaf_of(event.hash) for event in events]).root
    assert open_checkpoint(str(advance.note), who.verifiers(TENANT)) == Checkpoint("placet.example/acme", 11, root)
    found = verified(database, who)
    assert (found.entries, found.pending, found.streams, found.checkpoints) == (11, 0, 3, 1)
    assert found.root == root


def test_a_log_that_is_current_is_left_as_it_is(database: Database, tmp_path: Path) -> None:
    who = identity(tmp_path)
    integrator = sequencer(database, who)
    assert integrator.advance() == sequencer(database, who).advance()
    assert integrator.advance().note is None
    record(database, 5)
    first = integrator.advance()
    again = sequencer(database, who).advance()
    assert (first.integrated, again.integrated) == (5, 0)
    assert again.note == first.note
    record(database, 2, first=5)
    assert verified(database, who).pending == 2
    assert integrator.advance().integrated == 2
    assert verified(database, who).checkpoints == 2


def test_integrators_that_race_each_other_and_appenders_neither_fork_nor_skip(
    database: Database, tmp_path: Path
) -> None:
    who = identity(tmp_path)

    def act(number: int) -> int:
        if number % 2:
            for step in range(20):
                record(database, 1, first=number * 1000 + step)
            return 0
        integrator = sequencer(database, who, batch=3)
        integrated = 0
        for _ in range(10):
            try:
                integrated += integrator.advance().integrated
            except StorageError as error:
                assert error.code == "log_leased"  # noqa: PT017 - a lost race is the point
        return integrated

    integrated = sum(together(8, act))
    rest = sequencer(database, who).advance().integrated
    assert integrated + rest <= 80  # a batch that was stored before its lease was lost counts in neither
    assert indices(database) == list(range(80))
    assert verified(database, who).pending == 0


def test_integrators_whose_clocks_disagree_do_not_fork_the_log(database: Database, tmp_path: Path) -> None:
    who = identity(tmp_path)
    record(database, 60)

    def act(number: int) -> None:
        ahead = timedelta(hours=number)
        integrator = LogSequencer(database, who, TENANT, clock=lambda: datetime.now(UTC) + ahead, batch=2)
        for _ in range(5):
            try:
                integrator.advance()
            except StorageError as error:
                assert error.code == "log_leased"  # noqa: PT017

    together(4, act)
    last = LogSequencer(database, who, TENANT, clock=lambda: datetime.now(UTC) + timedelta(days=1))
    last.advance()
    assert indices(database) == list(range(60))
    assert verified(database, who).entries == 60


def test_an_integrator_that_was_overtaken_stores_nothing_of_its_stale_batch(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = identity(tmp_path)
    record(database, 6)
    later = LogSequencer(database, who, TENANT, clock=lambda: datetime.now(UTC) + timedelta(hours=1), batch=4)

    def overtaken(digest: str) -> bytes:
        # It has read its batch and not stored it yet: its lease runs out, and another integrator does the work.
        monkeypatch.undo()
        assert later.advance().integrated == 6
        return leaf_of(digest)

    monkeypatch.setattr(log_sequencer, "leaf_of", overtaken)
    with pytest.raises(StorageError) as leased:
        sequencer(database, who).advance()
    assert leased.value.code == "log_leased"
    assert indices(database) == list(range(6))
    assert verified(database, who).entries == 6


def test_a_log_that_another_integrator_holds_is_left_to_it_until_its_lease_is_over(
    database: Database, tmp_path: Path
) -> None:
    who = identity(tmp_path)
    record(database, 4)
    now = AT
    integrator = LogSequencer(database, who, TENANT, clock=lambda: now, lease_seconds=10)
    with database.transaction() as tx:
        assert tx.log_leases.take(TENANT, "one that died", now=AT, until=AT + timedelta(seconds=10))
    with pytest.raises(StorageError, match="is being extended by another integrator") as leased:
        integrator.advance()
    assert leased.value.code == "log_leased"
    assert indices(database) == []
    now = AT + timedelta(seconds=10)
    assert integrator.advance().integrated == 4


def test_a_lease_that_no_integrator_would_take_holds_up_nothing(database: Database, tmp_path: Path) -> None:
    record(database, 4)
    integrator = LogSequencer(database, identity(tmp_path), TENANT, clock=lambda: AT, lease_seconds=10)
    with database.transaction() as tx:
        assert tx.log_leases.take(TENANT, "nobody", now=AT, until=datetime(2099, 1, 1, tzinfo=UTC))
    assert integrator.advance().integrated == 4


def test_appenders_do_not_wait_for_an_integrator_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    with Database(postgres_url) as database:
        record(database, 2)
        with database.transaction() as integrating:
            integrating.log_leases.take(TENANT, "slow", now=AT, until=AT + timedelta(seconds=10))
            integrating.log.append(TENANT, [LogRow(0, 1, bytes(32))], [])
            assert len(record(database, 1, first=2)) == 1


KILLED = """
import sys
from pathlib import Path
from placet.storage.database import Database
from tests.support.logs import identity, sequencer
who = identity(Path(sys.argv[2]))
with Database(sys.argv[1]) as database:
    integrator = sequencer(database, who, batch=1, lease_seconds=0.2)
    print("ready", flush=True)
    while True:
        integrator.advance()
"""


def test_kill_9_anywhere_loses_and_repeats_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    who = identity(tmp_path)
    record(database, 400, runs=5)

    def size() -> int:
        with database.reading() as tx:
            return tx.log.head(TENANT).size

    for _ in range(3):
        before = size()
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, database_url, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            await_condition(lambda: size() > before + 20, seconds=GUARD, what="integration")  # noqa: B023
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
    assert size() < 400
    integrator = sequencer(database, who)

    def free() -> bool:
        try:
            integrator.advance()
        except StorageError as error:
            assert error.code == "log_leased"  # noqa: PT017
            return False
        return True

    await_condition(free, seconds=GUARD, what="the end of the dead one's lease")
    assert indices(database) == list(range(400))
    assert verified(database, who).pending == 0


def test_a_log_that_is_not_the_one_signed_last_is_not_signed_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    record(database, 3)
    sequencer(database, identity(tmp_path / "one")).advance()
    record(database, 1, first=3)
    with pytest.raises(GovernanceError, match=r"newest checkpoint does not count: .* restore the log key") as refused:
        sequencer(database, identity(tmp_path / "two")).advance()
    assert refused.value.code == "audit_broken"
    with pytest.raises(GovernanceError, match="newest checkpoint does not count"):
        sequencer(database, identity(tmp_path / "one", "another.example")).advance()


def test_a_retired_key_s_checkpoints_still_count(database: Database, tmp_path: Path) -> None:
    old = identity(tmp_path)
    record(database, 3)
    sequencer(database, old).advance()
    keys = tmp_path / "keys"
    (keys / "log.pem").unlink()
    (keys / "log.pem.pub").rename(keys / "log-retired-2026.pub")
    new = identity(tmp_path)
    assert new.trusted == (new.trusted[0], old.trusted[0])
    assert new.trusted[0] != old.trusted[0]
    record(database, 1, first=3)
    assert sequencer(database, new).advance().integrated == 1
    assert verified(database, new).checkpoints == 2


REWRITING = ("UPDATE {table} SET tenant = 'x'", "DELETE FROM {table}")
ON_SQLITE = (*REWRITING, "REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")
ON_POSTGRESQL = (*REWRITING, "TRUNCATE {table}", "INSERT INTO {table} SELECT * FROM {table} LIMIT 1")


@pytest.mark.parametrize("table", ["log_entry", "log_node", "log_checkpoint"])
def test_no_statement_rewrites_the_log(database: Database, database_url: str, tmp_path: Path, table: str) -> None:
    who = identity(tmp_path)
    record(database, 5)
    sequencer(database, who).advance()
    statements = ON_SQLITE if database_url.startswith("sqlite") else ON_POSTGRESQL
    with outsider(database_url) as run:
        for statement in statements:
            with pytest.raises(Exception, match=r"append-only|duplicate key"):
                run(statement.format(table=table))
    assert verified(database, who).entries == 5


def test_a_taken_place_in_the_log_is_refused_by_the_database(database: Database, tmp_path: Path) -> None:
    record(database, 2)
    sequencer(database, identity(tmp_path)).advance()
    with database.reading() as tx:
        row = tx.log.page(TENANT, 0, 1)[0]
    with pytest.raises(GovernanceError) as refused, database.transaction() as tx:
        tx.log.append(TENANT, [row], [])
    assert refused.value.code in {"constraint", "append_only"}


def test_the_worker_s_integrator_follows_the_record(database: Database, tmp_path: Path) -> None:
    who = identity(tmp_path)

    def size(tenant: str) -> int:
        with database.reading() as tx:
            return tx.log.head(tenant).size

    with Integrator(
        database, [TENANT, "umbrella"], who, lambda: datetime.now(UTC), interval_seconds=0.02
    ) as integrator:
        integrator.start()
        for number in range(3):
            record(database, 2, first=number * 2)
            record(database, 1, first=100 + number, tenant="umbrella", runs=1)
            await_condition(lambda: size(TENANT) == 2 * number + 2, seconds=GUARD, what="integration")  # noqa: B023
    integrator.stop()
    threads = [thread.name for thread in threading.enumerate()]
    assert "integrator" not in threads
    assert integrator.failing == {}
    integrator.run_once()
    assert (size(TENANT), size("umbrella")) == (6, 3)


def test_what_was_recorded_is_signed_before_the_worker_s_integrator_ends(database: Database, tmp_path: Path) -> None:
    def size() -> int:
        with database.reading() as tx:
            return tx.log.head(TENANT).size

    record(database, 1)
    with Integrator(database, [TENANT], identity(tmp_path), lambda: datetime.now(UTC), interval_seconds=3600):
        await_condition(lambda: size() == 1, seconds=GUARD, what="the first round")
        record(database, 3, first=1)
    assert size() == 4


def test_a_log_that_cannot_be_extended_is_reported_once_and_does_not_stop_the_others(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(database, 2)
    sequencer(database, identity(tmp_path / "stranger")).advance()
    record(database, 1, first=2)
    record(database, 4, first=100, tenant="umbrella")
    mine = Integrator(database, [TENANT, "umbrella"], identity(tmp_path), lambda: datetime.now(UTC))
    assert mine.run_once() == 4
    mine.run_once()
    assert list(mine.failing) == [TENANT]
    assert len([entry for entry in caplog.records if "is not extended" in entry.getMessage()]) == 1


def test_an_empty_log_has_no_head_and_an_unknown_entry_no_place(database: Database) -> None:
    with database.reading() as tx:
        assert tx.log.head("nobody") == LogHead(0, 0)
        assert tx.log.find("nobody", 1) is None
        assert tx.checkpoints.newest("nobody") is None
        with pytest.raises(GovernanceError, match=r"no hash of the 2\^1 entries from 0"):
            tx.log.frontier("nobody", 3)
        assert tx.audit.read(run_id(0)) == []
