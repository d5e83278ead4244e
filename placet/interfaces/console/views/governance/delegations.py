"""Delegations in words."""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.people.delegation import DelegationRecord
from placet.contracts.text import WORDS, one_line
from placet.interfaces.console.views.common import Badge, roles_in_words


@dataclass(frozen=True, slots=True)
class DelegationShown:
    """One delegation.

    Attributes:
        stands: Whether it has not ended and was not withdrawn, so that it can be.
        fault: Why it confers nothing all the same; empty where it does.
    """

    delegation_id: str
    signer: str
    delegate: str
    roles: str
    limit: str
    reason: str
    badge: Badge
    stands: bool
    fault: str
    valid_from: datetime
    valid_until: datetime
    revoked_by: str
    revoked_at: datetime | None
    revoked_reason: str
    document: str
    key_id: str


def delegation_of(record: DelegationRecord, now: datetime, fault: str) -> DelegationShown:
    """Return how a delegation is shown; `fault` says why it confers nothing."""
    delegation = record.delegation
    stands = record.revoked_at is None and now < delegation.valid_until
    return DelegationShown(
        delegation_id=delegation.document_id,
        signer=delegation.signer,
        delegate=delegation.delegate,
        roles=roles_in_words(delegation.roles),
        limit=str(delegation.limit),
        reason=delegation.reason,
        badge=_badge(record, now, fault),
        stands=stands,
        fault=f"It confers nothing: {one_line(fault, WORDS)}." if fault and stands else "",
        valid_from=delegation.valid_from,
        valid_until=delegation.valid_until,
        revoked_by=record.revoked_by or "",
        revoked_at=record.revoked_at,
        revoked_reason=record.revoked_reason or "",
        document=record.document,
        key_id=record.key_id,
    )


def _badge(record: DelegationRecord, now: datetime, fault: str) -> Badge:
    if record.revoked_at is not None:
        return Badge("Revoked", "bad")
    if now >= record.delegation.valid_until:
        return Badge("Over", "quiet")
    if fault:
        return Badge("Does not count", "bad")
    return Badge("In force", "good") if now >= record.delegation.valid_from else Badge("Begins later", "waits")
