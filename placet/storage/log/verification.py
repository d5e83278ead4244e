"""Verifies a tenant's whole record from what is stored, trusting nothing but keys and anchored checkpoints.

What is verified:
    (1) every stream: its entries' hashes, links and numbering (`placet.governance.log.chain`);
    (2) the log: each entry, hashed anew from its stored content, is the one that was put there, in its place, without
        gaps; none that belongs there is left out;
    (3) every stored subtree hash, from which proofs are made;
    (4) every stored checkpoint: signed by a trusted key, with the root the entries have at its size;
    (5) every anchored checkpoint given: the same. Only these tell when all the rest was replaced as a whole.
"""

import heapq
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from placet.contracts.text import counted
from placet.errors import GovernanceError
from placet.governance.log.bundle import leaf_of
from placet.governance.log.chain import BROKEN, entry_hash
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint
from placet.governance.log.merkle import Frontier, Node
from placet.governance.log.notes import VerifierKey
from placet.storage.log.tree import LOWEST_POSITION, LogHead, LogRow
from placet.storage.transaction import Transaction

_PAGE = 500


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """What was found whole.

    Attributes:
        streams: Number of streams.
        entries: Number of entries in the log.
        pending: Entries on the record that are not in the log yet; only their stream vouches for them.
        checkpoints: Signed checkpoints that agree with the entries.
        anchors: Anchored checkpoints that agree with the entries.
        root: Root of the log, 32 bytes.
    """

    streams: int
    entries: int
    pending: int
    checkpoints: int
    anchors: int
    root: bytes


def verify_log(
    tx: Transaction, tenant: str, keys: Sequence[VerifierKey], anchors: Sequence[Checkpoint] = ()
) -> VerifiedLog:
    """Verify the record of `tenant`.

    Args:
        tx: A snapshot (`Database.snapshot`): under traffic, what is read later must not be newer.
        tenant: Whose record.
        keys: Log keys one trusts.
        anchors: Checkpoints kept elsewhere, verified (`open_checkpoint`) by the caller.

    Raises:
        GovernanceError: code `audit_broken`, naming the first thing that does not fit; `note_unsigned` or
            `bad_signature`: a stored checkpoint is not signed by a trusted key.
    """
    head = tx.log.head(tenant)
    streams = frozenset(tx.audit.streams(tenant))
    for stream in streams:
        tx.audit.verify(stream)
    expected = _Expected(tx, tenant, keys, anchors)
    frontier = _walk(tx, tenant, head, expected, streams)
    expected.none_left(frontier.size)
    check_same_entries(tx, tenant, head)
    return VerifiedLog(
        streams=len(streams),
        entries=frontier.size,
        pending=tx.log.pending(tenant, head),
        checkpoints=expected.checkpoints,
        anchors=len(anchors),
        root=frontier.root(),
    )


def check_same_entries(tx: Transaction, tenant: str, head: LogHead) -> None:
    """Make sure that the log and the record up to its head have the same entries; what they say is not compared.

    Raises:
        GovernanceError: code `audit_broken`.
    """
    lost = tx.log.lost(tenant, LOWEST_POSITION)
    if lost is not None:
        raise _broken(tenant, f"its entry at position {lost} of the record is gone")
    skipped = tx.log.skipped(tenant, head)
    if skipped is not None:
        raise _broken(tenant, f"the entry at position {skipped} of the record is not in it")


class _Expected:
    """Signed sizes and roots, smallest first, each compared when the log that is recomputed has come so far."""

    def __init__(
        self, tx: Transaction, tenant: str, keys: Sequence[VerifierKey], anchors: Sequence[Checkpoint]
    ) -> None:
        self._tenant = tenant
        self.checkpoints = 0
        anchored = sorted((("anchored", checkpoint) for checkpoint in anchors), key=_size)
        self._waiting = heapq.merge(self._stored(tx, keys), anchored, key=_size)
        self._next = next(self._waiting, None)

    def compare(self, frontier: Frontier) -> None:
        while self._next is not None and self._next[1].size == frontier.size:
            kind, checkpoint = self._next
            if checkpoint.root != frontier.root():
                raise _broken(
                    self._tenant,
                    f"its first {frontier.size} entries are not those of the {kind} checkpoint of that size",
                )
            self._next = next(self._waiting, None)

    def none_left(self, size: int) -> None:
        if self._next is not None:
            kind, checkpoint = self._next
            raise _broken(
                self._tenant, f"it has {counted(size, 'entry', 'entries')}, the {kind} checkpoint has {checkpoint.size}"
            )

    def _stored(self, tx: Transaction, keys: Sequence[VerifierKey]) -> Iterator[tuple[str, Checkpoint]]:
        after = -1
        while page := tx.checkpoints.page(self._tenant, after, _PAGE):
            for size, note in page:
                checkpoint = open_checkpoint(note, keys)
                if checkpoint.size != size:
                    raise _broken(
                        self._tenant,
                        f"its checkpoint of {counted(checkpoint.size, 'entry', 'entries')} is stored as {size}",
                    )
                self.checkpoints += 1
                yield "stored", checkpoint
            after = page[-1][0]


def _walk(tx: Transaction, tenant: str, head: LogHead, expected: _Expected, streams: AbstractSet[str]) -> Frontier:
    frontier = Frontier()
    expected.compare(frontier)
    position = 0
    while frontier.size < head.size:
        rows = tx.log.page(tenant, frontier.size, min(_PAGE, head.size - frontier.size))
        if not rows:
            raise _broken(tenant, f"entry {frontier.size} is missing")
        leaves = _leaves(tx, tenant, rows, streams)
        completed: dict[Node, bytes] = {}
        for row in rows:
            if row.index != frontier.size:
                raise _broken(tenant, f"entry {frontier.size} is missing")
            if row.position <= position:
                raise _broken(tenant, f"entry {row.index} is out of order")
            if leaves.get(row.position) != row.leaf:
                gone = row.position not in leaves
                raise _broken(
                    tenant,
                    f"entry {row.index}, at position {row.position} of the record, "
                    + ("is gone" if gone else "is not the one that was put there"),
                )
            position = row.position
            completed.update(frontier.append(row.leaf))
            expected.compare(frontier)
        _compare_stored(tx, tenant, completed)
    return frontier


def _leaves(tx: Transaction, tenant: str, rows: Sequence[LogRow], streams: AbstractSet[str]) -> dict[int, bytes]:
    events = tx.audit.at(tenant, [row.position for row in rows])
    for position, event in events.items():
        if event.stream not in streams:
            fault = f"the entry at position {position} is of stream {event.stream!r}, which has no first one"
            raise _broken(tenant, fault)
    return {position: leaf_of(entry_hash(event)) for position, event in events.items()}


def _compare_stored(tx: Transaction, tenant: str, completed: dict[Node, bytes]) -> None:
    stored = tx.log.stored_nodes(tenant, [node for node in completed if node.level])
    for node, digest in completed.items():
        if node.level and stored.get(node) != digest:
            first = node.ordinal << node.level
            raise _broken(tenant, f"the stored hash of its entries {first} to {first + (1 << node.level) - 1} is wrong")


def _size(item: tuple[str, Checkpoint]) -> int:
    return item[1].size


def _broken(tenant: str, fault: str) -> GovernanceError:
    return GovernanceError(f"the log of tenant {tenant!r} is broken: {fault}", code=BROKEN)
