"""The record, what it names, and where each run stands.

Audit and artifacts are the truth and stand on their own. `run` is a projection of the workflow for people and
lists: nothing refers to it by foreign key, so it can be built again.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    FetchedValue,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from placet.storage.tables.base import Row, UtcDateTime, table_of


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
        Index("ix_run_reverses", "reverses"),
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    customer_id: str = Field(sa_type=Text)
    agent: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    requested_by: str = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    reverses: str | None = Field(sa_type=Text)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(sa_type=Text)
    code: str | None = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    assessment: str | None = Field(sa_type=Text)
    evidence: str | None = Field(sa_type=Text)
    proposal: str | None = Field(sa_type=Text)
    decision: str | None = Field(sa_type=Text)
    receipt: str | None = Field(sa_type=Text)


AUDIT = table_of(AuditEntry)
ARTIFACT = table_of(Artifact)
RUN = table_of(Run)
