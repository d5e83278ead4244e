"""Passkeys for a page: what a browser is asked, and what becomes of its answer (docs/adr/0035).

The page hands the options to `navigator.credentials` and sends back what `PublicKeyCredential.toJSON()` gives; its
script reads and writes the JSON itself, for browsers that do not. The shapes are those of W3C
Web Authentication Level 3, section 5.1: `PublicKeyCredentialRequestOptionsJSON`, `AuthenticationResponseJSON`,
`PublicKeyCredentialCreationOptionsJSON` and `RegistrationResponseJSON`; bytes are base64url without padding.

To sign: a statement (`placet.service.deciding.decisions.verdict_statement` and `amendment_statement`, or
`placet.governance.signing.signed.document_statement` of a document), `signing_options` of it, the browser's answer,
`envelope_from_assertion`, and then the same way as any envelope. Nothing here is kept between the two halves: whoever
calls must hand the same statement to both, and must have kept the challenge of a registration in the person's session.
"""

import base64
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.passkey import EDDSA, ES256, Algorithm, EnrolmentRequest, Passkey, cose_key
from placet.errors import UsageError
from placet.governance.signing import dsse
from placet.governance.signing.assertions import Assertion, check_passkey, from_base64url, to_base64url
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.plain_json import read_json
from placet.storage.database import Database

MALFORMED: Final = "malformed_passkey_response"
"""Code of the refusal of what no browser gives."""

UNKNOWN: Final = "unknown_passkey"
"""Code of the refusal of an assertion by a credential that is none of the keys."""

_LARGEST_RESPONSE: Final = 65_536
"""In bytes: a registration may carry certificates of the authenticator's maker."""
TIMEOUT_MS: Final = 120_000
"""How long a browser waits for the person."""

_ALGORITHMS: Final[tuple[Algorithm, ...]] = (EDDSA, ES256)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a browser is asked to make a passkey.

    Attributes:
        options: `PublicKeyCredentialCreationOptionsJSON`, as one line of JSON.
        challenge: Keep it in the person's session; `enrolment_request_from` asks for it, once.
    """

    options: str
    challenge: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the options as an object."""
        found: dict[str, Any] = json.loads(self.options)
        return found


def signing_options(statement: bytes, keys: Iterable[EnrolledKey]) -> dict[str, Any]:
    """Return `PublicKeyCredentialRequestOptionsJSON` that asks for one of a person's passkeys to sign `statement`.

    Args:
        statement: The exact bytes that are signed.
        keys: The person's keys that count; those that are no passkeys are left out.

    Raises:
        UsageError: code `unknown_passkey`; there is no passkey among them, or they are of several relying parties.
    """
    passkeys = [key.passkey for key in keys if key.passkey is not None]
    parties = {passkey.rp_id for passkey in passkeys}
    if len(parties) != 1:
        raise UsageError(
            f"{len(passkeys)} passkeys of {len(parties)} relying parties could sign this; one party is needed",
            code=UNKNOWN,
        )
    return {
        "challenge": to_base64url(dsse.challenge_of(statement)),
        "rpId": parties.pop(),
        "allowCredentials": [{"type": "public-key", "id": passkey.credential_id} for passkey in passkeys],
        "userVerification": "required",
        "timeout": TIMEOUT_MS,
    }


def envelope_from_assertion(statement: bytes, assertion: str, keys: Iterable[EnrolledKey]) -> str:
    """Make the signed envelope, one line of JSON, of what a browser answered to `signing_options`.

    Whether the key counts, and what for, is asked where the envelope is sent. That the passkey signed this very
    statement is checked here already, so that the person hears of it while they are there.

    Args:
        statement: The same bytes that the options were made of.
        assertion: `AuthenticationResponseJSON`, as JSON text, untrusted.
        keys: The person's keys.

    Raises:
        UsageError: code `malformed_passkey_response`; it is no such thing. Code `unknown_passkey`; the credential is
            none of the keys.
        DecisionRefused: with the code of what is wrong with the assertion, as
            `placet.governance.signing.assertions.check_assertion` names it.
    """
    credential_id, answer = read_answer(assertion)
    key = next((key for key in keys if key.passkey is not None and key.passkey.credential_id == credential_id), None)
    if key is None:
        raise UsageError("the passkey that answered is none of this person's enrolled keys", code=UNKNOWN)
    envelope = dsse.envelope_of(statement, answer, key.key_id)
    dsse.verify(dsse.parse(envelope), base64.b64decode(key.public_key), key.passkey)
    return envelope


def read_answer(assertion: str) -> tuple[str, Assertion]:
    """Read `AuthenticationResponseJSON` without trusting anything in it; returns the credential's id and the assertion.

    Raises:
        UsageError: code `malformed_passkey_response`; it is no such thing.
    """
    answer, response = _answer(assertion)
    parts = (_part(response, name) for name in ("authenticatorData", "clientDataJSON", "signature"))
    return answer["id"], Assertion(*parts)


