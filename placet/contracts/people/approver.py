"""Enrolled approvers: the keys whose signatures count, and the named people who hold them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from placet.contracts.base import NAME_OF_OURS, Digest, Frozen, PersonName, TenantId
from placet.contracts.money import Money
from placet.contracts.people.passkey import Passkey, check_key_id, coordinates, decoded_key

ED25519_PUBLIC_KEY_BYTES = 32
"""Length of a raw Ed25519 public key (RFC 8032)."""

KeyKind = Literal["ed25519", "passkey"]
"""How a key signs: over the DSSE encoding itself, or by a WebAuthn assertion whose challenge is its SHA-256."""

# A key of the first kind has no such field, in no document, entry or export: its bytes are those of before.
OptionalPasskey = Annotated[Passkey | None, Field(exclude_if=lambda passkey: passkey is None)]
"""What makes a key a passkey; left out of everything that is written where it is None."""

RoleName = Annotated[str, StringConstraints(pattern=NAME_OF_OURS)]


class EnrolledKey(Frozen):
    """One public key of one named person. A person may hold several; a key belongs to one tenant.

    Attributes:
        name: The person, never a shared account.
        roles: What the person may decide as; a gate asks for one of them.
        limit: The largest cost of a proposal this key may decide; None, which must be said, is nothing at all.
        key_id: SHA-256 of the public key's bytes, in hexadecimal.
        public_key: The raw 32-byte Ed25519 public key, or the canonical COSE_Key of a passkey, in standard base64.
        passkey: The credential, where the key is a passkey.
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
    passkey: OptionalPasskey = None

    @property
    def kind(self) -> KeyKind:
        """How the key signs."""
        return "ed25519" if self.passkey is None else "passkey"

    def counts(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired at `now`; whether its enrolment verifies is not asked."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        raw = decoded_key(self.public_key)
        if self.passkey is not None:
            coordinates(raw, self.passkey.algorithm)
        elif len(raw) != ED25519_PUBLIC_KEY_BYTES:
            raise ValueError(f"public_key holds {len(raw)} bytes; an Ed25519 public key has 32")
        check_key_id(self.key_id, raw)
        if self.limit is not None and self.limit.amount_minor < 0:
            raise ValueError(f"limit {self.limit} is negative")
        if self.expires_at is not None and self.expires_at <= self.enrolled_at:
            raise ValueError(f"expires_at {self.expires_at.isoformat()!r} is not after enrolled_at")
        if len({self.revoked_by is None, self.revoked_at is None, self.revoked_reason is None}) > 1:
            raise ValueError("a revocation needs revoked_by, revoked_at and revoked_reason")
        return self
