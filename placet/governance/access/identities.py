"""Grants for people who sign in at an identity provider, in place of a token. Rules only.

A token's grant names the SHA-256 of a secret text. The grant of an identity names the SHA-256 of who the provider says
that it is, which is no secret: it counts for whoever a verified ID token (OpenID Connect Core 1.0, section 3.1.3.7) is
about, and as a token it opens nothing, since it has not a token's form.
"""

from typing import NamedTuple

from placet.contracts.people.access import AccessGrant, Identity
from placet.errors import DecisionRefused
from placet.governance.signing.canonical import canonical_bytes, sha256_hex

_ID_CHARACTERS = 16


class Named(NamedTuple):
    """What a grant for an identity has in place of a token's: `token_id` and `token_sha256`."""

    token_id: str
    sha256: str


def named(identity: Identity) -> Named:
    """Return what names the grant of an identity: the same each time, so that it is found without a search."""
    digest = sha256_hex(canonical_bytes({"placet": "identity", **identity.model_dump(mode="json")}))
    return Named(digest[:_ID_CHARACTERS], digest)


def check_identity(grant: AccessGrant) -> None:
    """Check that a grant for an identity is named by it, and a token's is not for one.

    Raises:
        DecisionRefused: code `wrong_subject`; it is not.
    """
    if grant.identity is not None and named(grant.identity) != (grant.token_id, grant.token_sha256):
        raise DecisionRefused("the grant is not named by the identity that it is for", code="wrong_subject")
