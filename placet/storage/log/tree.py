"""A tenant's Merkle log: the record's entries in one order, and the hashes that proofs are made of.

Leaves are rows of `log_entry`; every complete subtree above them is a row of `log_node`, written once, when its last
leaf arrives. So a proof in a log of n entries reads at most 2 log2 n rows, in one query, and nothing stored ever
changes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    and_,
    any_,
    bindparam,
    func,
    insert,
    select,
    union_all,
)

from placet.errors import GovernanceError
from placet.governance.log.chain import BROKEN
from placet.governance.log.merkle import Frontier, Node, consistency_plan, covering, inclusion_plan, resolve
from placet.storage.sql.driver import Connection
from placet.storage.tables import AUDIT, LOG_ENTRY, LOG_NODE

LOWEST_POSITION: Final = -(2**63)
"""No entry has a lower one. Ours begin at 1; whoever owns the database can give an entry one below zero."""

_OF_TENANT = LOG_ENTRY.c.tenant == bindparam("tenant")
_HEAD = (
    select(LOG_ENTRY.c.leaf_index, LOG_ENTRY.c.position)
    .where(_OF_TENANT)
    .order_by(LOG_ENTRY.c.leaf_index.desc())
    .limit(1)
)
_PLACE = select(LOG_ENTRY.c.leaf_index, LOG_ENTRY.c.leaf_hash).where(
    _OF_TENANT, LOG_ENTRY.c.position == bindparam("position")
)
_PAGE = (
    select(LOG_ENTRY.c.leaf_index, LOG_ENTRY.c.position, LOG_ENTRY.c.leaf_hash)
    .where(_OF_TENANT, LOG_ENTRY.c.leaf_index >= bindparam("first"))
    .order_by(LOG_ENTRY.c.leaf_index)
    .limit(bindparam("limit"))
)
_SKIPPED = (
    select(AUDIT.c.id)
    .outerjoin(LOG_ENTRY, and_(LOG_ENTRY.c.position == AUDIT.c.id, LOG_ENTRY.c.tenant == AUDIT.c.tenant))
    .where(AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id <= bindparam("position"), LOG_ENTRY.c.position.is_(None))
    .order_by(AUDIT.c.id)
    .limit(1)
)
_LOST = (
    select(LOG_ENTRY.c.position)
    .outerjoin(AUDIT, and_(AUDIT.c.id == LOG_ENTRY.c.position, AUDIT.c.tenant == LOG_ENTRY.c.tenant))
    .where(_OF_TENANT, LOG_ENTRY.c.position >= bindparam("first"), AUDIT.c.id.is_(None))
    .order_by(LOG_ENTRY.c.position)
    .limit(1)
)
_INSERT_ENTRY = insert(LOG_ENTRY).inline()
_INSERT_NODE = insert(LOG_NODE).inline()
_LAST_RECORDED = select(func.max(AUDIT.c.id)).where(AUDIT.c.tenant == bindparam("tenant"))
_PENDING = select(func.count()).where(AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id > bindparam("position"))


def _stored(numbers: ColumnElement[bool], indices: ColumnElement[bool]) -> CompoundSelect[int, bytes]:
    """Select subtrees and leaves in one query, each under its in-order number: a leaf's is twice its index."""
    inner = select(LOG_NODE.c.number, LOG_NODE.c.hash).where(LOG_NODE.c.tenant == bindparam("tenant"), numbers)
    leaves = select(2 * LOG_ENTRY.c.leaf_index, LOG_ENTRY.c.leaf_hash).where(_OF_TENANT, indices)
    return union_all(inner, leaves)


_STORED = _stored(
    LOG_NODE.c.number.in_(bindparam("numbers", expanding=True)),
    LOG_ENTRY.c.leaf_index.in_(bindparam("indices", expanding=True)),
)
# On PostgreSQL one array instead of a place for each number: the same text for every proof, so that it is planned once.
_STORED_BY_ARRAY = _stored(
    LOG_NODE.c.number == any_(bindparam("numbers", type_=ARRAY(BigInteger))),
    LOG_ENTRY.c.leaf_index == any_(bindparam("indices", type_=ARRAY(BigInteger))),
)


@dataclass(frozen=True, slots=True)
class LogHead:
    """How far a log has come.

    Attributes:
        size: Number of entries.
        position: Position in the record (`AuditLog.tail`) of the last one, 0 when there is none.
    """

    size: int
    position: int


@dataclass(frozen=True, slots=True)
class LogRow:
    """A stored entry of a log: its index, its position in the record, its leaf hash."""

    index: int
    position: int
    leaf: bytes


