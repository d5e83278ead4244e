"""Promise 5 against whoever owns the database: the guards dropped, the rows rewritten, hashes and links made to fit.

Each attack is as thorough as its name says. What the record itself shows is found without help; what was replaced
as a whole, with the log key in the attacker's hands, only an anchored checkpoint shows.
"""

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from placet.contracts.audit import AuditEvent
from placet.errors import GovernanceError
from placet.governance.log.bundle import verify_bundle
from placet.governance.log.chain import link
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint
from placet.governance.log.kept_head import KeptHeads
from placet.governance.log.key import LogIdentity
from placet.governance.signing.canonical import canonical_bytes
from placet.service.keeping.log import prove_numbered, prove_stream, signed_head
from placet.storage.database import Database
from placet.storage.log.verification import VerifiedLog, verify_log
from tests.support.databases import disarm, migrated, sqlite_url
from tests.support.logs import AT, TENANT, identity, record, run_id, sequencer

LOG_TABLES = ("log_entry", "log_node", "log_checkpoint")
NO_LOG = ("DELETE FROM log_entry", "DELETE FROM log_node", "DELETE FROM log_checkpoint")
Attack = Callable[["Victim"], None]


class Victim:
    """An installation whose record of twelve entries is signed and anchored, and a person with its database file."""

    def __init__(self, folder: Path) -> None:
        self.url = sqlite_url(folder)
        self.folder = folder
        self.who: LogIdentity = identity(folder)
        self.database: Database = migrated(self.url)
        record(self.database, 8)
        signed_head(self.database, self.who, TENANT)
        record(self.database, 4, first=8)
        self.anchor: Checkpoint = open_checkpoint(
            signed_head(self.database, self.who, TENANT), self.who.verifiers(TENANT)
        )
        for table in ("audit_event", *LOG_TABLES):
            disarm(self.url, table)

    def run(self, *statements: str) -> None:
        """Run statements on the file, as anybody with a shell can."""
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            for statement in statements:
                file.execute(statement)

    def verify(self, *anchors: Checkpoint) -> VerifiedLog:
        """What `placet audit verify [--against]` does."""
        with self.database.snapshot() as tx:
            return verify_log(tx, TENANT, self.who.verifiers(TENANT), anchors)

    def finding(self, *anchors: Checkpoint) -> str:
        """What verification finds."""
        with pytest.raises(GovernanceError) as broken:
            self.verify(*anchors)
        assert broken.value.code in {"audit_broken", "note_unsigned"}
        return str(broken.value)

    def rewrite(self, change: Callable[[AuditEvent], dict[str, object]]) -> None:
        """Change entries, then make every hash and link of every stream fit again."""
        last: dict[str, AuditEvent] = {}
        with self.database.reading() as tx:
            rows = tx.audit.tail(TENANT, limit=1000)
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            for position, event in rows:
                fields = {**{name: getattr(event, name) for name in AuditEvent.model_fields}, **change(event)}
                fields.pop("hash")
                if event.stream in last:
                    fields["prev_hash"] = last[event.stream].hash
                forged = last[event.stream] = link(**fields)
                file.execute(
                    "UPDATE audit_event SET actor = ?, body = ?, prev_hash = ?, hash = ? WHERE id = ?",
                    (forged.actor, canonical_bytes(forged.body).decode(), forged.prev_hash, forged.hash, position),
                )

    def rebuild_log(self) -> None:
        """Throw the log away and integrate and sign it anew, with the stolen key."""
        self.run(*NO_LOG)
        sequencer(self.database, self.who).advance()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    made = Victim(tmp_path)
    yield made
    made.database.close()


def no_change(_: AuditEvent) -> dict[str, object]:
    return {}


def mallory(event: AuditEvent) -> dict[str, object]:
    return {"actor": "mallory"} if event.body["n"] == 4 else {}


def test_the_untouched_record_verifies_with_and_without_its_anchor(victim: Victim) -> None:
    assert victim.verify() == victim.verify()
    found = victim.verify(victim.anchor)
    assert (found.entries, found.checkpoints, found.anchors, found.pending) == (12, 2, 1, 0)


