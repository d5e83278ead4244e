"""Who may decide, what they decided, and the effects that followed."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Index,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field

from placet.storage.tables.base import Row, UtcDateTime, table_of


class ApproverKey(Row, table=True):
    """An enrolled key. Never deleted; the only change it allows is its revocation, once.

    It counts only while the signed enrolment at `document` verifies. `revocation` is the signed document that ended it.
    """

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
    document: str | None = Field(sa_type=Text)
    revocation: str | None = Field(sa_type=Text)


class DecisionUse(Row, table=True):
    """An accepted decision, used up. INSERT only.

    Its keys make it single use, let a key say a thing once about each proposal, and let decisions on a proposal take
    their places one after the other: two that race for a place cannot both have it.
    """

    __tablename__ = "decision_use"
    __table_args__ = (
        UniqueConstraint("run_id", "phase", "proposal", "place", name="uq_decision_use_place"),
        UniqueConstraint("run_id", "phase", "proposal", "key_id", "verdict", name="uq_decision_use_key"),
    )

    tenant: str = Field(sa_type=Text, primary_key=True)
    decision_id: str = Field(sa_type=Text, primary_key=True)
    run_id: str = Field(sa_type=Text)
    phase: str = Field(sa_type=Text)
    proposal: str = Field(sa_type=Text)
    place: int
    verdict: str = Field(sa_type=Text)
    approver: str = Field(sa_type=Text)
    key_id: str = Field(sa_type=Text)
    decided_at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(sa_type=Text)
    roles: str = Field(sa_type=Text)
    delegated_by: str | None = Field(sa_type=Text)
    delegation_id: str | None = Field(sa_type=Text)
    batch: str | None = Field(sa_type=Text)
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


class DelegationRow(Row, table=True):
    """A signed delegation. The only change it allows is its revocation, once."""

    __tablename__ = "delegation"
    __table_args__ = (Index("ix_delegation_delegate", "tenant", "delegate", "valid_until"),)

    tenant: str = Field(sa_type=Text, primary_key=True)
    delegation_id: str = Field(sa_type=Text, primary_key=True)
    delegate: str = Field(sa_type=Text)
    valid_until: datetime = Field(sa_type=UtcDateTime)
    delegation: str = Field(sa_type=Text)
    document: str = Field(sa_type=Text)
    key_id: str = Field(sa_type=Text)
    revoked_by: str | None = Field(sa_type=Text)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_reason: str | None = Field(sa_type=Text)


APPROVER = table_of(ApproverKey)
DECISION = table_of(DecisionUse)
EFFECT = table_of(Effect)
DELEGATION = table_of(DelegationRow)
