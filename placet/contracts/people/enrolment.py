"""What an administrator signs of other people's keys: that one is enrolled, that one is revoked."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from placet.contracts.base import Digest, PersonName
from placet.contracts.money import Money
from placet.contracts.people.approver import OptionalPasskey, RoleName
from placet.contracts.people.signed import SignedDocument

ADMINISTRATOR = "administrator"
"""The role whose holders enroll and revoke keys."""


class Enrolment(SignedDocument):
    """One public key of one named person, and what it entitles to. `signer` is the administrator.

    The fields are those of `EnrolledKey`, which says what they mean; `signed_at` is `enrolled_at` there.
    """

    name: PersonName
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=20)]
    limit: Money | None
    key_id: Digest
    public_key: Annotated[str, Field(max_length=128)]
    expires_at: AwareDatetime | None = None
    passkey: OptionalPasskey = None


class Revocation(SignedDocument):
    """The withdrawal of one enrolled key."""

    key_id: Digest
