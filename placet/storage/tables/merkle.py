"""The Merkle log of each tenant."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field

from placet.storage.tables.base import Row, UtcDateTime, table_of


class LogEntry(Row, table=True):
    """An entry of the record at its place in its tenant's Merkle log. INSERT only."""

    __tablename__ = "log_entry"
    __table_args__ = (
        UniqueConstraint("position", name="uq_log_entry_position"),
        UniqueConstraint("tenant", "leaf_hash", name="uq_log_entry_tenant_leaf_hash"),
        {"sqlite_with_rowid": False},
    )

    tenant: str = Field(sa_type=Text, primary_key=True)
    leaf_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    position: int = Field(sa_type=BigInteger)
    leaf_hash: bytes


class LogNode(Row, table=True):
    """The hash of a complete subtree above the leaves, under its in-order number. INSERT only: it never changes."""

    __tablename__ = "log_node"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tenant: str = Field(sa_type=Text, primary_key=True)
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: bytes


class LogCheckpoint(Row, table=True):
    """A signed head of a log, one for each size at most. INSERT only."""

    __tablename__ = "log_checkpoint"

    tenant: str = Field(sa_type=Text, primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    note: str = Field(sa_type=Text)
    signed_at: datetime = Field(sa_type=UtcDateTime)


class LogLease(Row, table=True):
    """Which integrator may extend a tenant's log, and until when."""

    __tablename__ = "log_lease"

    tenant: str = Field(sa_type=Text, primary_key=True)
    holder: str = Field(sa_type=Text)
    lease_until: datetime = Field(sa_type=UtcDateTime)


LOG_ENTRY = table_of(LogEntry)
LOG_NODE = table_of(LogNode)
LOG_CHECKPOINT = table_of(LogCheckpoint)
LOG_LEASE = table_of(LogLease)
