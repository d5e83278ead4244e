"""The tables, as SQLModel declares them; the migrations create them and add the triggers that guard them.

Audit, decisions and effects are the truth and stand on their own. `run` is a projection of the workflow for
people and lists: nothing refers to it by foreign key, so it can be built again.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    FetchedValue,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import registry
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC with microseconds on every database; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take an aware time to UTC; SQLite stores it without the offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value.isoformat()!r} has no UTC offset")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored instant as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Row(SQLModel, registry=registry()):
    """Base of Placet's tables. Its metadata is its own: other SQLModel tables in the process stay apart."""


class AuditEntry(Row, table=True):
    """One entry of the record. INSERT only.

    `id` orders entries over all streams. `recorded_at` is the database's own clock and comes after `id` on
    purpose: PostgreSQL evaluates defaults in column order, and `AuditLog.tail` relies on a time taken later.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("stream", "seq", name="uq_audit_event_stream_seq"),
        UniqueConstraint("stream", "step_key", name="uq_audit_event_stream_step_key"),
        Index("ix_audit_event_tenant_id", "tenant", "id"),
        Index(
            "ix_audit_event_first_of_stream",
            "tenant",
            "id",
            sqlite_where=text("seq = 1"),
            postgresql_where=text("seq = 1"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True))
    stream: str = Field(sa_type=Text)
    seq: int = Field(sa_type=BigInteger)
    tenant: str = Field(sa_type=Text)
    run_id: str | None = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
    step_key: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    prev_hash: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_column=Column(UtcDateTime, server_default=FetchedValue(), nullable=False))


class Artifact(Row, table=True):
    """A blob under the SHA-256 of its bytes, once per tenant that holds it. Never updated."""

    __tablename__ = "artifact"

    digest: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text, primary_key=True)
    media_type: str = Field(sa_type=Text)
    data: bytes


class Run(Row, table=True):
    """Where each run stands."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("tenant", "key", name="uq_run_tenant_key"),
        Index("ix_run_tenant_requested_at", "tenant", "requested_at", "run_id"),
        Index("ix_run_tenant_state", "tenant", "state", "requested_at", "run_id"),
        Index("ix_run_tenant_customer", "tenant", "customer_id", "requested_at", "run_id"),
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    customer_id: str = Field(sa_type=Text)
    agent: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    requested_by: str = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(sa_type=Text)
    code: str | None = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    assessment: str | None = Field(sa_type=Text)
    evidence: str | None = Field(sa_type=Text)
    proposal: str | None = Field(sa_type=Text)
    decision: str | None = Field(sa_type=Text)
    receipt: str | None = Field(sa_type=Text)


class ApproverKey(Row, table=True):
    """An enrolled key. Never deleted; the only change it allows is its revocation, once."""

    __tablename__ = "approver_key"
    __table_args__ = (Index("ix_approver_key_tenant_name", "tenant", "name"),)

    key_id: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    roles: str = Field(sa_type=Text)
    limit_minor: int | None = Field(sa_type=BigInteger)
    limit_currency: str | None = Field(sa_type=Text)
    public_key: str = Field(sa_type=Text)
    enrolled_by: str = Field(sa_type=Text)
    enrolled_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_by: str | None = Field(sa_type=Text)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_reason: str | None = Field(sa_type=Text)


class DecisionUse(Row, table=True):
    """An accepted decision, used up. INSERT only; its two keys make it single use and single effect."""

    __tablename__ = "decision_use"
    __table_args__ = (UniqueConstraint("run_id", "phase", name="uq_decision_use_run_phase"),)

    tenant: str = Field(sa_type=Text, primary_key=True)
    decision_id: str = Field(sa_type=Text, primary_key=True)
    run_id: str = Field(sa_type=Text)
    phase: str = Field(sa_type=Text)
    proposal: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=Text)
    approver: str = Field(sa_type=Text)
    key_id: str = Field(sa_type=Text)
    decided_at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(sa_type=Text)
    envelope_digest: str = Field(sa_type=Text)


class Effect(Row, table=True):
    """The intent to cause one effect, written before the call, closed after it. A closed row is final."""

    __tablename__ = "effect"
    __table_args__ = (Index("ix_effect_run_id", "run_id"),)

    effect_key: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    run_id: str = Field(sa_type=Text)
    proposal: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    holder: str = Field(sa_type=Text)
    lease_until: datetime = Field(sa_type=UtcDateTime)
    attempts: int
    sends: int
    claimed_at: datetime = Field(sa_type=UtcDateTime)
    receipt: str | None = Field(sa_type=Text)
    code: str | None = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    resolved_by: str | None = Field(sa_type=Text)


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


metadata = Row.metadata


def _table(row: type[Row]) -> Table:
    return metadata.tables[str(row.__tablename__)]


AUDIT = _table(AuditEntry)
ARTIFACT = _table(Artifact)
RUN = _table(Run)
APPROVER = _table(ApproverKey)
DECISION = _table(DecisionUse)
EFFECT = _table(Effect)
LOG_ENTRY = _table(LogEntry)
LOG_NODE = _table(LogNode)
LOG_CHECKPOINT = _table(LogCheckpoint)
LOG_LEASE = _table(LogLease)
