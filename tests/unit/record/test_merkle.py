"""The tree is RFC 9162's: its own example, an independent implementation, and every proof for every small tree."""

import hashlib
from collections.abc import Iterator

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.errors import GovernanceError
from placet.governance.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    MemoryTree,
    Node,
    consistency_plan,
    covering,
    inclusion_plan,
    leaf_hash,
    node_hash,
    resolve,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 33


class Tree:
    """All complete subtrees of a tree, kept in memory."""

    def __init__(self, size: int) -> None:
        self.data = [bytes([number]) * (number % 5) + b"entry" for number in range(size)]
        self.leaves = [leaf_hash(entry) for entry in self.data]
        self.nodes: dict[Node, bytes] = {}
        self.roots = [EMPTY_ROOT]
        frontier = Frontier()
        for leaf in self.leaves:
            self.nodes.update(frontier.append(leaf))
            self.roots.append(frontier.root())

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return resolve(inclusion_plan(index, size), self.nodes)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return resolve(consistency_plan(old, new), self.nodes)


def pairs(smallest: int = 0) -> Iterator[tuple[int, int]]:
    return ((small, large) for large in range(LARGEST + 1) for small in range(smallest, large + 1))


TREE = Tree(LARGEST)


def test_hashes_are_separated_and_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


def test_rfc_9162_section_2_1_5_example_tree_of_seven() -> None:
    entries = [f"d{number}".encode() for number in range(7)]
    a, b, c, d, e, f, j = (leaf_hash(entry) for entry in entries)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - the names of the RFC
    root = node_hash(k, l)

    frontier = Frontier()
    nodes = {node: digest for leaf in (a, b, c, d, e, f, j) for node, digest in frontier.append(leaf)}
    assert frontier.root() == root == MemoryTree([a, b, c, d, e, f, j]).root
    assert [node_hash(g, c), k, node_hash(k, i)] == [MemoryTree([a, b, c, d, e, f][:size]).root for size in (3, 4, 6)]

    assert resolve(inclusion_plan(0, 7), nodes) == [b, h, l]
    assert resolve(inclusion_plan(3, 7), nodes) == [c, g, l]
    assert resolve(inclusion_plan(4, 7), nodes) == [f, j, k]
    assert resolve(inclusion_plan(6, 7), nodes) == [i, k]
    assert resolve(consistency_plan(3, 7), nodes) == [c, d, g, l]
    assert resolve(consistency_plan(4, 7), nodes) == [l]
    assert resolve(consistency_plan(6, 7), nodes) == [i, j, k]
    verify_inclusion(d, 3, 7, [c, g, l], root)
    verify_consistency(3, node_hash(g, c), 7, root, [c, d, g, l])


def test_an_independent_implementation_has_the_same_roots_and_proofs() -> None:
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in TREE.data:
        other.append_entry(entry)
    for size in range(LARGEST + 1):
        assert other.get_root(size) == TREE.roots[size]
        for index in range(size):
            path = other.prove_inclusion(index + 1, size).path
            assert path == [TREE.leaves[index], *TREE.inclusion(index, size)]
    # Its consistency proofs take the right subtree apart where the RFC's do not: each verifies under the other's roots.
    for old, new in pairs(1):
        verify_consistency(old, other.get_root(old), new, other.get_root(new), TREE.consistency(old, new))
        pymerkle.verify_consistency(TREE.roots[old], TREE.roots[new], other.prove_consistency(old, new))


def test_a_tree_in_memory_has_the_same_roots_and_proofs() -> None:
    assert MemoryTree([]).root == EMPTY_ROOT
    for size in range(1, LARGEST + 1):
        tree = MemoryTree(iter(TREE.leaves[:size]))
        assert (tree.size, tree.root) == (size, TREE.roots[size])
        assert [tree.inclusion(index) for index in range(size)] == [
            TREE.inclusion(index, size) for index in range(size)
        ]
        with pytest.raises(ValueError, match=f"a tree of {size} leaves has no leaf {size}"):
            tree.inclusion(size)


def test_every_leaf_of_every_small_tree_is_proven_and_no_other_place_accepts_the_proof() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = TREE.inclusion(index, size)
            verify_inclusion(TREE.leaves[index], index, size, proof, TREE.roots[size])
            for wrong in {index ^ 1, size - 1 - index} - {index}:
                with pytest.raises(GovernanceError, match="leaf") as refused:
                    verify_inclusion(TREE.leaves[index], wrong, size, proof, TREE.roots[size])
                assert refused.value.code == "proof_invalid"


