"""Requests that are being sent while a halt is placed: either they are counted before it, or they do not leave."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.dialects import sqlite

from placet.contracts.run import RunRequest, RunState
from placet.errors import StorageError
from placet.storage.database import Database
from placet.storage.governance import halts
from tests.integration.storage.placed_halts import AT, halt, place
from tests.support.databases import migrated, outsider, sqlite_url, together
from tests.support.guard import GUARD


def claim(database: Database, number: int, state: RunState = "executing") -> str:
    """An effect that is claimed and about to be sent."""
    run_id, key = f"run-{number:020x}", f"{number:064x}"
    request = RunRequest(
        run_id=run_id,
        tenant="acme",
        customer_id="C00001",
        agent="retention",
        key=str(number),
        requested_by="olga",
        requested_at=AT,
    )
    with database.transaction() as tx:
        tx.runs.request(request)
        tx.runs.set_state(run_id, state, at=AT)
        tx.effects.claim(key, tenant="acme", run_id=run_id, proposal="c" * 64, holder="me", now=AT, lease_seconds=30)
    return key


def send(database: Database, key: str, dawdle: int = 0) -> bool:
    """What `execute` does before a request leaves: look for a halt and count the request, in one transaction."""
    with database.transaction() as tx:
        if tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True) is not None:
            return False
        for _ in range(dawdle):
            tx.effects.get(key)
        return tx.effects.sending(key, holder="me", now=AT, most=2)


def sent(database: Database, key: str) -> int:
    with database.reading() as tx:
        record = tx.effects.get(key)
    assert record is not None
    return record.sends


def test_no_request_is_counted_after_a_halt_however_many_are_being_sent(database: Database) -> None:
    """Senders go on until they have met the halt three times; once `place` returns, the count stands still for good."""
    keys = [claim(database, number) for number in range(8)]
    running = threading.Barrier(len(keys) + 1, timeout=GUARD)
    placed = threading.Event()
    counted: list[int] = []

    def act(number: int) -> tuple[int, int]:
        if number == len(keys):
            running.wait()
            place(database, halt())
            placed.set()
            counted.append(sum(sent(database, key) for key in keys))
            return 0, 0
        assert send(database, keys[number])
        running.wait()
        went, went_later, refused = 1, 0, 0
        while refused < 3:
            later = placed.is_set()  # read before the transaction begins
            if send(database, keys[number], dawdle=10):
                went, went_later = went + 1, went_later + later
            else:
                refused += 1
        return went, went_later

    went = together(len(keys) + 1, act)
    assert sum(later for _, later in went) == 0
    assert sum(sent(database, key) for key in keys) == sum(ever for ever, _ in went) == counted[0] >= len(keys)


def test_a_halt_waits_for_a_request_that_is_being_counted_and_knows_of_it_then(
    database: Database, database_url: str
) -> None:
    key = claim(database, 1)
    counted, asked = threading.Event(), threading.Event()

    def place_beside() -> tuple[bool, int]:
        # On PostgreSQL a halt outwaits its connection's usual patience: a frozen sender must not keep it out.
        with Database(database_url, lock_timeout_s=5 if "sqlite" in database_url else 0.1) as other:
            asked.set()
            with other.transaction() as tx:
                tx.halts.place(halt())
                return counted.is_set(), len(tx.effects.under_way("acme", AT))

    with ThreadPoolExecutor(1) as beside:
        with database.transaction() as tx:
            assert tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True) is None
            placing = beside.submit(place_beside)
            assert asked.wait(GUARD)
            assert tx.effects.sending(key, holder="me", now=AT, most=2)
            with suppress(TimeoutError):
                placing.result(0.5)
            assert not placing.done()
            counted.set()
        assert placing.result(GUARD) == (True, 1)


def test_a_request_waits_for_a_halt_that_is_being_placed_and_is_not_counted_then(
    database: Database, database_url: str
) -> None:
    key = claim(database, 1)
    with Database(database_url, lock_timeout_s=0.1) as other:
        with database.transaction() as tx:
            tx.halts.place(halt())
            with pytest.raises(StorageError) as held_up:
                send(other, key)
        assert held_up.value.code == "storage_locked"
        assert send(other, key) is False


def test_another_tenants_senders_neither_wait_for_a_halt_nor_are_stopped(postgres_url: str) -> None:
    with Database(postgres_url, pool_size=4, lock_timeout_s=1) as database:
        key = claim(database, 1)
        with database.transaction() as tx:
            tx.halts.place(halt(tenant="other"))
            assert send(database, key) is True


def test_a_database_with_other_defaults_cannot_make_a_sender_miss_a_halt(postgres_url: str) -> None:
    change = "ALTER DATABASE %I SET default_transaction_isolation = 'serializable'"
    with outsider(postgres_url) as run:
        run(f"DO $$ BEGIN EXECUTE format($c${change}$c$, current_database()); END $$")
    with Database(postgres_url) as database:
        key = claim(database, 1)
        place(database, halt())
        assert send(database, key) is False


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_nothing_is_sent_through_connections_whose_transactions_could_miss_a_halt(
    postgres_url: str, level: str
) -> None:
    escaped = level.replace(" ", "\\ ")
    insisting = quote(f"-c default_transaction_isolation={escaped}")
    with Database(f"{postgres_url}{'&' if '?' in postgres_url else '?'}options={insisting}") as database:
        key = claim(database, 1)
        for act in (lambda: send(database, key), lambda: place(database, halt())):
            with pytest.raises(StorageError) as refused:
                act()
            assert refused.value.code == "storage_isolation"
        assert sent(database, key) == 0


def test_what_is_under_way_is_what_was_counted_and_may_still_arrive(database: Database) -> None:
    keys = [claim(database, number) for number in range(5)]
    for key in keys[1:4]:
        assert send(database, key)
    with database.transaction() as tx:
        tx.effects.fail(keys[3], holder="me", code="conflict", detail="")
        tx.effects.not_sent(keys[2], holder="me")
        tx.effects.release(keys[2], holder="me", now=AT)
    with database.reading() as tx:
        assert [effect.effect_key for effect in tx.effects.under_way("acme", AT)] == [keys[1]]
        assert tx.effects.under_way("other", AT) == ()
        assert tx.effects.under_way("acme", AT + timedelta(seconds=30)) == ()


def test_a_sender_does_not_go_through_its_tenants_stream(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    migrated(url).close()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        compiled = halts._PLACED.compile(dialect=sqlite.dialect(paramstyle="named"))
        plan = file.execute(f"EXPLAIN QUERY PLAN {compiled}", {**compiled.params, "of_stream": "tenant/acme"})
        steps = [str(row[3]) for row in plan]
    assert "SEARCH audit_event USING INDEX ix_audit_event_placed_halt (stream=?)" in steps