class LogTree:
    """The logs of all tenants. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self, tenant: str) -> LogHead:
        """Return how far the log of `tenant` has come."""
        row = self._connection.execute(_HEAD, {"tenant": tenant}).one_or_none()
        return LogHead(0, 0) if row is None else LogHead(row[0] + 1, row[1])

    def frontier(self, tenant: str, size: int) -> Frontier:
        """Return the tree of the first `size` entries, ready to grow and to compute its root.

        Raises:
            GovernanceError: code `audit_broken`; hashes are missing.
        """
        nodes = covering(0, size)
        hashes = self._hashes(tenant, nodes)
        return Frontier(size, [hashes[node] for node in nodes])

    def append(self, tenant: str, entries: Sequence[LogRow], nodes: Iterable[tuple[Node, bytes]]) -> None:
        """Store new entries and the subtrees they completed.

        Raises:
            GovernanceError: code `constraint` or `append_only`, when the transaction's database is asked: one of
                these places in the log is taken.
        """
        rows = [
            {"tenant": tenant, "leaf_index": entry.index, "position": entry.position, "leaf_hash": entry.leaf}
            for entry in entries
        ]
        above = [{"tenant": tenant, "number": node.number, "hash": digest} for node, digest in nodes if node.level]
        self._connection.execute(_INSERT_ENTRY, rows)
        if above:
            self._connection.execute(_INSERT_NODE, above)

    def inclusion_proof(self, tenant: str, index: int, size: int) -> list[bytes]:
        """Return the proof that entry `index` is in the log of the first `size` entries (RFC 9162 §2.1.3.1).

        Raises:
            GovernanceError: code `audit_broken`; hashes are missing.
            ValueError: that log has no such entry.
        """
        plan = inclusion_plan(index, size)
        return resolve(plan, self._hashes(tenant, [node for nodes in plan for node in nodes]))

    def consistency_proof(self, tenant: str, old_size: int, new_size: int) -> list[bytes]:
        """Return the proof that the log at `new_size` extends the log at `old_size` (RFC 9162 §2.1.4.1).

        Raises:
            GovernanceError: code `audit_broken`; hashes are missing.
            ValueError: the old size is the larger one.
        """
        plan = consistency_plan(old_size, new_size)
        return resolve(plan, self._hashes(tenant, [node for nodes in plan for node in nodes]))

    def find(self, tenant: str, position: int) -> LogRow | None:
        """Return where the entry at a position in the record stands in the log; None when it is not there (yet).

        Raises:
            GovernanceError: code `audit_broken`; it stands there twice.
        """
        rows = self._connection.execute(_PLACE, {"tenant": tenant, "position": position}).all()
        if len(rows) > 1:
            fault = f"the log of tenant {tenant!r} is broken: it has position {position} twice"
            raise GovernanceError(fault, code=BROKEN)
        return None if not rows else LogRow(rows[0][0], position, rows[0][1])

    def page(self, tenant: str, first: int, limit: int) -> list[LogRow]:
        """Return the entries from index `first` on."""
        rows = self._connection.execute(_PAGE, {"tenant": tenant, "first": first, "limit": limit})
        return [LogRow(index, position, leaf) for index, position, leaf in rows]

    def stored_nodes(self, tenant: str, nodes: Sequence[Node]) -> dict[Node, bytes]:
        """Return the stored hashes of these subtrees; leave out what is missing."""
        wanted = {node.number: node for node in nodes}
        query = _STORED_BY_ARRAY if self._connection.dialect.name == "postgresql" else _STORED
        values = {
            "tenant": tenant,
            "numbers": [node.number for node in nodes if node.level],
            "indices": [node.ordinal for node in nodes if not node.level],
        }
        return {wanted[number]: digest for number, digest in self._connection.execute(query, values)}

    def skipped(self, tenant: str, head: LogHead) -> int | None:
        """Find an entry of the record that should be in the log and is not; return its position, or None."""
        position: int | None = self._connection.scalar(_SKIPPED, {"tenant": tenant, "position": head.position})
        return position

    def lost(self, tenant: str, first: int) -> int | None:
        """Return the position, `first` or above, of an entry that only the log has; None where there is none."""
        position: int | None = self._connection.scalar(_LOST, {"tenant": tenant, "first": first})
        return position

    def ends_on_record(self, tenant: str, head: LogHead) -> bool:
        """Return whether the record has the log's last entry. Where it has not, nothing new gets into the log."""
        return head.size == 0 or self.lost(tenant, head.position) is None

    def last_recorded(self, tenant: str) -> int:
        """Return the position of the newest entry on the record of `tenant`, in its log or not; 0 if none."""
        return self._connection.scalar(_LAST_RECORDED, {"tenant": tenant}) or 0

    def pending(self, tenant: str, head: LogHead) -> int:
        """Count the entries of the record that wait to be put into the log."""
        return self._connection.scalar(_PENDING, {"tenant": tenant, "position": head.position}) or 0

    def _hashes(self, tenant: str, nodes: Sequence[Node]) -> dict[Node, bytes]:
        found = self.stored_nodes(tenant, nodes)
        missing = [node for node in nodes if node not in found]
        if missing:
            raise GovernanceError(
                f"the log of tenant {tenant!r} is broken: no hash of the 2^{missing[0].level} entries "
                f"from {missing[0].ordinal << missing[0].level}",
                code=BROKEN,
            )
        return found
