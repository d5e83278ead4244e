"""Promise 5: the record is append-only, linked, and proves itself. Promise 6: nothing in it is lost or repeated."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, select

from placet.contracts.audit import GENESIS, AuditEvent
from placet.errors import GovernanceError, StorageError, UsageError
from placet.storage.database import Database
from placet.storage.tables import AUDIT
from placet.storage.transaction import Transaction
from tests.support.databases import Postgres, disarm, outsider, together

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
RUN = "run-0123456789abcdef0123"
REUSED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

_scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)
_values = _scalars | st.floats(allow_nan=False, allow_infinity=False)
_bodies = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        _values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_size=4,
)
_fresh = count()


def append(tx: Transaction, stream: str = RUN, step_key: str = "analyse", **changes: Any) -> AuditEvent:
    entry: dict[str, Any] = {
        "tenant": "acme",
        "run_id": RUN,
        "kind": "analyse.completed",
        "actor": "agent:retention",
        "at": AT,
        "body": {"risk": "high"},
    }
    return tx.audit.append(stream=stream, step_key=step_key, **{**entry, **changes})


def test_entries_count_from_one_and_each_names_the_hash_before_it(database: Database) -> None:
    with database.transaction() as tx:
        events = [append(tx, step_key=f"s{number}") for number in range(4)]
    with database.reading() as tx:
        assert tx.audit.read(RUN) == events
        assert tx.audit.verify(RUN) == 4
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.prev_hash for event in events] == [GENESIS, *(event.hash for event in events[:-1])]


def test_a_retried_step_is_recorded_once_as_it_was_first(database: Database) -> None:
    with database.transaction() as tx:
        first = append(tx)
        append(tx, step_key="propose")
    with database.transaction() as tx:
        again = append(tx, body={"risk": "low"}, at=AT + timedelta(hours=1))
    with database.reading() as tx:
        assert again == first == tx.audit.find(RUN, "analyse")
        assert tx.audit.find(RUN, "execute") is None
        assert len(tx.audit.read(RUN)) == 2


def test_what_was_foreseen_is_what_would_have_been_found_and_own_entries_are_seen(database: Database) -> None:
    steps = [f"s{number}" for number in range(12)]
    with database.transaction() as tx:
        left = {step: append(tx, step_key=step) for step in steps[::2]}
    with database.transaction() as tx:
        tx.audit.foresee(RUN, *steps)
        assert {step: tx.audit.find(RUN, step) for step in steps} == {step: left.get(step) for step in steps}
        assert tx.audit.find("another stream", "s0") is None
        own = append(tx, step_key="s1")
        assert tx.audit.find(RUN, "s1") == own
        assert append(tx, step_key="s2", body={"risk": "low"}) == left["s2"]
    with database.reading() as tx:
        assert len(tx.audit.read(RUN)) == len(left) + 1


@REUSED
@given(body=_bodies, offset=st.integers(-12, 14))
def test_whatever_json_is_recorded_comes_back_and_verifies(
    database: Database, body: dict[str, Any], offset: int
) -> None:
    stream = f"stream-{next(_fresh)}"
    at = AT.astimezone(timezone(timedelta(hours=offset)))
    with database.transaction() as tx:
        event = append(tx, stream=stream, body=body, at=at)
    with database.reading() as tx:
        assert tx.audit.read(stream) == [event]
        assert tx.audit.verify(stream) == 1
    assert event.body == body
    assert event.at == AT


@pytest.mark.parametrize("microsecond", [0, 120000])
def test_an_entry_is_stored_as_the_tables_declare_it(database: Database, database_url: str, microsecond: int) -> None:
    with database.transaction() as tx:
        event = append(tx, at=AT.replace(microsecond=microsecond), run_id=None, actor="M\u00fcller \\ \"M\" 'x'")
    columns = [AUDIT.c[name] for name in AuditEvent.model_fields]
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            # Compared by SQLAlchemy's own binding: SQLite keeps a time as text, and orders and compares that.
            row = connection.execute(select(*columns).where(AUDIT.c.at == event.at)).mappings().one()
    finally:
        engine.dispose()
    assert dict(row) == {**dict(event), "body": '{"risk":"high"}'}


def test_what_json_cannot_carry_is_refused_before_it_is_recorded(database: Database) -> None:
    malformed = r"audit entry 'analyse\.completed' .* is malformed"
    for body in ({"n": float("nan")}, {"n": 2**53}, {"n": object()}, {"n": "\ud800"}):
        with pytest.raises(UsageError, match=malformed) as refused, database.transaction() as tx:
            append(tx, body=body)
        assert refused.value.code == "audit_entry_invalid"
    for changes in ({"at": AT.replace(tzinfo=None)}, {"stream": "\ud800"}, {"actor": "\ud800"}, {"tenant": "ACME"}):
        with pytest.raises(UsageError, match=malformed), database.transaction() as tx:
            append(tx, **changes)
    with database.reading() as tx:
        assert tx.audit.read(RUN) == []


def test_writers_to_one_stream_neither_fork_it_nor_leave_a_gap(database: Database) -> None:
    def write(writer: int) -> list[int]:
        seqs = []
        for step in range(5):
            with database.transaction() as tx:
                seqs.append(append(tx, step_key=f"{writer}-{step}").seq)
        return seqs

    seqs = [seq for written in together(8, write) for seq in written]
    assert sorted(seqs) == list(range(1, 41))
    with database.reading() as tx:
        assert tx.audit.verify(RUN) == 40


def test_one_step_recorded_by_racing_attempts_is_one_entry(database: Database) -> None:
    def write(attempt: int) -> str:
        with database.transaction() as tx:
            return append(tx, body={"attempt": attempt}).hash

    assert len(set(together(12, write))) == 1
    with database.reading() as tx:
        assert tx.audit.verify(RUN) == 1


def test_an_entry_without_a_schema_to_hold_it_says_so(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    with Database(empty_url) as database, pytest.raises(StorageError) as refused, database.transaction() as tx:
        append(tx)
    assert refused.value.code == "storage_not_migrated"


def test_nothing_is_appended_where_only_reading_is_allowed(database: Database) -> None:
    with pytest.raises(StorageError) as refused, database.reading() as tx:
        append(tx)
    assert refused.value.code == "storage_read_only"
    with database.transaction() as tx:
        assert append(tx).seq == 1


def test_a_writer_waits_for_the_stream_as_long_as_it_may_and_can_try_again(postgres_url: str) -> None:
    with Database(postgres_url) as holding, Database(postgres_url, lock_timeout_s=0.05) as waiting:
        with holding.transaction() as tx:
            append(tx, step_key="first")
            with pytest.raises(StorageError) as refused, waiting.transaction() as late:
                append(late, step_key="second")
        with waiting.transaction() as tx:
            assert append(tx, step_key="second").seq == 2
    assert refused.value.code == "storage_locked"


def test_a_server_that_ends_its_connections_costs_one_append(postgres_url: str, postgres: Postgres) -> None:
    with Database(postgres_url, pool_size=2) as database:
        with database.transaction() as one, database.transaction() as two:
            append(one, stream="one")
            append(two, stream="two")
        with postgres.admin() as admin:
            _end_all(admin, postgres_url)
        with pytest.raises(StorageError) as refused, database.transaction() as tx:
            append(tx, step_key="propose")
        with database.transaction() as one, database.transaction() as two:
            assert append(one, stream="one", step_key="propose").seq == 2
            assert append(two, stream="two", step_key="propose").seq == 2
    assert refused.value.code == "storage_unreachable"
    assert refused.value.retryable
    assert "(terminating connection due to administrator command)" in str(refused.value)


def test_a_connection_lost_half_way_leaves_nothing_of_the_transaction(postgres_url: str, postgres: Postgres) -> None:
    def lost_between_two(tx: Transaction) -> None:
        append(tx, step_key="first")
        with postgres.admin() as admin:
            _end_all(admin, postgres_url)
        append(tx, step_key="second")

    with Database(postgres_url) as database:
        with pytest.raises(StorageError) as refused, database.transaction() as tx:
            lost_between_two(tx)
        with database.transaction() as tx:
            assert tx.audit.read(RUN) == []
            assert append(tx, step_key="second").seq == 1
    assert refused.value.code == "storage_unreachable"


def _end_all(admin: psycopg.Connection, url: str) -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'placet' AND datname = %s",
        [make_url(url).database],
    )


def test_streams_do_not_wait_for_each_other_on_postgresql(postgres_url: str) -> None:
    with Database(postgres_url, lock_timeout_s=0.2) as database, database.transaction() as slow:
        append(slow, stream="one")
        with database.transaction() as quick:
            assert append(quick, stream="two").seq == 1


def test_a_follower_misses_no_entry_that_commits_late(postgres_url: str) -> None:
    with Database(postgres_url) as database:
        with database.transaction() as slow:
            late = append(slow, stream="late")
            with database.transaction() as quick:
                early = append(quick, stream="early")
            with database.reading() as tx:
                assert tx.audit.tail("acme") == []
        with database.reading() as tx:
            positions = tx.audit.tail("acme")
            assert [event for _, event in positions] == [late, early]
            assert tx.audit.tail("acme", after_id=positions[0][0]) == positions[1:]


def test_a_follower_sees_its_tenant_only_in_order_and_in_pages(database: Database) -> None:
    with database.transaction() as tx:
        events = [append(tx, stream=f"s{number % 3}", step_key=str(number)) for number in range(7)]
        append(tx, stream="tenant/other", tenant="other", run_id=None)
    with database.reading() as tx:
        seen: list[AuditEvent] = []
        after = 0
        while page := tx.audit.tail("acme", after_id=after, limit=3):
            after = page[-1][0]
            seen.extend(event for _, event in page)
        assert seen == events
        assert tx.audit.streams("acme") == ["s0", "s1", "s2"]
        assert tx.audit.streams("other") == ["tenant/other"]


COLUMNS = "stream, seq, tenant, run_id, kind, actor, at, step_key, body, prev_hash, hash, recorded_at"
AGAIN = COLUMNS + " FROM audit_event WHERE seq = 1"
FORGED = AGAIN.replace("actor", "kind")


@pytest.mark.parametrize(
    ("statement", "answers"),
    [
        ("UPDATE audit_event SET actor = 'x'", ["is append-only: UPDATE refused"] * 2),
        ("DELETE FROM audit_event WHERE seq = 2", ["is append-only: DELETE refused"] * 2),
        ("TRUNCATE audit_event", ["syntax error", "keeps every row: TRUNCATE refused"]),
        # SQLite passes over an insert onto an existing key, also when it is called REPLACE.
        (
            "INSERT INTO audit_event (" + COLUMNS + ") SELECT " + AGAIN,
            [None, "duplicate key"],
        ),
        (
            "REPLACE INTO audit_event (id, " + COLUMNS + ") SELECT id, " + FORGED,
            [None, "syntax error"],
        ),
    ],
)
def test_no_statement_rewrites_the_record(
    database: Database, database_url: str, statement: str, answers: list[str | None]
) -> None:
    with database.transaction() as tx:
        events = [append(tx, step_key=f"s{number}") for number in range(3)]
    answer = answers[0 if database_url.startswith("sqlite") else 1]
    with outsider(database_url) as run:
        if answer is None:
            run(statement)
        else:
            with pytest.raises(Exception, match=answer):
                run(statement)
    with database.reading() as tx:
        assert tx.audit.read(RUN) == events


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        ("UPDATE audit_event SET actor = 'x' WHERE seq = 2", "entry 2: its content does not match its hash"),
        ("UPDATE audit_event SET body = '{}' WHERE seq = 3", "entry 3: its content does not match its hash"),
        ("UPDATE audit_event SET body = 'gone' WHERE seq = 3", "entry 3: it cannot be read"),
        ("DELETE FROM audit_event WHERE seq = 2", "entry 2: its seq is 3"),
        ("DELETE FROM audit_event WHERE seq = 1", "entry 1: its seq is 2"),
    ],
)
def test_who_switches_the_guards_off_and_tampers_is_found_out(
    database: Database, database_url: str, tampering: str, finding: str
) -> None:
    with database.transaction() as tx:
        for number in range(4):
            append(tx, step_key=f"s{number}")
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run(tampering)
    with database.reading() as tx, pytest.raises(GovernanceError) as broken:
        tx.audit.verify(RUN)
    assert broken.value.code == "audit_broken"
    assert f"audit stream {RUN!r} is broken at {finding}" in str(broken.value)


def test_of_two_entries_at_one_position_none_is_taken_for_the_one_that_was_logged(postgres_url: str) -> None:
    """Who owns the database drops the primary key; which of two rows is read would be chance."""
    with Database(postgres_url) as database:
        with database.transaction() as tx:
            append(tx)
            append(tx, stream="other")
        disarm(postgres_url, "audit_event")
        with outsider(postgres_url) as run:
            run("ALTER TABLE audit_event DROP CONSTRAINT audit_event_pkey CASCADE")
            run("UPDATE audit_event SET id = 1")
        with database.reading() as tx, pytest.raises(GovernanceError, match="two entries of the record are at"):
            tx.audit.at("acme", [1])


def test_a_stream_that_does_not_exist_is_not_vouched_for(database: Database) -> None:
    with database.reading() as tx, pytest.raises(UsageError) as unknown:
        tx.audit.verify("run-nobody")
    assert unknown.value.code == "unknown_stream"


def test_a_stream_longer_than_a_batch_verifies_to_its_end(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(1001):
            append(tx, step_key=str(number))
    with database.reading() as tx:
        assert tx.audit.verify(RUN) == 1001
