"""Rows of the record that somebody changed in the database: pages show what they can, and say what does not verify."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from placet.errors import GovernanceError, StorageError
from placet.governance.log.chain import entry_hash
from placet.service.documents.halts import place_halt
from placet.storage.log.sequencer import LogSequencer
from placet.storage.pending import amended_key, pending_on_record
from tests.integration.console.keys.rows import change_rows
from tests.integration.console.test_console_walkthroughs import links_of, path_of
from tests.support.databases import disarm
from tests.support.logs import identity
from tests.support.servers.console import ConsoleUnderTest

_SAID = "This entry does not verify"

CHANGE = {
    "actor": "UPDATE audit_event SET actor = :value WHERE stream = :run AND seq = :seq",
    "at": "UPDATE audit_event SET at = :value WHERE stream = :run AND seq = :seq",
    "body": "UPDATE audit_event SET body = :value WHERE stream = :run AND seq = :seq",
    "hash": "UPDATE audit_event SET hash = :value WHERE stream = :run AND seq = :seq",
    "kind": "UPDATE audit_event SET kind = :value WHERE stream = :run AND seq = :seq",
    "seq": "UPDATE audit_event SET seq = :value WHERE stream = :run AND seq = :seq",
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


def test_amendments_that_lead_back_shut_the_page_though_each_entry_verifies(
    console: ConsoleUnderTest, http: httpx.Client
) -> None:
    turning = console.world.pending("C00009", key="turning")
    with console.world.database.transaction() as tx:
        record = tx.runs.get(turning)
        assert record is not None
        pending = pending_on_record(tx, turning)
        body = {"amends": pending.proposal, "proposal": pending.proposal, "gate": pending.gate.model_dump(mode="json")}
        at, key = console.clock(), amended_key(pending.proposal)
        tx.record(record, "approve.amended", actor="mallory", at=at, body=body, key=key)
    page = http.get(f"/console/runs/{turning}")
    assert page.status_code == 200
    assert _SAID not in page.text
    assert "lead back to an earlier one. Nothing is decided here until it is mended." in page.text
    assert 'name="verdict"' not in page.text


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


@pytest.mark.parametrize("number", ["x", -1, 2.5, 10**12])
def test_an_entry_whose_number_is_none_closes_no_page(
    console: ConsoleUnderTest, http: httpx.Client, number: object
) -> None:
    other = console.world.pending("C00021", key=f"numbered-{number}")
    assert change_rows(console, CHANGE["seq"], run=other, seq=2, value=number) == 1
    for path in (f"runs/{other}", f"runs/{other}/live", f"audit?run_id={other}"):
        page = http.get(f"/console/{path}")
        assert page.status_code == 200, (path, page.text)
    assert "The record of this run does not verify" in http.get(f"/console/runs/{other}").text


def test_an_entry_that_was_taken_away_is_missed(console: ConsoleUnderTest, http: httpx.Client) -> None:
    other = console.world.pending("C00015")
    assert change_rows(console, "DELETE FROM audit_event WHERE stream = :run AND seq = 3", run=other) == 1
    page = http.get(f"/console/runs/{other}")
    assert page.status_code == 200
    assert "does not verify (entry 4)" in page.text


def address(run: str, seq: int) -> str:
    return f"/console/audit/entries/{run}/{seq}"


def test_a_report_that_would_be_wrong_is_not_drawn_up_and_says_why(
    console: ConsoleUnderTest, http: httpx.Client
) -> None:
    other = console.world.pending("C00040")
    here = {"run": other, "seq": number_of(console, other, "approve.opened")}
    change_rows(console, "CREATE TABLE kept AS SELECT * FROM audit_event WHERE stream = :run AND seq = :seq", **here)
    change_rows(console, CHANGE["body"], value="{}", **here)
    try:
        page = http.get("/console/governance/oversight?days=30")
        assert page.status_code == 503
        assert "The report cannot be drawn up: " in page.text
    finally:
        change_rows(console, "DELETE FROM audit_event WHERE id = (SELECT id FROM kept)")
        change_rows(console, "INSERT INTO audit_event SELECT * FROM kept")
        change_rows(console, "DROP TABLE kept")


def test_a_row_that_says_another_end_than_the_record_is_shown_as_such_and_to_no_stranger(
    console: ConsoleUnderTest, http: httpx.Client, run: str
) -> None:
    link = path_of(links_of(console.world), run)
    with console.client() as stranger:
        assert stranger.get(link).status_code == 200
        change_rows(console, "UPDATE run SET state = 'rejected' WHERE run_id = :run", run=run)
        page = http.get(f"/console/runs/{run}").text
        assert "says it is “rejected”, its record “not over”: somebody changed the database" in page
        assert "Nothing is decided here until it is mended" in page
        told = stranger.get(link)
        assert (told.status_code, "said no" in told.text) == (503, False)
    change_rows(console, "UPDATE run SET state = 'awaiting_decision' WHERE run_id = :run", run=run)


def test_a_halt_that_cannot_be_read_closes_no_page_and_is_said_on_each(
    console: ConsoleUnderTest, http: httpx.Client, run: str
) -> None:
    place_halt(
        console.world.database,
        tenant="demo",
        scope="kind",
        subject="order_product",
        by="otto",
        reason="wrong prices",
        agents=("retention",),
    )
    disarm(console.world.settings.database, "halt")
    change_rows(console, "UPDATE halt SET scope = 'nonsense'")
    for path in ("/console/inbox", f"/console/runs/{run}", "/console/customers", f"/console/runs/run-{'0' * 20}"):
        page = http.get(path)
        assert page.status_code in (200, 404), path
        assert "What is stopped cannot be read: row " in page.text
    assert http.get("/console/halts").status_code == 503
    change_rows(console, "DELETE FROM halt")
    assert "Stopped by otto: orders of products" in http.get("/console/inbox").text
    gone = http.get("/console/halts").text
    assert "No halt has a row" in gone
    assert "Whatever is decided is executed" not in gone
