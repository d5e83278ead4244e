"""Quick checks of the record, each of bounded work. `placet audit verify` verifies all of it.

`verify_newest` answers, for the newest entries of the log:
    (1) each, hashed anew from its stored content, is the one that was put there, in its place, without gaps;
    (2) it goes on from the entry before it in its stream, where that is among those looked at;
    (3) the tree over them and the stored hashes of all older ones has the root of the newest signed head;
    (4) that head is signed by the log's key, where it is known here.
What is older is taken as the hashes over it say: whoever replaced older content without its hashes is not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.errors import GovernanceError
from placet.governance.log.bundle import leaf_of
from placet.governance.log.chain import BROKEN, entry_hash
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from placet.governance.log.merkle import PROOF_INVALID, verify_consistency
from placet.governance.log.notes import VerifierKey, untrusted_text
from placet.storage.log.tree import LogRow
from placet.storage.transaction import Transaction

MOST_VERIFIED: Final = 1000
_PAGE: Final = 250
_ANCHORS: Final = 10


@dataclass(frozen=True, slots=True)
class VerifiedPart:
    """What was found whole.

    Attributes:
        first: Number of the first entry that was verified.
        last: Number of the last one, up to which the head was signed.
        signed: Whether the head's signature was verified.
    """

    first: int
    last: int
    root: str
    signed: bool


@dataclass(frozen=True, slots=True)
class Anchored:
    """A head that was given to somebody who keeps it, as our own record says.

    Attributes:
        fault: Why the log as it is now does not extend it; empty where it does.
    """

    at: datetime
    by: str
    to: str
    size: int
    root: str
    fault: str


def newest_head(tx: Transaction, tenant: str) -> Checkpoint | None:
    """Return the newest head that was signed, its signature not verified; None where none was.

    Raises:
        GovernanceError: it cannot be read.
    """
    note = tx.checkpoints.newest(tenant)
    return None if note is None else parse_checkpoint(untrusted_text(note))


def verify_newest(tx: Transaction, tenant: str, keys: Sequence[VerifierKey] | None) -> VerifiedPart | None:
    """Verify the newest entries under the newest signed head; None where no head was signed.

    Args:
        tx: A snapshot.
        tenant: Whose record.
        keys: Log keys one trusts; None: the signature is not verified.

    Raises:
        GovernanceError: code `audit_broken`, naming the first thing that does not fit, or that of the signature.
    """
    note = tx.checkpoints.newest(tenant)
    if note is None:
        return None
    head = parse_checkpoint(untrusted_text(note)) if keys is None else open_checkpoint(note, keys)
    first = max(0, head.size - MOST_VERIFIED)
    frontier = tx.log.frontier(tenant, first)
    ends: dict[str, AuditEvent] = {}
    while frontier.size < head.size:
        rows = tx.log.page(tenant, frontier.size, min(_PAGE, head.size - frontier.size))
        events = tx.audit.at(tenant, [row.position for row in rows])
        if not rows:
            raise _broken(tenant, f"its entry {frontier.size + 1} is missing")
        for row in rows:
            if row.index != frontier.size:
                raise _broken(tenant, f"its entry {frontier.size + 1} is missing")
            _check_entry(tenant, row, events.get(row.position), ends)
            for _ in frontier.append(row.leaf):
                pass
    if frontier.root() != head.root:
        raise _broken(tenant, f"its first {head.size} entries are not those of the signed head of that size")
    return VerifiedPart(first + 1, head.size, head.root.hex(), keys is not None)


def list_anchored(tx: Transaction, tenant: str) -> tuple[Anchored, ...]:
    """Return the newest anchorings on the tenant's record, newest first, each compared with the log as it is now."""
    stream = tenant_stream(tenant)
    looked = tx.entries.look(tenant, stream=stream, kind="log.anchored", after=None, limit=_ANCHORS)
    events = tx.audit.at(tenant, looked.positions)
    return tuple(_anchored(tx, tenant, events[position]) for position in looked.positions)


def _check_entry(tenant: str, row: LogRow, event: AuditEvent | None, ends: dict[str, AuditEvent]) -> None:
    if event is None:
        raise _broken(tenant, f"its entry {row.index + 1} is gone from the record")
    if leaf_of(entry_hash(event)) != row.leaf:
        raise _broken(tenant, f"its entry {row.index + 1} is not the one that was put there")
    before = ends.get(event.stream)
    if before is not None and (event.seq, event.prev_hash) != (before.seq + 1, before.hash):
        raise _broken(tenant, f"its entry {row.index + 1} does not go on from the one before it in {event.stream!r}")
    ends[event.stream] = event


def _anchored(tx: Transaction, tenant: str, event: AuditEvent) -> Anchored:
    size, root, to = event.body.get("size"), str(event.body.get("root", "")), str(event.body.get("to", ""))
    if not isinstance(size, int) or size < 0:
        return Anchored(event.at, event.actor, to, 0, root, "the entry does not say which head it was")
    try:
        head = tx.log.head(tenant)
        if size > head.size:
            fault = f"the log has {head.size} entries, fewer than were anchored"
        else:
            proof = tx.log.consistency_proof(tenant, size, head.size)
            now = tx.log.frontier(tenant, head.size).root()
            verify_consistency(size, bytes.fromhex(root), head.size, now, proof)
            fault = ""
    except (GovernanceError, ValueError) as error:
        code = error.code if isinstance(error, GovernanceError) else PROOF_INVALID
        fault = f"the log is not the one that was anchored ({code})"
    return Anchored(event.at, event.actor, to, size, root, fault)


def _broken(tenant: str, fault: str) -> GovernanceError:
    return GovernanceError(f"the log of tenant {tenant!r} is broken: {fault}", code=BROKEN)
