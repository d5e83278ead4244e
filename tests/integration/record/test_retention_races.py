"""Retention beside runs that name the same bytes, and one that dies between its batches: nothing needed is lost."""

import threading
from collections.abc import Sequence

import pytest

from placet.storage.database import Database
from placet.storage.retention.erasing import Eraser
from placet.storage.transaction import Transaction
from tests.integration.record.retaining import (
    another,
    apply,
    ended,
    findings,
    there,
    uses,
)
from tests.support.databases import disarm, outsider, together
from tests.support.guard import GUARD


def findings_of_artifacts(database: Database) -> list[str]:
    return [line for line in findings(database) if line.startswith("artifact ")]


def test_bytes_that_any_run_needs_stay_whichever_came_first(database: Database, database_url: str) -> None:
    waits = another(database, "waits")
    with database.transaction() as tx:
        first = uses(tx, waits, b"one that waits for years")
    ended(database, "old", b"one that waits for years")
    _, second = ended(database, "older", b"a later one")
    _, third = ended(database, "oldest", b"nobody else's")
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run("UPDATE audit_event SET recorded_at = '2020-01-01 00:00:00.000000', at = '2020-01-01 00:00:00.000000'")
    young = another(database, "young")
    with database.transaction() as tx:
        uses(tx, young, b"a later one")
    assert apply(database, 0) == (1, 0)
    assert [there(database, one) for one in (first, second, third)] == [True, True, False]


def test_a_run_that_names_the_bytes_while_they_are_erased_keeps_them(database: Database, database_url: str) -> None:
    _, digest = ended(database, "old", b"shared")
    run = another(database, "new")
    with database.reading() as tx:
        eraser = Eraser("demo", tx.audit.settled("demo"))
    if database_url.startswith("postgresql"):  # SQLite has one writer
        with database.transaction() as naming:
            uses(naming, run, b"shared")
            with database.transaction() as tx:
                assert eraser.lock(tx, [digest]) == {}
    else:
        with database.transaction() as naming:
            uses(naming, run, b"shared")
    with database.transaction() as tx:
        assert eraser.lock(tx, [digest]) == {}
    # Another one comes while the rows are locked: it waits, and puts them anew.
    _, digest = ended(database, "older", b"shared as well")
    with database.reading() as tx:
        eraser = Eraser("demo", tx.audit.settled("demo"))
    begun = threading.Event()

    def name() -> None:
        begun.set()
        with database.transaction() as tx:
            uses(tx, run, b"shared as well", "2")

    late = threading.Thread(target=name)
    with database.transaction() as tx:
        assert list(eraser.lock(tx, [digest])) == [digest]
        late.start()
        assert begun.wait(GUARD)
        eraser.erase(tx, [digest], 1)
    late.join(10)
    assert there(database, digest)


def test_what_dies_between_two_batches_leaves_whole_ones_and_the_next_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [ended(database, f"old {number}", b"%d" % number)[1] for number in range(5)]
    monkeypatch.setattr("placet.service.keeping.retention.BATCH", 2)
    whole, done = Eraser.erase, []

    def dies(self: Eraser, tx: Transaction, batch: Sequence[str], number: int) -> None:
        whole(self, tx, batch, number)
        done.append(batch)
        if len(done) == 2:
            raise RuntimeError("killed")

    monkeypatch.setattr(Eraser, "erase", dies)
    with pytest.raises(RuntimeError, match="killed"):
        apply(database, 31)
    assert sum(there(database, digest) for digest in digests) == 3
    assert findings_of_artifacts(database) == []
    assert apply(database, 31) == (3, 0)
    assert findings_of_artifacts(database) == []


def test_whoever_races_with_retention_finds_what_their_run_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.service.keeping.retention.BATCH", 2)
    words = [b"words %d" % number for number in range(6)]
    for number, data in enumerate(words):
        ended(database, f"old {number}", data)

    def act(number: int) -> list[str]:
        if number == 0:
            for _ in range(6):
                apply(database, 31)
            return []
        named = []
        for turn, data in enumerate(words):
            run = another(database, f"new {number} {turn}")
            with database.transaction() as tx:
                named.append(uses(tx, run, data))
        return named

    named = {digest for several in together(4, act) for digest in several}
    assert [digest for digest in named if not there(database, digest)] == []
    apply(database, 31)
    assert findings_of_artifacts(database) == []