# The first of the three runs that share the record has every third entry, from the first on.
NO_FIRST_RUN = "DELETE FROM audit_event WHERE id % 3 = 1"
FOUND: dict[str, tuple[tuple[str, ...], str]] = {
    "edit": (("UPDATE audit_event SET actor = 'mallory' WHERE id = 5",), "content does not match its hash"),
    "truncation of the record": (
        ("DELETE FROM audit_event WHERE id > 10",),
        "entry 10, at position 11 of the record, is gone",
    ),
    "truncation of record and log": (
        ("DELETE FROM audit_event WHERE id > 10", "DELETE FROM log_entry WHERE position > 10"),
        "it has 10 entries, the stored checkpoint has 12",
    ),
    "removal of a whole run": (
        (NO_FIRST_RUN,),
        "entry 0, at position 1 of the record, is gone",
    ),
    "removal of an entry of the log": (("DELETE FROM log_entry WHERE leaf_index = 4",), "entry 4 is missing"),
    "removal of the log's first entry": (("DELETE FROM log_entry WHERE leaf_index = 0",), "entry 0 is missing"),
    "reorder in the record": (
        ("UPDATE audit_event SET id = id + 100 WHERE id = 5", "UPDATE audit_event SET id = id - 1 WHERE id = 6"),
        "entry 4, at position 5 of the record, is not the one that was put there",
    ),
    "reorder in the log": (
        (
            "UPDATE log_entry SET leaf_index = 100 WHERE leaf_index = 4",
            "UPDATE log_entry SET leaf_index = 4 WHERE leaf_index = 5",
            "UPDATE log_entry SET leaf_index = 5 WHERE leaf_index = 100",
        ),
        "entry 5 is out of order",
    ),
    "a stored subtree hash": (
        ("UPDATE log_node SET hash = zeroblob(32) WHERE number = 3",),
        "the stored hash of its entries 0 to 3 is wrong",
    ),
    "a missing subtree hash": (("DELETE FROM log_node WHERE number = 1",), "entries 0 to 1 is wrong"),
    "a checkpoint moved to another size": (
        ("UPDATE log_checkpoint SET size = 9 WHERE size = 12",),
        "its checkpoint of 12 entries is stored as 9",
    ),
    "a checkpoint without signature": (
        ("UPDATE log_checkpoint SET note = replace(note, '— placet', '— nobody') WHERE size = 12",),
        "not signed by a key that is trusted",
    ),
}


@pytest.mark.parametrize("attack", FOUND)
def test_tampering_is_found_by_the_record_itself(victim: Victim, attack: str) -> None:
    statements, finding = FOUND[attack]
    victim.run(*statements)
    assert finding in victim.finding()
    victim.finding(victim.anchor)


def test_an_edit_whose_hashes_and_links_were_made_to_fit_is_found_by_the_log(victim: Victim) -> None:
    victim.rewrite(mallory)
    with victim.database.reading() as tx:
        assert tx.audit.verify(run_id(1)) == 4  # the chain of the stream alone cannot tell
    assert "entry 4, at position 5 of the record, is not the one that was put there" in victim.finding()


def test_an_entry_slipped_in_between_is_found(victim: Victim) -> None:
    record(victim.database, 1, first=50, runs=1)
    victim.run("UPDATE audit_event SET id = 0 WHERE id = 13")
    assert "the entry at position 0 of the record is not in it" in victim.finding()


def test_an_entry_that_a_stranger_s_row_calls_logged_is_found_and_nothing_is_signed(victim: Victim) -> None:
    """A row of another tenant names its position, below zero or in a gap; a checkpoint by hand would cover it."""
    record(victim.database, 1, first=50, runs=1)
    victim.run(
        "UPDATE audit_event SET id = -5 WHERE id = 13",
        "INSERT INTO log_entry (tenant, leaf_index, position, leaf_hash) VALUES ('nobody', 7, -5, zeroblob(32))",
    )
    finding = "the entry at position -5 of the record is not in it"
    assert finding in victim.finding(victim.anchor)
    record(victim.database, 1, first=60, runs=1)
    with pytest.raises(GovernanceError, match=finding):
        signed_head(victim.database, victim.who, TENANT)


