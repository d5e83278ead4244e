"""Tokens for the HTTP API, and when one counts. Rules only: callers bring documents, keys and the clock.

A token is `placet_`, its id, `_`, and 256 random bits. Whoever presents it shows that they know the text whose SHA-256
an administrator signed. Invariants of one that counts, in the order they are checked:
 (1) its grant is a signed document of this tenant (`placet.governance.signing.signed`, all of its invariants, now: a
     grant ends with the key that signed it);
 (2) its signer is an administrator, and one for an identity is named by it (`check_identity`);
 (3) it has not expired (`check_not_expired`);
 (4) the SHA-256 of what was presented is the one that was signed, compared in constant time.
That it was not revoked is on the record, and the caller's to ask.
"""

import re
import secrets
from datetime import datetime
from hmac import compare_digest
from typing import NamedTuple

from placet.contracts.people.access import AccessGrant
from placet.contracts.people.enrolment import ADMINISTRATOR
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.access.identities import check_identity
from placet.governance.approvals import FindKey
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import verify_document

_FORM = re.compile(r"placet_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
_ID_BYTES, _SECRET_BYTES = 8, 32


class NewToken(NamedTuple):
    """A token that nobody signed for yet. `text` is shown once, and kept nowhere."""

    token_id: str
    text: str

    @property
    def sha256(self) -> str:
        """The digest that is signed."""
        return sha256_hex(self.text.encode())


def new_token() -> NewToken:
    """Make a token from the system's random numbers."""
    token_id = secrets.token_hex(_ID_BYTES)
    return NewToken(token_id, f"placet_{token_id}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def token_id_of(text: str) -> str | None:
    """Return the id that a presented token claims; None where it has not a token's form."""
    found = _FORM.fullmatch(text)
    return None if found is None else found[1]


def verify_grant(text: str, *, tenant: str, now: datetime, find_key: FindKey) -> AccessGrant:
    """Check invariants (1) and (2).

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    verified = verify_document(text, AccessGrant, tenant=tenant, now=now, find_key=find_key)
    if ADMINISTRATOR not in verified.key.roles:
        raise DecisionRefused(
            f"{verified.key.name!r} does not hold the role {ADMINISTRATOR!r}; held: {', '.join(verified.key.roles)}",
            code="not_administrator",
        )
    check_identity(verified.document)
    return verified.document


def check_not_expired(grant: AccessGrant, now: datetime) -> None:
    """Check invariant (3).

    Raises:
        DecisionRefused: code `expired`.
    """
    if now >= grant.expires_at:
        raise DecisionRefused(f"it expired at {moment(grant.expires_at)}", code="expired")


def presents(grant: AccessGrant, text: str) -> bool:
    """Return whether `text` is the token that was signed for (invariant 4)."""
    return grant.identity is None and compare_digest(sha256_hex(text.encode()), grant.token_sha256)
