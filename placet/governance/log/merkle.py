"""The Merkle tree of RFC 9162 §2.1 over SHA-256: tree hash, inclusion proof, consistency proof.

A proof is planned first (which complete subtrees it needs) and resolved from their hashes afterwards, so that a store
can fetch them in one query; only `MemoryTree` holds a tree. Verification raises; it never answers with a bool.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from placet.errors import GovernanceError

HASH_BYTES: Final = 32
"""Length of every hash, in bytes."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without leaves (§2.1.1)."""

PROOF_INVALID: Final = "proof_invalid"
"""Code of the error that a proof which does not verify raises."""


class Node(NamedTuple):
    """A complete subtree: number `ordinal`, from 0, of those with 2^`level` leaves. Once complete it never changes."""

    level: int
    ordinal: int

    @property
    def number(self) -> int:
        """The node's place in an in-order walk of the tree: one integer for each node, whatever the tree's size."""
        return (self.ordinal << (self.level + 1)) | ((1 << self.level) - 1)


Plan = list[list[Node]]
"""For each hash of a proof, the complete subtrees it is made of, from left to right."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf; its prefix differs from an interior node's, so that none can pass for the other."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The complete subtrees a tree is made of: all one needs to let it grow and to know its root at each size.

    Args:
        size: Number of leaves so far.
        hashes: Hashes of `covering(0, size)`.

    Raises:
        ValueError: `hashes` are not as many as a tree of `size` is made of.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves is made of {size.bit_count()} subtrees, not {len(hashes)}")
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> Iterator[tuple[Node, bytes]]:
        """Add a leaf, given by its hash; yields every node this completes: the leaf, then upwards.

        The tree has grown when the iterator is exhausted.
        """
        level, ordinal, digest = 0, self.size, leaf
        yield Node(level, ordinal), digest
        while ordinal & 1:
            digest = node_hash(self._hashes.pop(), digest)
            level, ordinal = level + 1, ordinal >> 1
            yield Node(level, ordinal), digest
        self._hashes.append(digest)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree hash at the present size."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT


def covering(start: int, end: int) -> list[Node]:
    """Return the complete subtrees that make up leaves `start` to `end` (exclusive), from left to right.

    `start` is a multiple of the first subtree's width, as it is in every range of §2.1.
    """
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def inclusion_plan(index: int, size: int) -> Plan:
    """Return the nodes that make up the inclusion proof of leaf `index` in a tree of `size` leaves (§2.1.3.1).

    Raises:
        ValueError: that tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end = 0, size
    plan: Plan = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            plan.append(covering(middle, end))
            end = middle
        else:
            plan.append(covering(start, middle))
            start = middle
    return plan[::-1]


def consistency_plan(old_size: int, new_size: int) -> Plan:
    """Return the nodes that prove that the tree of `new_size` extends the one of `old_size` (§2.1.4.1).

    Empty between equal sizes and from the empty tree, which every tree extends.

    Raises:
        ValueError: the old tree is the larger one.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} leaves does not extend one of {old_size}")
    if old_size == 0:
        return []
    start, end, rest = 0, new_size, old_size
    plan: Plan = []
    while rest < end - start:
        width = _split(end - start)
        middle = start + width
        if rest <= width:
            plan.append(covering(middle, end))
            end = middle
        else:
            plan.append(covering(start, middle))
            start, rest = middle, rest - width
    if start > 0:
        plan.append(covering(start, end))
    return plan[::-1]


def resolve(plan: Plan, hashes: Mapping[Node, bytes]) -> list[bytes]:
    """Compute the proof that a plan describes, from the hashes of its nodes."""
    return [_fold([hashes[node] for node in nodes]) for nodes in plan]


class MemoryTree:
    """A whole tree in memory: for as many leaves as one document is about, not for a log.

    Args:
        leaves: The leaves' hashes, in their order.
    """

    __slots__ = ("_nodes", "root", "size")

    def __init__(self, leaves: Iterable[bytes]) -> None:
        frontier = Frontier()
        self._nodes: dict[Node, bytes] = {}
        for leaf in leaves:
            self._nodes.update(frontier.append(leaf))
        self.size = frontier.size
        self.root = frontier.root()

    def inclusion(self, index: int) -> list[bytes]:
        """Return the inclusion proof of leaf `index` (§2.1.3.1), from its sibling upwards.

        Raises:
            ValueError: the tree has no such leaf.
        """
        return resolve(inclusion_plan(index, self.size), self._nodes)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that the tree of `size` leaves with this root has the leaf hash `leaf` at `index` (§2.1.3.2).

    Raises:
        GovernanceError: code `proof_invalid`; it does not, or the proof is not one for this place.
    """
    if not 0 <= index < size:
        raise GovernanceError(f"a tree of {size} leaves has no leaf {index}", code=PROOF_INVALID)
    here, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise GovernanceError(f"the inclusion proof of leaf {index} is too long", code=PROOF_INVALID)
        if here & 1 or here == last:
            digest = node_hash(sibling, digest)
            here, last = _climb(here, last)
        else:
            digest = node_hash(digest, sibling)
        here, last = here >> 1, last >> 1
    if last != 0 or digest != root:
        raise GovernanceError(f"leaf {index} is not in the tree of {size} leaves with this root", code=PROOF_INVALID)


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Verify that the new tree has every leaf of the old one, unchanged and in its place (§2.1.4.2).

    Raises:
        GovernanceError: code `proof_invalid`; it does not, or the proof is not one for these sizes.
    """
    if not 0 <= old_size <= new_size:
        raise GovernanceError(f"a tree of {new_size} leaves does not extend one of {old_size}", code=PROOF_INVALID)
    if old_size in {0, new_size}:
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if proof or old_root != expected:
            raise _inconsistent(old_size, new_size)
        return
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not path:
        raise _inconsistent(old_size, new_size)
    here, last = _skip_right_turns(old_size - 1, new_size - 1)
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _inconsistent(old_size, new_size)
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            here, last = _climb(here, last)
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    if last != 0 or old != old_root or new != new_root:
        raise _inconsistent(old_size, new_size)


def _inconsistent(old_size: int, new_size: int) -> GovernanceError:
    return GovernanceError(
        f"the tree of {new_size} leaves does not extend the tree of {old_size} leaves", code=PROOF_INVALID
    )


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _fold(hashes: Sequence[bytes]) -> bytes:
    digest = hashes[-1]
    for left in reversed(hashes[:-1]):
        digest = node_hash(left, digest)
    return digest


def _climb(here: int, last: int) -> tuple[int, int]:
    """Skip the levels at which the last node has no sibling."""
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last


def _skip_right_turns(here: int, last: int) -> tuple[int, int]:
    while here & 1:
        here, last = here >> 1, last >> 1
    return here, last
