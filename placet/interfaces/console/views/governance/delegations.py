"""Delegations in words."""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.people.delegation import DelegationRecord
from placet.interfaces.console.views.common import Badge, roles_in_words


@dataclass(frozen=True, slots=True)
class DelegationShown:
    """One delegation.

    Attributes:
        stands: Whether it confers something now or later, so that it can be withdrawn.
    """

    delegation_id: str
    signer: str
    delegate: str
    roles: str
    limit: str
    reason: str
    badge: Badge
    stands: bool
    valid_from: datetime
    valid_until: datetime
    revoked_by: str
    revoked_at: datetime | None
    revoked_reason: str
    document: str
    key_id: str


def delegation_of(record: DelegationRecord, now: datetime, *, signed: bool) -> DelegationShown:
    """Return how a delegation is shown; `signed` says whether its document verifies now."""
    delegation = record.delegation
    stands = record.revoked_at is None and now < delegation.valid_until
    return DelegationShown(
        delegation_id=delegation.document_id,
        signer=delegation.signer,
        delegate=delegation.delegate,
        roles=roles_in_words(delegation.roles),
        limit=str(delegation.limit),
        reason=delegation.reason,
        badge=_badge(record, now, signed=signed),
        stands=stands,
        valid_from=delegation.valid_from,
        valid_until=delegation.valid_until,
        revoked_by=record.revoked_by or "",
        revoked_at=record.revoked_at,
        revoked_reason=record.revoked_reason or "",
        document=record.document,
        key_id=record.key_id,
    )


def _badge(record: DelegationRecord, now: datetime, *, signed: bool) -> Badge:
    if record.revoked_at is not None:
        return Badge("Revoked", "bad")
    if now >= record.delegation.valid_until:
        return Badge("Over", "quiet")
    if not signed:
        return Badge("Does not verify: it confers nothing", "bad")
    return Badge("In force", "good") if now >= record.delegation.valid_from else Badge("Begins later", "waits")
