"""What every interface does with the log: sign its head, prove entries, verify proofs and the whole."""

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from placet.contracts.audit import AuditEvent
from placet.contracts.text import counted
from placet.errors import ConfigurationError, GovernanceError, StorageError, UsageError
from placet.files import read_given
from placet.governance.log.bundle import (
    ProofBundle,
    ProvenEntry,
    encode_proof,
    leaf_of,
    parse_bundle,
    sign_head,
    verify_bundle,
)
from placet.governance.log.chain import BROKEN
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from placet.governance.log.key import LogIdentity
from placet.governance.log.merkle import verify_consistency
from placet.governance.log.notes import VerifierKey, untrusted_text
from placet.storage.database import Database
from placet.storage.log.sequencer import LEASED, LogSequencer
from placet.storage.log.verification import check_same_entries
from placet.storage.transaction import Transaction

NOT_COVERED = "not_covered"
"""Code of the error that an entry newer than the checkpoint raises."""

_LEASE_SECONDS = 10.0
_POLL_SECONDS = 0.05


def signed_head(database: Database, identity: LogIdentity, tenant: str) -> str:
    """Return the signed checkpoint of everything on the record of `tenant` now.

    Waits while another integrator is at it, or an entry's predecessors are still being committed.

    Raises:
        UsageError: code `empty_log`; there is nothing to sign.
        StorageError: the database refused, or there was too long to wait.
        GovernanceError: code `audit_broken`: the log is not the one that was signed last, or its entries are not
            those of the record.
    """
    with database.reading() as tx:
        newest = tx.log.last_recorded(tenant)
    if newest == 0:
        raise UsageError(f"the record of tenant {tenant!r} is empty; there is nothing to sign", code="empty_log")
    sequencer = LogSequencer(database, identity, tenant, clock=lambda: datetime.now(UTC), lease_seconds=_LEASE_SECONDS)
    deadline = time.monotonic() + 2 * _LEASE_SECONDS
    while time.monotonic() < deadline:
        try:
            note = sequencer.advance().note
        except StorageError as error:
            if error.code != LEASED:
                raise
        else:
            if note is not None and _covers(database, tenant, note, newest):
                with database.snapshot() as tx:
                    check_same_entries(tx, tenant, tx.log.head(tenant))
                return note
        Event().wait(_POLL_SECONDS)
    raise StorageError(
        f"the log of tenant {tenant!r} is behind: an integrator or an unfinished transaction holds it up; try again",
        code="log_behind",
    )


def _covers(database: Database, tenant: str, note: str, position: int) -> bool:
    size = parse_checkpoint(untrusted_text(note)).size
    with database.reading() as tx:
        return any(row.position >= position for row in tx.log.page(tenant, size - 1, 1))


def record_anchoring(database: Database, tenant: str, checkpoint: Checkpoint, to: str, by: str) -> None:
    """Put on the record that `checkpoint` was given to someone who keeps it; the next one covers this entry.

    Args:
        database: Where the record is.
        tenant: Whose log.
        checkpoint: What was anchored.
        to: Where; a user name, password or query in an address is left out.
        by: Who did.
    """
    with database.transaction() as tx:
        body = {"size": checkpoint.size, "root": checkpoint.root.hex(), "to": _without_secrets(to)}
        tx.record_act(tenant, "log.anchored", by, datetime.now(UTC), secrets.token_hex(12), body)


def _without_secrets(to: str) -> str:
    if not to.startswith(("http://", "https://")):
        return to
    parts = urlsplit(to)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def prove_stream(tx: Transaction, identity: LogIdentity, tenant: str, stream: str, note: str) -> ProofBundle:
    """Prove every entry of a stream, e.g. a run, under a checkpoint, and sign that these are all.

    Args:
        tx: A snapshot: nothing may be appended to the stream between what is read of it.
        identity: Who signs.
        tenant: Whose stream.
        stream: Its name.
        note: The signed checkpoint.

    Raises:
        UsageError: code `unknown_stream`, or `not_covered`: the checkpoint is older than an entry.
        GovernanceError: code `audit_broken`: an entry of the log is gone that may have been the stream's.
    """
    events = tx.audit.read(stream)
    positions = tx.audit.positions(stream)
    if not events or events[0].tenant != tenant:
        raise _unknown(stream)
    # What is gone from the record may be its last entries: nobody signs that these are all.
    gone = tx.log.lost(tenant, min(positions))
    if gone is not None:
        raise GovernanceError(
            f"the log of tenant {tenant!r} is broken: its entry at position {gone} of the record is gone", code=BROKEN
        )
    entries = _proven(tx, tenant, dict(zip(positions, events, strict=True)), note)
    head = sign_head(parse_checkpoint(untrusted_text(note)), events, identity.key)
    return ProofBundle(stream=stream, head=head, checkpoint=note, entries=entries)


