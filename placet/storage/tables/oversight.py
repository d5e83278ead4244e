"""What bounds and watches the gate: mandates, halts, notifications, control proposals."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from placet.storage.tables.base import UtcDateTime, metadata, partial_index

MANDATE = Table(
    "mandate",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("mandate_id", Text, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("strategy", Text),
    Column("valid_until", UtcDateTime, nullable=False),
    Column("budget_minor", BigInteger, nullable=False),
    Column("spent_minor", BigInteger, nullable=False),
    Column("mandate", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("revoked_by", Text),
    Column("revoked_at", UtcDateTime),
    Column("revoked_reason", Text),
    CheckConstraint("spent_minor >= 0 AND spent_minor <= budget_minor", name="ck_mandate_budget"),
    Index("ix_mandate_tenant_agent", "tenant", "agent", "valid_until"),
    partial_index("ix_mandate_strategy", "tenant", "strategy", "mandate_id", where="strategy IS NOT NULL"),
)
"""A signed mandate, and what is spent of it. Only `spent_minor` moves, and a revocation is set once."""


MANDATE_USE = Table(
    "mandate_use",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("proposal", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("mandate_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("released_at", UtcDateTime),
    Index("ix_mandate_use_customer", "tenant", "mandate_id", "customer_id", "used_at"),
)
"""What one proposal took of a mandate. The only change it allows is its release, once."""


HALT = Table(
    "halt",
    metadata,
    Column("halt_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("lifted_by", Text),
    Column("lifted_at", UtcDateTime),
    Column("lift", Text),
    CheckConstraint(
        "(lifted_by IS NULL) = (lifted_at IS NULL) AND (lifted_at IS NULL) = (lift IS NULL)", name="ck_halt_lifted"
    ),
    Index("ix_halt_tenant", "tenant", "lifted_at"),
)
"""A halt. Never deleted; the only change it allows is its lifting, once."""


NOTIFICATION = Table(
    "notification",
    metadata,
    Column("notification_id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("matter", Text, nullable=False),
    Column("strategy", Text),
    Column("occasion", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    Column("holder", Text, nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("about", "occasion", "matter", "channel", "recipient", name="uq_notification_once"),
    partial_index("ix_notification_due", "channel", "next_attempt_at", where="status = 'waiting'"),
    partial_index(
        "ix_notification_lane", "channel", "recipient", "next_attempt_at", "tenant", where="status = 'waiting'"
    ),
    Index("ix_notification_tenant", "tenant", "notification_id"),
    sqlite_autoincrement=True,
)
"""The outbox: what is to be told to whom, written with the entry that causes it, delivered afterwards.

`about` is a run, and `matter` its proposal; or `about` is a version of `strategy`, and `matter` says which occurrence.
"""


CONTROL = Table(
    "control_run",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("flaw", Text, nullable=False),
    Column("seeded_by", Text, nullable=False),
    Column("seeded_at", UtcDateTime, nullable=False),
)
"""A run seeded with a proposal that must be declined; it can never execute. INSERT only."""