@pytest.mark.parametrize("far", [2**62, -(2**63)])
def test_no_head_is_signed_where_the_log_ends_otherwise_than_the_record(victim: Victim, far: int) -> None:
    """One row at a place that no entry will ever have keeps all that follow out of the log."""
    values = f"('{TENANT}', 12, {far}, zeroblob(32))"
    victim.run(f"INSERT INTO log_entry (tenant, leaf_index, position, leaf_hash) VALUES {values}")  # noqa: S608
    record(victim.database, 1, first=50, runs=1)
    with pytest.raises(GovernanceError, match=f"no entry at position {far}, where its last one stands"):
        sequencer(victim.database, victim.who).advance()


def test_no_head_is_signed_by_hand_over_an_entry_that_is_gone(victim: Victim) -> None:
    victim.run("DELETE FROM audit_event WHERE id = 5")
    for first in (50, 60):
        with pytest.raises(GovernanceError, match="its entry at position 5 of the record is gone"):
            signed_head(victim.database, victim.who, TENANT)
        record(victim.database, 1, first=first, runs=1)


def test_a_stream_without_its_first_entry_is_found(victim: Victim) -> None:
    record(victim.database, 1, first=50, runs=1)
    victim.run("UPDATE audit_event SET stream = 'ghost', seq = 7 WHERE id = 13")
    sequencer(victim.database, victim.who).advance()
    assert "the entry at position 13 is of stream 'ghost', which has no first one" in victim.finding()


def test_nobody_signs_that_a_run_whose_last_entries_are_gone_is_whole(victim: Victim) -> None:
    with victim.database.reading() as tx:
        stream, note = run_id(0), tx.checkpoints.page(TENANT, 11, 1)[0][1]
        (*_, last) = tx.audit.positions(stream)
        assert prove_stream(tx, victim.who, TENANT, stream, note).entries
    victim.run(f"DELETE FROM audit_event WHERE id = {last}")  # noqa: S608 - what somebody types
    gone = f"position {last} of the record is gone"
    with victim.database.snapshot() as tx, pytest.raises(GovernanceError, match=gone):
        prove_stream(tx, victim.who, TENANT, stream, note)


def cut_off(victim: Victim) -> None:
    victim.run(
        "DELETE FROM audit_event WHERE id > 8",
        "DELETE FROM log_entry WHERE leaf_index > 7",
        "DELETE FROM log_node WHERE number > 14",
        "DELETE FROM log_checkpoint WHERE size > 8",
    )


def rechain(victim: Victim) -> None:
    victim.rewrite(mallory)
    victim.rebuild_log()


def reorder(victim: Victim) -> None:
    victim.run(
        "UPDATE audit_event SET id = 100 WHERE id = 5",
        "UPDATE audit_event SET id = 5 WHERE id = 6",
        "UPDATE audit_event SET id = 6 WHERE id = 100",
    )
    victim.rebuild_log()


def leave_out(victim: Victim) -> None:
    victim.run(NO_FIRST_RUN)
    victim.rebuild_log()


def replace(victim: Victim) -> None:
    victim.run("DELETE FROM audit_event", *NO_LOG)
    record(victim.database, 20, first=500)
    sequencer(victim.database, victim.who).advance()


@pytest.mark.parametrize(
    ("attack", "finding"),
    [
        (cut_off, "it has 8 entries, the anchored checkpoint has 12"),
        (rechain, "its first 12 entries are not those of the anchored checkpoint of that size"),
        (reorder, "its first 12 entries are not those of the anchored checkpoint of that size"),
        (leave_out, "it has 8 entries, the anchored checkpoint has 12"),
        (replace, "its first 12 entries are not those of the anchored checkpoint of that size"),
    ],
)
def test_a_history_rewritten_as_a_whole_and_signed_with_the_stolen_key_is_found_by_its_anchor(
    victim: Victim, attack: Attack, finding: str
) -> None:
    attack(victim)
    victim.verify()  # perfect in itself: this is what an anchor is for
    assert finding in victim.finding(victim.anchor)