def prove_entry(tx: Transaction, tenant: str, position: int, note: str) -> ProofBundle:
    """Prove one entry, given by its position in the whole record, under a checkpoint.

    Raises:
        UsageError: code `unknown_entry`: the tenant's record has none there; `not_covered`: the checkpoint is older.
    """
    events = tx.audit.at(tenant, [position])
    if not events:
        raise UsageError(f"the record of tenant {tenant!r} has no entry at position {position}", code="unknown_entry")
    return ProofBundle(stream=None, checkpoint=note, entries=_proven(tx, tenant, events, note))


def prove_numbered(tx: Transaction, tenant: str, stream: str, number: int, note: str) -> ProofBundle:
    """Prove one entry, given by its stream, e.g. a run, and its number there, under a checkpoint.

    Raises:
        UsageError: as `prove_entry`; code `unknown_stream`: the tenant has none of this name.
    """
    positions = tx.audit.positions(stream)
    if not positions or not tx.audit.at(tenant, positions[:1]):
        raise _unknown(stream)
    if not 1 <= number <= len(positions):
        raise UsageError(
            f"{stream!r} has no entry {number}, only {len(positions)}; see `placet audit log`", code="unknown_entry"
        )
    return prove_entry(tx, tenant, positions[number - 1], note)


def _unknown(stream: str) -> UsageError:
    return UsageError(f"no audit stream {stream!r}; see `placet run list`", code="unknown_stream")


def _proven(tx: Transaction, tenant: str, events: Mapping[int, AuditEvent], note: str) -> tuple[ProvenEntry, ...]:
    size = parse_checkpoint(untrusted_text(note)).size
    proven = []
    for position, event in events.items():
        row = tx.log.find(tenant, position)
        if row is None or row.index >= size:
            raise UsageError(
                f"entry {event.seq} of {event.stream!r} is newer than the checkpoint of {_entries(size)}",
                code=NOT_COVERED,
            )
        if row.leaf != leaf_of(event.hash):
            raise GovernanceError(
                f"the log of tenant {tenant!r} is broken: its entry {row.index} is not the one of the record",
                code=BROKEN,
            )
        proof = encode_proof(tx.log.inclusion_proof(tenant, row.index, size))
        proven.append(ProvenEntry(entry=event, index=row.index, proof=proof))
    return tuple(proven)


def read_anchors(path: Path, keys: Sequence[VerifierKey], origin: str) -> list[Checkpoint]:
    """Read the anchored checkpoints of the log `origin` in a file, or in a folder of `placet audit anchor`.

    Raises:
        ConfigurationError: a file cannot be read, or the folder has none of this log.
        GovernanceError: one is not a checkpoint signed by a trusted key, or is of another log.
    """
    files = sorted(path.rglob("*.checkpoint")) if path.is_dir() else [path]
    anchors = []
    for file in files:
        # Who keeps a folder of anchors puts files there: none of them leads elsewhere.
        note = read_given(file, "checkpoint", follow=not path.is_dir())
        try:
            claimed = parse_checkpoint(untrusted_text(note)).origin
        except GovernanceError as error:
            raise GovernanceError(f"{str(file)!r} {_no_checkpoint(note, file, error)}", code=error.code) from error
        if claimed == origin:
            try:
                anchors.append(open_checkpoint(note, keys))
            except GovernanceError as error:
                line = f"checkpoint {str(file)!r} was altered, or another key signed it: {error}"
                raise GovernanceError(line, code=error.code) from error
        elif not path.is_dir():
            raise GovernanceError(f"checkpoint {str(file)!r} is of log {claimed!r}, not of {origin!r}", code=BROKEN)
    if not anchors:
        raise ConfigurationError(f"no checkpoint of log {origin!r} in {str(path)!r}")
    return anchors


def _no_checkpoint(text: str, file: Path, error: GovernanceError) -> str:
    """Return what to say of a file that was given as a checkpoint; a proof is the other file that people have."""
    try:
        parse_bundle(text)
    except GovernanceError:
        return f"is no checkpoint, as `placet audit checkpoint` and `placet audit anchor` write them: {error}"
    return f"is a proof of entries, not a checkpoint; verify it by `placet audit verify --proof {file}`"


def verify_anchored_bundle(
    bundle: ProofBundle, keys: Sequence[VerifierKey], anchors: Sequence[Checkpoint]
) -> Checkpoint:
    """Verify a bundle, and that it was made from the log that was anchored, where anchors are given.

    Raises:
        GovernanceError: see `verify_bundle`; code `audit_broken`: the anchored log has another root.
        UsageError: no anchored checkpoint has the bundle's size.
    """
    checkpoint = verify_bundle(bundle, keys)
    same = [anchor for anchor in anchors if anchor.size == checkpoint.size]
    if anchors and not same:
        raise UsageError(
            f"no anchored checkpoint has the {checkpoint.size} entries of the bundle's; "
            "have it proven under an anchored one: `placet audit prove --at FILE`"
        )
    for anchor in same:
        verify_consistency(anchor.size, anchor.root, checkpoint.size, checkpoint.root, [])
    return checkpoint


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")
