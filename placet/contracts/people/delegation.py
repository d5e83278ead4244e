"""Delegation: an approver lets another named person decide in their stead, until a date."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from placet.contracts.base import Digest, Frozen, PersonName
from placet.contracts.money import Money
from placet.contracts.people.approver import RoleName
from placet.contracts.people.signed import SignedDocument


class Delegation(SignedDocument):
    """What the delegator signs. It confers no more than they hold themselves, and cannot be passed on.

    Attributes:
        delegate: Who may decide in the signer's stead, with their own key.
        roles: The roles conferred, each held by the signer.
        limit: The largest cost conferred, at most the signer's own.
        valid_from: First moment at which it counts.
        valid_until: First moment at which it no longer does.
    """

    delegate: PersonName
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    limit: Money
    valid_from: AwareDatetime
    valid_until: AwareDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.delegate == self.signer:
            raise ValueError(f"{self.signer!r} cannot delegate to themselves")
        if self.valid_until <= self.valid_from:
            raise ValueError(f"valid_until {self.valid_until.isoformat()!r} is not after valid_from")
        if self.limit.amount_minor < 0:
            raise ValueError(f"limit {self.limit} is negative")
        return self


class DelegationRecord(Frozen):
    """A delegation as it stands.

    Attributes:
        document: Digest of the signed document in the artifact store.
        key_id: The delegator's key; when it is revoked or expires, so does what it signed.
    """

    delegation: Delegation
    document: Digest
    key_id: Digest
    revoked_by: PersonName | None = None
    revoked_at: AwareDatetime | None = None
    revoked_reason: str | None = None
