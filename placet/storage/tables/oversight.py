"""What bounds and watches the gate: mandates, halts, notifications, control proposals."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from placet.storage.tables.base import Row, UtcDateTime, table_of


class MandateRow(Row, table=True):
    """A signed mandate, and what is spent of it. Only `spent_minor` moves, and a revocation is set once."""

    __tablename__ = "mandate"
    __table_args__ = (
        CheckConstraint("spent_minor >= 0 AND spent_minor <= budget_minor", name="ck_mandate_budget"),
        Index("ix_mandate_tenant_agent", "tenant", "agent", "valid_until"),
    )

    tenant: str = Field(sa_type=Text, primary_key=True)
    mandate_id: str = Field(sa_type=Text, primary_key=True)
    agent: str = Field(sa_type=Text)
    valid_until: datetime = Field(sa_type=UtcDateTime)
    budget_minor: int = Field(sa_type=BigInteger)
    spent_minor: int = Field(sa_type=BigInteger)
    mandate: str = Field(sa_type=Text)
    document: str = Field(sa_type=Text)
    key_id: str = Field(sa_type=Text)
    revoked_by: str | None = Field(sa_type=Text)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_reason: str | None = Field(sa_type=Text)


class MandateUseRow(Row, table=True):
    """What one proposal took of a mandate. The only change it allows is its release, once."""

    __tablename__ = "mandate_use"
    __table_args__ = (Index("ix_mandate_use_customer", "tenant", "mandate_id", "customer_id", "used_at"),)

    run_id: str = Field(sa_type=Text, primary_key=True)
    proposal: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    mandate_id: str = Field(sa_type=Text)
    customer_id: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    used_at: datetime = Field(sa_type=UtcDateTime)
    released_at: datetime | None = Field(sa_type=UtcDateTime)


class HaltRow(Row, table=True):
    """A halt. Never deleted; the only change it allows is its lifting, once."""

    __tablename__ = "halt"
    __table_args__ = (
        CheckConstraint(
            "(lifted_by IS NULL) = (lifted_at IS NULL) AND (lifted_at IS NULL) = (lift IS NULL)", name="ck_halt_lifted"
        ),
        Index("ix_halt_tenant", "tenant", "lifted_at"),
    )

    halt_id: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    scope: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    placed_by: str = Field(sa_type=Text)
    placed_at: datetime = Field(sa_type=UtcDateTime)
    lifted_by: str | None = Field(sa_type=Text)
    lifted_at: datetime | None = Field(sa_type=UtcDateTime)
    lift: str | None = Field(sa_type=Text)


class NotificationRow(Row, table=True):
    """The outbox: what is to be told to whom, written with the entry that causes it, delivered afterwards."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("run_id", "occasion", "proposal", "channel", "recipient", name="uq_notification_once"),
        Index(
            "ix_notification_due",
            "channel",
            "next_attempt_at",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            "ix_notification_lane",
            "channel",
            "recipient",
            "next_attempt_at",
            "tenant",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        Index("ix_notification_tenant", "tenant", "notification_id"),
        {"sqlite_autoincrement": True},
    )

    notification_id: int = Field(
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True)
    )
    tenant: str = Field(sa_type=Text)
    run_id: str = Field(sa_type=Text)
    proposal: str = Field(sa_type=Text)
    occasion: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    recipient: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
    status: str = Field(sa_type=Text)
    attempts: int
    next_attempt_at: datetime | None = Field(sa_type=UtcDateTime)
    delivered_at: datetime | None = Field(sa_type=UtcDateTime)
    holder: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)


class ControlRow(Row, table=True):
    """A run seeded with a proposal that must be declined; it can never execute. INSERT only."""

    __tablename__ = "control_run"

    run_id: str = Field(sa_type=Text, primary_key=True)
    tenant: str = Field(sa_type=Text)
    flaw: str = Field(sa_type=Text)
    seeded_by: str = Field(sa_type=Text)
    seeded_at: datetime = Field(sa_type=UtcDateTime)


MANDATE = table_of(MandateRow)
MANDATE_USE = table_of(MandateUseRow)
HALT = table_of(HaltRow)
NOTIFICATION = table_of(NotificationRow)
CONTROL = table_of(ControlRow)
