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

_WAITING = "state IN ('awaiting_decision', 'unknown_outcome')"


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
    """Where each run stands.

    From `waits_until` on the columns serve the inbox: people choose among the runs that wait for them. They are written
    with the gate, and derived from the record as follows; the proposal is the artifact that the entry names.

    - `waits_until`, `quorum`, `asked_roles`, `escalate_to`, `escalate_at`: the gate of `approve.opened`, or of the last
      `approve.amended`;
    - `treatment`, `mutation_kind`, `cost_minor`, `cost_currency`: the proposal of the same entry;
    - `answered_at`: `at` of the `approve.decided` after which nobody is missing, or of `approve.settled`; None while
      somebody is, and again after an `approve.lapsed` or `run.parked`.
    """

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("tenant", "key", name="uq_run_tenant_key"),
        Index("ix_run_tenant_requested_at", "tenant", "requested_at", "run_id"),
        Index("ix_run_tenant_state", "tenant", "state", "requested_at", "run_id"),
        Index("ix_run_tenant_customer", "tenant", "customer_id", "requested_at", "run_id"),
        Index("ix_run_reverses", "reverses"),
        # Small, whatever the age of the installation: it holds the runs that wait for a person.
        Index(
            "ix_run_waiting",
            "tenant",
            "waits_until",
            "run_id",
            sqlite_where=text(_WAITING),
            postgresql_where=text(_WAITING),
        ),
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
    waits_until: datetime = Field(
        sa_column=Column(UtcDateTime, server_default=text("'1970-01-01 00:00:00'"), nullable=False)
    )
    quorum: int | None
    asked_roles: str | None = Field(sa_type=Text)
    escalate_to: str | None = Field(sa_type=Text)
    escalate_at: datetime | None = Field(sa_type=UtcDateTime)
    treatment: str | None = Field(sa_type=Text)
    mutation_kind: str | None = Field(sa_type=Text)
    cost_minor: int | None = Field(sa_type=BigInteger)
    cost_currency: str | None = Field(sa_type=Text)
    answered_at: datetime | None = Field(sa_type=UtcDateTime)


AUDIT = table_of(AuditEntry)
ARTIFACT = table_of(Artifact)
RUN = table_of(Run)
