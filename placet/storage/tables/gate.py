"""Who may decide, what they decided, and the effects that followed."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from placet.storage.tables.base import UtcDateTime, metadata

APPROVER = Table(
    "approver_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("limit_minor", BigInteger),
    Column("limit_currency", Text),
    Column("public_key", Text, nullable=False),
    Column("enrolled_by", Text, nullable=False),
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_by", Text),
    Column("revoked_at", UtcDateTime),
    Column("revoked_reason", Text),
    Column("document", Text),
    Column("revocation", Text),
    Column("passkey", Text),
    Index("ix_approver_key_tenant_name", "tenant", "name"),
)
"""An enrolled key. Never deleted; the only change it allows is its revocation, once.

    It counts only while the signed enrolment at `document` verifies. `revocation` is the signed document that ended it.
    `passkey` is the RFC 8785 form of the credential where the key is a passkey, and empty otherwise.
    """


DECISION = Table(
    "decision_use",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("decision_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("delegated_by", Text),
    Column("delegation_id", Text),
    Column("batch", Text),
    Column("envelope_digest", Text, nullable=False),
    UniqueConstraint("run_id", "phase", "proposal", "place", name="uq_decision_use_place"),
    UniqueConstraint("run_id", "phase", "proposal", "key_id", "verdict", name="uq_decision_use_key"),
)
"""An accepted decision, used up. INSERT only.

    Its keys make it single use, let a key say a thing once about each proposal, and let decisions on a proposal take
    their places one after the other: two that race for a place cannot both have it.
    """


EFFECT = Table(
    "effect",
    metadata,
    Column("effect_key", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("claimed_at", UtcDateTime, nullable=False),
    Column("receipt", Text),
    Column("code", Text),
    Column("detail", Text, nullable=False),
    Column("resolved_by", Text),
    Index("ix_effect_run_id", "run_id"),
)
"""The intent to cause one effect, written before the call, closed after it. A closed row is final."""


DELEGATION = Table(
    "delegation",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("delegation_id", Text, primary_key=True),
    Column("delegate", Text, nullable=False),
    Column("valid_until", UtcDateTime, nullable=False),
    Column("delegation", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("revoked_by", Text),
    Column("revoked_at", UtcDateTime),
    Column("revoked_reason", Text),
    Index("ix_delegation_delegate", "tenant", "delegate", "valid_until"),
)
"""A signed delegation. The only change it allows is its revocation, once."""
