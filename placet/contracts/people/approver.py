"""Enrolled approvers: the keys whose signatures count, and the named people who hold them."""

import base64
import binascii
import hashlib
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from placet.contracts.base import NAME_OF_OURS, Digest, Frozen, PersonName, TenantId
from placet.contracts.money import Money

ED25519_PUBLIC_KEY_BYTES = 32
"""Length of a raw Ed25519 public key (RFC 8032)."""

RoleName = Annotated[str, StringConstraints(pattern=NAME_OF_OURS)]


class EnrolledKey(Frozen):
    """One public key of one named person. A person may hold several; a key belongs to one tenant.

    Attributes:
        name: The person, never a shared account.
        roles: What the person may decide as; a gate asks for one of them.
        limit: The largest cost of a proposal this key may decide; None, which must be said, is nothing at all.
        key_id: SHA-256 of the raw public key, in hexadecimal.
        public_key: The raw 32-byte Ed25519 public key, in standard base64.
        enrolled_by: Who vouched for the key.
        expires_at: First moment at which the key no longer counts; None if it does not expire.
        revoked_at: First moment at which the key was withdrawn; set once, never cleared.
    """

    tenant: TenantId
    name: PersonName
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    limit: Money | None
    key_id: Digest
    public_key: str
    enrolled_by: PersonName
    enrolled_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_by: PersonName | None = None
    revoked_at: AwareDatetime | None = None
    revoked_reason: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            raw = base64.b64decode(self.public_key, validate=True)
        except binascii.Error as error:
            raise ValueError(f"public_key {self.public_key!r} is not base64") from error
        if len(raw) != ED25519_PUBLIC_KEY_BYTES:
            raise ValueError(f"public_key holds {len(raw)} bytes; an Ed25519 public key has 32")
        if hashlib.sha256(raw).hexdigest() != self.key_id:
            raise ValueError(f"key_id {self.key_id!r} is not the SHA-256 of public_key")
        if self.limit is not None and self.limit.amount_minor < 0:
            raise ValueError(f"limit {self.limit} is negative")
        if self.expires_at is not None and self.expires_at <= self.enrolled_at:
            raise ValueError(f"expires_at {self.expires_at.isoformat()!r} is not after enrolled_at")
        if len({self.revoked_by is None, self.revoked_at is None, self.revoked_reason is None}) > 1:
            raise ValueError("a revocation needs revoked_by, revoked_at and revoked_reason")
        return self