def registration_options(
    *, name: str, rp_id: str, rp_name: str, registered: Iterable[EnrolledKey] = ()
) -> Registration:
    """Return what a browser is asked to make a passkey for `name`, with user verification and without attestation.

    Args:
        name: The person, as they will be enrolled.
        rp_id: The relying party: the host of the console, or a parent domain of it.
        rp_name: What the person's device calls it.
        registered: The person's keys: no authenticator makes a second credential beside one of these.
    """
    # Loaded when somebody registers: all that signs and verifies is ours.
    from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415
    from webauthn.helpers.structs import (  # noqa: PLC0415
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    challenge = secrets.token_bytes(32)
    known = [from_base64url(key.passkey.credential_id) for key in registered if key.passkey is not None]
    options = generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_name=name,
        user_display_name=name,
        user_id=secrets.token_bytes(32),
        challenge=challenge,
        timeout=TIMEOUT_MS,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        supported_pub_key_algs=[COSEAlgorithmIdentifier(one) for one in _ALGORITHMS],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return Registration(options_to_json(options), challenge)


def enrolment_request_from(
    response: str, *, name: str, challenge: bytes, rp_id: str, origins: Sequence[str]
) -> EnrolmentRequest:
    """Verify a registration and return what an administrator is asked to enroll; its JSON is the request's file.

    Args:
        response: `RegistrationResponseJSON`, as JSON text, untrusted.
        name: The person who registered.
        challenge: That of the options, kept in the person's session since; it must not be used twice.
        rp_id: The relying party of the options.
        origins: The exact origins the passkey may be used from; the registration must have come from one.

    Raises:
        UsageError: code `malformed_passkey_response`; the response does not verify, or the origins are not those of
            the relying party.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    answer, parts = _answer(response)
    _check_same_page(_part(parts, "clientDataJSON"))
    try:
        verified = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            require_user_presence=True,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(one) for one in _ALGORITHMS],
        )
        if to_base64url(verified.credential_id) != answer["id"]:
            raise _malformed("it names another credential than it was made for")
        algorithm, raw = _canonical_key(verified.credential_public_key)
        passkey = Passkey(
            algorithm=algorithm,
            credential_id=to_base64url(verified.credential_id),
            rp_id=rp_id,
            origins=tuple(origins),
        )
        check_passkey(raw, passkey)
        return EnrolmentRequest(
            name=name, key_id=sha256_hex(raw), public_key=base64.b64encode(raw).decode(), passkey=passkey
        )
    except ValidationError as error:
        raise _malformed(first_fault(error)) from error
    # The library lets what its parsers raise through.
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise _malformed(str(error)) from error


def _canonical_key(cose: bytes) -> tuple[Algorithm, bytes]:
    from webauthn.helpers import decode_credential_public_key  # noqa: PLC0415
    from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey, DecodedOKPPublicKey  # noqa: PLC0415

    key = decode_credential_public_key(cose)
    if isinstance(key, DecodedEC2PublicKey) and (key.alg, key.crv) == (ES256, 1):
        return ES256, cose_key(ES256, key.x, key.y)
    if isinstance(key, DecodedOKPPublicKey) and (key.alg, key.crv) == (EDDSA, 6):
        return EDDSA, cose_key(EDDSA, key.x)
    raise ValueError("the passkey's public key is neither ES256 on P-256 nor Ed25519")


def _check_same_page(client_data: bytes) -> None:
    """Refuse an answer that was made inside a frame of another site; the library does not look at that."""
    try:
        client = read_json(client_data.decode(), once_each=True)
    except ValueError as error:
        raise _malformed(f"clientDataJSON cannot be read: {error}") from error
    if not isinstance(client, dict) or client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise _malformed("it was made inside a page of another origin")


def _answer(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(text) > _LARGEST_RESPONSE:
        raise _malformed(f"it is larger than {_LARGEST_RESPONSE} bytes")
    try:
        answer = read_json(text, once_each=True)
    except ValueError as error:
        raise _malformed(str(error)) from error
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict) or answer.get("type") != "public-key":
        raise _malformed("it is not what PublicKeyCredential.toJSON() gives")
    if not isinstance(answer.get("id"), str) or answer.get("rawId", answer["id"]) != answer["id"]:
        raise _malformed("it names no credential, or two")
    return answer, response


def _part(response: dict[str, Any], name: str) -> bytes:
    value = response.get(name)
    try:
        return from_base64url(value if isinstance(value, str) else "=")
    except ValueError as error:
        raise _malformed(f"{name} is not base64url") from error


def _malformed(why: str) -> UsageError:
    return UsageError(f"not a passkey's answer: {why}", code=MALFORMED)


def passkeys_of(database: Database, tenant: str, name: str, origin: str, now: datetime) -> tuple[EnrolledKey, ...]:
    """Return the passkeys of one person that count now and may be used from one origin."""
    with database.reading() as tx:
        listed = tx.approvers.listed(tenant, name=name)
    keys = (one.key for one in listed if one.key is not None and one.fault is None)
    return tuple(key for key in keys if key.counts(now) and key.passkey is not None and origin in key.passkey.origins)
