"""Access over HTTP: what an administrator signs so that whoever holds a token acts under one person's name."""

from datetime import timedelta
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import AwareDatetime, Field, StrictInt, model_validator

from placet.contracts.base import Digest, Frozen, PersonName
from placet.contracts.people.lasting import LONGEST, MOST_DAYS
from placet.contracts.people.signed import SignedDocument

AccessRole = Literal["operator", "approver", "auditor", "administrator"]
ACCESS_ROLES: tuple[AccessRole, ...] = get_args(AccessRole)

Action = Literal["read", "operate", "withdraw", "deliver"]
"""What a request does: look; start, cancel or halt; withdraw what people signed; hand in what somebody signed."""

MOST_GRANTS = 1_000
"""For one identity, withdrawn ones included."""

TokenId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Names a token without giving anything away of its secret."""


class SignedInBy(NamedTuple):
    """The passkey that a session was begun with, by its key id: it vouches for who acts in that session."""

    key_id: str


Voucher = str | SignedInBy
"""What vouches for who acts: a token, by its id, or the passkey that they signed in with."""


class Identity(Frozen):
    """Somebody as an identity provider knows them (OpenID Connect Core 1.0, section 2: `iss` and `sub`).

    Attributes:
        issuer: The provider, exactly as it names itself.
        subject: The person, as that provider names them for ever; an address of theirs may change hands.
        number: Which grant for this person it is, counted from 0: a withdrawn one is never used again.
    """

    issuer: Annotated[str, Field(pattern=r"^https?://[\x21-\x7e]{1,300}$")]
    subject: Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,255}$")]
    number: Annotated[StrictInt, Field(ge=0, lt=MOST_GRANTS)] = 0


class AccessGrant(SignedDocument):
    """One token of one named person or system, or their identity at a provider. `signer` is the administrator.

    Attributes:
        name: In whose name requests with it are made.
        roles: What policy is asked about.
        token_sha256: SHA-256 of the token's text, which is kept nowhere; where there is an `identity`, of that
            (`placet.governance.access.identities`).
        expires_at: First moment at which it no longer counts.
        identity: Who signs in at the provider; left out of everything that is written where it is a token.
    """

    name: PersonName
    roles: Annotated[tuple[AccessRole, ...], Field(min_length=1, max_length=len(ACCESS_ROLES))]
    token_id: TokenId
    token_sha256: Digest
    expires_at: AwareDatetime
    identity: Annotated[Identity | None, Field(exclude_if=lambda identity: identity is None)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.roles)) < len(self.roles):
            raise ValueError("a role stands twice")
        if not timedelta() < self.expires_at - self.signed_at <= LONGEST:
            until = self.expires_at.isoformat()
            raise ValueError(f"expires_at {until!r} is not within {MOST_DAYS} days of the signature")
        return self


class KnownToken(Frozen):
    """A token as the record has it.

    Attributes:
        name: Whose it is: as was signed, or where that does not verify, as the entry says.
        grant: What was signed; None where the document cannot be read or does not verify.
        fault: Why it opens nothing although it was not revoked; empty where it does.
    """

    token_id: TokenId
    name: str
    grant: AccessGrant | None
    fault: str = ""
    revoked_by: PersonName | None = None
    revoked_at: AwareDatetime | None = None
