"""Rows of the record that somebody changed in the database: pages show what they can, and say what does not verify."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from placet.errors import GovernanceError, StorageError
from placet.governance.log.chain import entry_hash
from placet.storage.log.sequencer import LogSequencer
from tests.integration.console.keys.rows import change_rows
from tests.support.logs import identity
from tests.support.servers.console import ConsoleUnderTest

_SAID = "This entry does not verify"

CHANGE = {
    "actor": "UPDATE audit_event SET actor = :value WHERE stream = :run AND seq = :seq",
    "at": "UPDATE audit_event SET at = :value WHERE stream = :run AND seq = :seq",
    "body": "UPDATE audit_event SET body = :value WHERE stream = :run AND seq = :seq",
    "hash": "UPDATE audit_event SET hash = :value WHERE stream = :run AND seq = :seq",
    "kind": "UPDATE audit_event SET kind = :value WHERE stream = :run AND seq = :seq",
}
DAMAGES = [
    ("actor", "mallory", "does not match its hash"),
    ("body", "{}", "does not match its hash"),
    ("body", "[1]", "it cannot be read"),
    ("body", "not JSON", "it cannot be read"),
    ("kind", "not a kind", "it cannot be read"),
    ("hash", "zz", "it cannot be read"),
    ("at", "yesterday", "it cannot be read"),
]


@pytest.fixture(scope="module", autouse=True)
def _no_guard(console: ConsoleUnderTest) -> None:
    """Do what the owner of the database can: take the guard against changes away."""
    change_rows(console, "DROP TRIGGER audit_event_no_update")
    change_rows(console, "DROP TRIGGER audit_event_no_delete")


@pytest.fixture(scope="module")
def run(console: ConsoleUnderTest) -> str:
    return console.world.pending("C00009")


@pytest.fixture(scope="module")
def http(console: ConsoleUnderTest, run: str) -> Iterator[httpx.Client]:
    console.clock.ahead = timedelta()
    with console.signed_in("otto", "auditor", "operator", "approver") as signed_in:
        yield signed_in


def number_of(console: ConsoleUnderTest, run: str, kind: str) -> int:
    with console.world.database.reading() as tx:
        return next(event.seq for event in tx.audit.read(run) if event.kind == kind)


@pytest.mark.parametrize("kind", ["query_billing.completed", "propose.completed", "approve.opened"])
@pytest.mark.parametrize(("column", "value", "fault"), DAMAGES)
def test_a_damaged_entry_is_shown_with_its_fault(
    console: ConsoleUnderTest, http: httpx.Client, run: str, kind: str, column: str, value: str, fault: str
) -> None:
    seq = number_of(console, run, kind)
    here = {"run": run, "seq": seq}
    change_rows(console, "CREATE TABLE kept AS SELECT * FROM audit_event WHERE stream = :run AND seq = :seq", **here)
    assert change_rows(console, CHANGE[column], value=value, **here) == 1
    try:
        for path in (f"runs/{run}", f"runs/{run}/live", f"audit?run_id={run}", f"audit/entries/{run}/{seq}"):
            page = http.get(f"/console/{path}")
            assert page.status_code == 200, (path, page.text)
            assert _SAID in page.text, path
            assert fault in page.text, path
        assert f"The record of this run does not verify (entry {seq}" in http.get(f"/console/runs/{run}").text
        with console.world.database.snapshot() as tx, pytest.raises((GovernanceError, StorageError)):
            tx.audit.verify(run)
    finally:
        change_rows(console, "DELETE FROM audit_event WHERE id = (SELECT id FROM kept)")
        change_rows(console, "INSERT INTO audit_event SELECT * FROM kept")
        change_rows(console, "DROP TABLE kept")
    with console.world.database.snapshot() as tx:
        assert tx.audit.verify(run) >= seq
    assert _SAID not in http.get(f"/console/runs/{run}").text
    assert _SAID not in http.get(f"/console/audit?run_id={run}").text


def test_an_entry_whose_hash_was_made_again_is_not_the_one_in_the_log(
    console: ConsoleUnderTest, http: httpx.Client, tmp_path: Path
) -> None:
    other = console.world.pending("C00005")
    with console.world.database.reading() as tx:
        entry = tx.audit.read(other)[1]
    forged = entry_hash(entry.model_copy(update={"actor": "mallory"}))
    who = identity(tmp_path)
    LogSequencer(console.world.database, who, "demo", clock=console.clock, batch=1000, lease_seconds=10.0).advance()
    assert change_rows(
        console,
        "UPDATE audit_event SET actor = 'mallory', hash = :hash WHERE stream = :run AND seq = :seq",
        run=other,
        seq=entry.seq,
        hash=forged,
    )
    assert "it is not the entry that was put into the log" in http.get(address(other, entry.seq)).text
    # The entry after it was written after another one.
    assert f"does not verify (entry {entry.seq + 1})" in http.get(f"/console/runs/{other}").text


def test_an_entry_that_was_taken_away_is_missed(console: ConsoleUnderTest, http: httpx.Client) -> None:
    other = console.world.pending("C00015")
    assert change_rows(console, "DELETE FROM audit_event WHERE stream = :run AND seq = 3", run=other) == 1
    page = http.get(f"/console/runs/{other}")
    assert page.status_code == 200
    assert "does not verify (entry 4)" in page.text


def address(run: str, seq: int) -> str:
    return f"/console/audit/entries/{run}/{seq}"
