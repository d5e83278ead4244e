"""What makes an enrolled key count. Rules only: callers bring documents, pinned keys and the clock (docs/adr/0016).

Invariants of an enrolment, in the order they are checked:
 (1) it is a signed document of this tenant (`placet.governance.signing.signed`, all of its invariants);
 (2) its signer is an administrator: a pinned key that signs itself, or a key that an administrator enrolled as one;
 (3) its public key is an acceptable one, and its id is that key's;
 (4) the row in the database says exactly what the document says.
A revocation is signed by an administrator, or with the very key that it withdraws.
"""

import base64
from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import ADMINISTRATOR, Enrolment, Revocation
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.approvals import CLOCK_SKEW, FindKey
from placet.governance.signing.assertions import check_passkey
from placet.governance.signing.ed25519 import check_public_key
from placet.governance.signing.pins import PinnedKey
from placet.governance.signing.signed import Verified, unverified_document, verify_document


def enrolled_key(enrolment: Enrolment) -> EnrolledKey:
    """Return the key as its enrolment describes it.

    Raises:
        DecisionRefused: code `malformed_statement`; the document contradicts itself, or its key is not acceptable.
    """
    try:
        key = EnrolledKey(
            tenant=enrolment.tenant,
            name=enrolment.name,
            roles=enrolment.roles,
            limit=enrolment.limit,
            key_id=enrolment.key_id,
            public_key=enrolment.public_key,
            enrolled_by=enrolment.signer,
            enrolled_at=enrolment.signed_at,
            expires_at=enrolment.expires_at,
            passkey=enrolment.passkey,
        )
        raw = base64.b64decode(key.public_key)
        if key.passkey is None:
            check_public_key(raw)
        else:
            check_passkey(raw, key.passkey)
    except ValidationError as error:
        raise DecisionRefused(f"not an enrolment: {first_fault(error)}", code="malformed_statement") from error
    except ValueError as error:
        raise DecisionRefused(f"its public key is refused: {error}", code="malformed_statement") from error
    return key


def verify_enrolment(
    text: str, *, tenant: str, pinned: Mapping[str, PinnedKey], find_key: FindKey, now: datetime | None = None
) -> Verified[Enrolment]:
    """Check invariants (1) to (3).

    Args:
        text: The signed document, untrusted.
        tenant: Whose enrolment it must be.
        pinned: The administrators of that tenant that are pinned outside the database, by key id.
        find_key: Finds the key of any other administrator, with what it was enrolled as.
        now: When it is taken on; None judges one that was, as of the time it was signed.

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    claimed, signing_key = unverified_document(text, Enrolment)
    if signing_key == claimed.key_id:
        find_key = _themselves(claimed, pinned).get
    verified = verify_document(text, Enrolment, tenant=tenant, now=now or claimed.signed_at, find_key=find_key)
    _check_administrator(verified.key)
    enrolled_key(verified.document)
    return verified


def verify_revocation(text: str, *, tenant: str, find_key: FindKey, now: datetime) -> Verified[Revocation]:
    """Check that an administrator signed the revocation, or its holder, with the key itself or another one of theirs.

    Somebody who lost a phone must not wait for an administrator. An administrator's key is withdrawn by itself or by an
    administrator alone: a lesser key of the same person that was stolen must not take the administration away.

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    verified = verify_document(text, Revocation, tenant=tenant, now=now, find_key=find_key)
    signing, withdrawn = verified.key, verified.document.key_id
    if signing.key_id != withdrawn and not _is_of_the_same(signing, find_key(withdrawn)):
        _check_administrator(signing)
    return verified


def _is_of_the_same(signing: EnrolledKey, withdrawn: EnrolledKey | None) -> bool:
    """Return whether a key that is to be withdrawn is another one of the signer's, and no administrator's."""
    if withdrawn is None or ADMINISTRATOR in withdrawn.roles:
        return False
    return (withdrawn.tenant, withdrawn.name) == (signing.tenant, signing.name)


def check_row(row: EnrolledKey, signed: EnrolledKey) -> None:
    """Check that the database says what was signed, a revocation aside (invariant 4).

    Raises:
        DecisionRefused: code `enrolment_altered`.
    """
    said = row.model_copy(update={"revoked_by": None, "revoked_at": None, "revoked_reason": None})
    if said != signed:
        raise DecisionRefused("the database says other than what was signed", code="enrolment_altered")


def check_was_in_office(administrator: EnrolledKey, signed_at: datetime) -> None:
    """Check that an administrator whose key was revoked signed before the revocation.

    Where on the record each of the two stands is the caller's to compare.

    Raises:
        DecisionRefused: code `revoked_key`.
    """
    revoked_at = administrator.revoked_at
    if revoked_at is not None and signed_at > revoked_at + CLOCK_SKEW:
        raise DecisionRefused(
            f"signed at {moment(signed_at)}, after the key of {administrator.name!r} was revoked",
            code="revoked_key",
        )


def _themselves(claimed: Enrolment, pinned: Mapping[str, PinnedKey]) -> dict[str, EnrolledKey]:
    """Return the pinned key that signs its own enrolment; nobody else is an administrator by their own word."""
    known = pinned.get(claimed.key_id)
    key = enrolled_key(claimed)
    # Where a passkey may be used is pinned as well: a page elsewhere must not have signed for another place.
    if known is None or (base64.b64decode(key.public_key), key.passkey) != known:
        raise DecisionRefused(
            f"key {claimed.key_id[:16]} enrolls itself and is not pinned as an administrator", code="not_pinned"
        )
    return {key.key_id: key}


def _check_administrator(key: EnrolledKey) -> None:
    if ADMINISTRATOR not in key.roles:
        raise DecisionRefused(
            f"{key.name!r} does not hold the role {ADMINISTRATOR!r}; held: {', '.join(key.roles)}",
            code="not_administrator",
        )