@pytest.mark.parametrize("attack", [rechain, replace])
def test_a_rewritten_history_that_kept_its_checkpoints_is_never_signed_again(victim: Victim, attack: Attack) -> None:
    with victim.database.reading() as tx:
        note = tx.checkpoints.newest(TENANT)
    attack(victim)
    victim.run("DELETE FROM log_checkpoint")
    with victim.database.transaction() as tx:
        tx.checkpoints.add(TENANT, 12, str(note), AT)
    record(victim.database, 1, first=900)
    with pytest.raises(GovernanceError, match="nothing was signed") as refused:
        sequencer(victim.database, victim.who).advance()
    assert refused.value.code == "audit_broken"


def test_a_log_cut_off_below_its_checkpoint_is_never_signed_again(victim: Victim) -> None:
    victim.run("DELETE FROM audit_event WHERE id > 10", "DELETE FROM log_entry WHERE position > 10")
    with pytest.raises(GovernanceError, match="a checkpoint of 12 entries was signed, it has 10; nothing was signed"):
        sequencer(victim.database, victim.who).advance()


def test_a_tampered_subtree_hash_yields_no_proof_that_verifies(victim: Victim) -> None:
    victim.run("UPDATE log_node SET hash = zeroblob(32) WHERE number = 3")
    note = signed_head(victim.database, victim.who, TENANT)
    with victim.database.reading() as tx:
        bundle = prove_stream(tx, victim.who, TENANT, run_id(1), note)
    with pytest.raises(GovernanceError, match="is not in the tree of 12 leaves"):
        verify_bundle(bundle, victim.who.verifiers(TENANT))


def test_an_entry_that_is_not_the_one_the_log_holds_is_not_proven(victim: Victim) -> None:
    note = signed_head(victim.database, victim.who, TENANT)
    victim.run("UPDATE audit_event SET hash = printf('%064d', 0) WHERE seq = 2")
    with victim.database.reading() as tx, pytest.raises(GovernanceError, match="is not the one of") as refused:
        prove_numbered(tx, TENANT, run_id(1), 2, note)
    assert refused.value.code == "audit_broken"


def test_a_forged_checkpoint_without_the_key_is_found(victim: Victim, tmp_path: Path) -> None:
    rechain(victim)
    victim.run("DELETE FROM log_checkpoint")
    sequencer(victim.database, identity(tmp_path / "mallory")).advance()
    assert "not signed by a key that is trusted" in victim.finding()


def kept(victim: Victim) -> LogIdentity:
    """The installation's identity as a worker has it: it keeps the last signed head outside the database."""
    return dataclasses.replace(victim.who, heads=KeptHeads(victim.folder / "log"))


def test_a_history_rewritten_without_the_log_key_is_not_signed_by_the_next_checkpoint(victim: Victim) -> None:
    who = kept(victim)
    signed_head(victim.database, who, TENANT)
    victim.rewrite(mallory)
    victim.run(*NO_LOG)
    with pytest.raises(GovernanceError, match=r"does not extend the tree of 12 leaves.*nothing was signed") as refused:
        sequencer(victim.database, who).advance()
    assert refused.value.code == "audit_broken"
    record(victim.database, 3, first=100)
    with pytest.raises(GovernanceError, match="nothing was signed"):
        signed_head(victim.database, who, TENANT)
    with victim.database.reading() as tx:
        assert tx.checkpoints.newest(TENANT) is None


def test_a_record_cut_back_to_nothing_is_not_signed_anew(victim: Victim) -> None:
    who = kept(victim)
    signed_head(victim.database, who, TENANT)
    victim.run("DELETE FROM audit_event", *NO_LOG)
    with pytest.raises(GovernanceError, match="a checkpoint of 12 entries was signed, it has 0, as the head in"):
        sequencer(victim.database, who).advance()


def test_each_worker_keeps_its_own_head_and_adopts_a_newer_one_that_extends_it(victim: Victim) -> None:
    one, other = kept(victim), dataclasses.replace(victim.who, heads=KeptHeads(victim.folder / "other"))
    for who in (one, other):
        signed_head(victim.database, who, TENANT)
    record(victim.database, 2, first=50)
    newest = signed_head(victim.database, one, TENANT)
    assert sequencer(victim.database, other).advance().note == newest
    assert other.heads is not None
    assert other.heads.read(other.origin(TENANT)) == newest
    assert other.heads.place(other.origin(TENANT)).stat().st_mode & 0o077 == 0