def test_every_small_tree_is_proven_to_extend_every_smaller_one() -> None:
    for old, new in pairs():
        proof = TREE.consistency(old, new)
        verify_consistency(old, TREE.roots[old], new, TREE.roots[new], proof)
        for bent in ([*proof, TREE.roots[old]], proof[:-1] if proof else [EMPTY_ROOT]):
            with pytest.raises(GovernanceError) as refused:
                verify_consistency(old, TREE.roots[old], new, TREE.roots[new], bent)
            assert refused.value.code == "proof_invalid"


sizes = st.integers(1, LARGEST)


@given(data=st.data(), size=sizes)
def test_a_proof_with_any_bit_changed_proves_nothing(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = TREE.inclusion(index, size)
    parts = [TREE.leaves[index], TREE.roots[size], *proof]
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(changed)
    with pytest.raises(GovernanceError):
        verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@given(data=st.data(), new=st.integers(2, LARGEST))
def test_a_history_with_any_entry_changed_is_not_extended(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    forged = list(TREE.leaves[:new])
    forged[changed] = leaf_hash(b"forged")
    frontier = Frontier()
    nodes = {node: digest for leaf in forged for node, digest in frontier.append(leaf)}
    proof = resolve(consistency_plan(old, new), nodes)
    with pytest.raises(GovernanceError):
        verify_consistency(old, TREE.roots[old], new, frontier.root(), proof)


@given(data=st.data(), new=st.integers(2, LARGEST))
def test_a_consistency_proof_with_any_hash_changed_proves_nothing(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    parts = [TREE.roots[old], TREE.roots[new], *TREE.consistency(old, new)]
    parts[data.draw(st.integers(0, len(parts) - 1))] = leaf_hash(b"forged")
    with pytest.raises(GovernanceError):
        verify_consistency(old, parts[0], new, parts[1], parts[2:])


@given(before=st.integers(0, LARGEST), after=st.integers(0, LARGEST))
def test_a_tree_grows_from_its_frontier_as_from_its_leaves(before: int, after: int) -> None:
    frontier = Frontier(before, [TREE.nodes[node] for node in covering(0, before)])
    assert frontier.root() == TREE.roots[before]
    for leaf in TREE.leaves[before:after]:
        for node, digest in frontier.append(leaf):
            assert TREE.nodes[node] == digest
    assert frontier.root() == TREE.roots[max(before, after)]
    assert frontier.size == max(before, after)


def test_every_node_has_a_number_of_its_own() -> None:
    nodes = [Node(level, ordinal) for level in range(8) for ordinal in range(64)]
    assert len({node.number for node in nodes}) == len(nodes)
    assert [Node(0, n).number for n in range(4)] == [0, 2, 4, 6]
    assert (Node(1, 0).number, Node(2, 0).number, Node(1, 1).number) == (1, 3, 5)
    # A log of 2^62 entries fits the integers of both databases.
    assert Node(0, 2**62 - 1).number < 2**63


@settings(max_examples=200)
@given(size=st.integers(1, 2**62), data=st.data())
def test_a_proof_needs_as_many_reads_as_the_logarithm_of_the_log(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    depth = size.bit_length()
    for plan in (inclusion_plan(index, size), consistency_plan(old, size)):
        assert len(plan) <= depth + 1
        assert sum(len(nodes) for nodes in plan) <= 2 * depth


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves has no leaf 3"):
        inclusion_plan(3, 3)
    with pytest.raises(ValueError, match="a tree of 3 leaves does not extend one of 4"):
        consistency_plan(4, 3)
    with pytest.raises(ValueError, match="a tree of 3 leaves is made of 2 subtrees, not 1"):
        Frontier(3, [EMPTY_ROOT])
    with pytest.raises(GovernanceError, match="a tree of 0 leaves has no leaf 0"):
        verify_inclusion(EMPTY_ROOT, 0, 0, [], EMPTY_ROOT)
    with pytest.raises(GovernanceError, match="does not extend"):
        verify_consistency(2, TREE.roots[2], 1, TREE.roots[1], [])
    with pytest.raises(GovernanceError, match="does not extend"):
        verify_consistency(0, TREE.roots[1], 1, TREE.roots[1], [])
