"""Looking through the record: newest first, of one tenant, by stream and kind, a bounded number of rows at a time."""

from datetime import UTC, datetime

import pytest

from placet.contracts.audit import RecordKind
from placet.errors import UsageError
from placet.service.reading import entries
from placet.service.reading.entries import EntryPage, find_entry, look_through
from placet.storage.database import Database
from placet.storage.log import search

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNS = tuple(f"run-{number:020x}" for number in range(3))


def record(database: Database, stream: str, kind: RecordKind, tenant: str = "acme") -> None:
    with database.transaction() as tx:
        known = len(tx.audit.read(stream))
        tx.audit.append(
            stream=stream,
            tenant=tenant,
            run_id=stream if stream.startswith("run-") else None,
            kind=kind,
            actor="anna",
            step_key=f"{kind}.{known}",
            at=AT,
            body={},
        )


def everything(database: Database, *, limit: int = 25, **wanted: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    after: str | None = None
    while True:
        page: EntryPage = look_through(database, "acme", after=after, limit=limit, **wanted)
        found += [(one.entry.stream, one.entry.seq) for one in page.entries]
        if page.next is None:
            return found
        after = page.next


@pytest.fixture
def recorded(database: Database) -> list[tuple[str, int]]:
    """A record of several streams, another tenant's among them; returns our own entries, newest first."""
    ours: list[tuple[str, int]] = []
    for number in range(24):
        stream = RUNS[number % 3]
        record(database, stream, "run.started" if number % 6 else "approve.decided")
        record(database, "tenant/other", "key.enrolled", "other")
        ours.append((stream, number // 3 + 1))
    record(database, "tenant/acme", "key.enrolled")
    return [("tenant/acme", 1), *reversed(ours)]


@pytest.mark.parametrize("limit", [1, 7, 25, 100])
@pytest.mark.parametrize("looked_at", [1, 2, 5, 5000])
def test_pages_hold_every_entry_once_newest_first_however_little_one_look_reads(
    database: Database,
    recorded: list[tuple[str, int]],
    limit: int,
    looked_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "LOOKED_AT", looked_at)
    assert everything(database, limit=limit) == recorded
    of_run = [entry for entry in recorded if entry[0] == RUNS[1]]
    assert everything(database, limit=limit, stream=RUNS[1]) == of_run
    decided = [(stream, seq) for stream, seq in recorded if stream == RUNS[0] and seq % 2]
    assert everything(database, limit=limit, kind="approve.decided") == decided
    assert everything(database, limit=limit, stream=RUNS[0], kind="approve.decided") == decided
    assert everything(database, limit=limit, kind="key.enrolled") == [("tenant/acme", 1)]


def test_another_tenants_entries_are_not_there_and_end_no_page(
    database: Database, recorded: list[tuple[str, int]]
) -> None:
    assert everything(database, stream="tenant/other") == []
    for cursor in (
        "tenant/other:1",
        f"{RUNS[0]}:99",
        "nowhere:1",
        ":",
        "x",
        f"{RUNS[0]}:-1",
        f"{RUNS[0]}:1" + "0" * 30,
    ):
        with pytest.raises(UsageError) as refused:
            look_through(database, "acme", after=cursor)
        assert refused.value.code == "unknown_cursor"
    with pytest.raises(UsageError):
        look_through(database, "acme", stream=RUNS[0], after=f"{RUNS[1]}:1")
    with pytest.raises(UsageError) as absent:
        find_entry(database, "acme", "tenant/other", 1)
    assert absent.value.code == "unknown_entry"
    found = find_entry(database, "acme", RUNS[2], 3)
    assert (found.entry.seq, found.number) == (3, None)


def test_an_empty_record_is_one_empty_page(database: Database) -> None:
    assert look_through(database, "acme") == entries.EntryPage((), None)
