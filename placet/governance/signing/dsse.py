"""DSSE: sign a typed payload without canonicalising it twice (secure-systems-lab/dsse, protocol v1).

The signature covers the payload type as well as the payload, so a signature made for one kind of document is
worthless for another. An Ed25519 key signs the encoding of both itself. A passkey answers its SHA-256 as a challenge;
`sig` is then the base64 of the assertion (`placet.governance.signing.assertions`, docs/adr/0035).
"""

import base64
import binascii
import hashlib
import json
from functools import lru_cache
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from placet.contracts.base import Digest, Frozen, Text, first_fault
from placet.contracts.people.passkey import Passkey
from placet.errors import DecisionRefused
from placet.governance.signing.assertions import Assertion, check_assertion, read_assertion, write_assertion

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Signature(Frozen):
    """One signature; `sig` is base64."""

    keyid: Digest
    sig: Text


class Envelope(Frozen):
    """A DSSE envelope; `payload` is base64. The field names are those of the specification."""

    payload: Text
    payloadType: Text  # noqa: N815 - the wire name
    signatures: Annotated[tuple[Signature, ...], Field(min_length=1, max_length=1)]


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the exact bytes that are signed: PAE(type, body)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, key: Ed25519PrivateKey, key_id: str) -> str:
    """Sign `payload` (an in-toto statement) and return the envelope as one line of JSON."""
    return _written(payload, key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)), key_id)


def challenge_of(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return what a passkey is asked to sign for `payload`: the SHA-256 of the bytes that another key would sign."""
    return hashlib.sha256(pre_authentication_encoding(payload_type, payload)).digest()


def envelope_of(payload: bytes, assertion: Assertion, key_id: str) -> str:
    """Put an assertion that answers `challenge_of(payload)` into an envelope, one line of JSON."""
    return _written(payload, write_assertion(assertion), key_id)


def _written(payload: bytes, signature: bytes, key_id: str) -> str:
    envelope = Envelope(
        payload=base64.b64encode(payload).decode(),
        payloadType=PAYLOAD_TYPE,
        signatures=(Signature(keyid=key_id, sig=base64.b64encode(signature).decode()),),
    )
    return json.dumps(envelope.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def parse(text: str) -> Envelope:
    """Read an envelope without trusting anything in it.

    Raises:
        DecisionRefused: it is not a DSSE envelope with exactly one signature over an in-toto statement.
    """
    try:
        envelope = Envelope.model_validate_json(text)
    except ValidationError as error:
        raise DecisionRefused(f"not a DSSE envelope: {first_fault(error)}", code="malformed") from error
    check_payload_type(envelope)
    return envelope


def check_payload_type(envelope: Envelope) -> None:
    """Check that the envelope is over an in-toto statement.

    Raises:
        DecisionRefused: code `wrong_payload_type`; it is over something else.
    """
    if envelope.payloadType != PAYLOAD_TYPE:
        raise DecisionRefused(
            f"payload type {envelope.payloadType!r} is not {PAYLOAD_TYPE!r}", code="wrong_payload_type"
        )


def verify(envelope: Envelope, public_key: bytes, passkey: Passkey | None = None) -> bytes:
    """Check the signature and return the payload it covers. Nothing else may be read from the envelope.

    Args:
        envelope: As parsed, untrusted.
        public_key: The enrolled key: 32 bytes of Ed25519, or the COSE_Key of a passkey.
        passkey: The credential, where the key is one; a signature of the other kind does not count for it.

    Raises:
        DecisionRefused: the signature is not this key's over this payload type and payload.
    """
    try:
        payload = base64.b64decode(envelope.payload, validate=True)
        signature = base64.b64decode(envelope.signatures[0].sig, validate=True)
        if passkey is None:
            _check_signature(public_key, signature, pre_authentication_encoding(envelope.payloadType, payload))
        else:
            _check_spelling(envelope.payload, payload)
            _check_spelling(envelope.signatures[0].sig, signature)
            _check_passkey(public_key, passkey, signature, challenge_of(payload, envelope.payloadType))
    except binascii.Error as error:
        raise DecisionRefused(f"not base64: {error}", code="malformed") from error
    except (InvalidSignature, ValueError) as error:
        raise DecisionRefused("the signature does not match the payload and key", code="bad_signature") from error
    return payload


def unverified_payload(envelope: Envelope) -> bytes:
    """Return what an envelope carries, before or after anybody verified its signature.

    Raises:
        DecisionRefused: it is not base64.
    """
    try:
        return base64.b64decode(envelope.payload, validate=True)
    except ValueError as error:
        raise DecisionRefused(f"not base64: {error}", code="malformed") from error


def _check_spelling(text: str, data: bytes) -> None:
    # The last digit of base64 may hold bits that no byte gets: two texts for the same bytes.
    if base64.b64encode(data).decode() != text:
        raise DecisionRefused("not base64 in its one spelling", code="malformed")


def assertion_in(envelope: Envelope) -> Assertion:
    """Read the assertion of an envelope that a passkey signed; whether it did, `verify` says.

    Raises:
        DecisionRefused: there is none.
    """
    try:
        return read_assertion(base64.b64decode(envelope.signatures[0].sig, validate=True))
    except binascii.Error as error:
        raise DecisionRefused(f"not base64: {error}", code="malformed") from error


def forget_verified() -> None:
    """Forget which signatures verified, so that a measurement sees what the first check costs."""
    _check_signature.cache_clear()
    _check_passkey.cache_clear()


@lru_cache(maxsize=2048)
def _check_signature(public_key: bytes, signature: bytes, signed: bytes) -> None:
    """Check one signature. That these very bytes verify is true for ever: what is verified again costs nothing."""
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)


@lru_cache(maxsize=2048)
def _check_passkey(public_key: bytes, passkey: Passkey, signature: bytes, challenge: bytes) -> None:
    """Check one assertion, remembered like other signatures: nothing that it is checked against ever changes."""
    check_assertion(read_assertion(signature), challenge, public_key, passkey)
