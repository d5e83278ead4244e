"""The Merkle log of each tenant."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text, UniqueConstraint

from placet.storage.tables.base import UtcDateTime, metadata

LOG_ENTRY = Table(
    "log_entry",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    UniqueConstraint("position", name="uq_log_entry_position"),
    sqlite_with_rowid=False,
)
"""An entry of the record at its place in its tenant's Merkle log. INSERT only."""


LOG_NODE = Table(
    "log_node",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""The hash of a complete subtree above the leaves, under its in-order number. INSERT only: it never changes."""


LOG_CHECKPOINT = Table(
    "log_checkpoint",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("signed_at", UtcDateTime, nullable=False),
)
"""A signed head of a log, one for each size at most. INSERT only."""


LOG_LEASE = Table(
    "log_lease",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
)
"""Which integrator may extend a tenant's log, and until when."""
