"""DSSE: sign a typed payload without canonicalising it twice (secure-systems-lab/dsse, protocol v1).

The signature covers the payload type as well as the payload, so a signature made for one kind of document is
worthless for another.
"""

import base64
import binascii
import json
from functools import lru_cache
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from placet.contracts.base import Digest, Frozen, Text, first_fault
from placet.errors import DecisionRefused

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
    signature = key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
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


def verify(envelope: Envelope, public_key: bytes) -> bytes:
    """Check the signature and return the payload it covers. Nothing else may be read from the envelope.

    Raises:
        DecisionRefused: the signature is not this key's over this payload type and payload.
    """
    try:
        payload = base64.b64decode(envelope.payload, validate=True)
        signature = base64.b64decode(envelope.signatures[0].sig, validate=True)
        _check_signature(public_key, signature, pre_authentication_encoding(envelope.payloadType, payload))
    except binascii.Error as error:
        raise DecisionRefused(f"not base64: {error}", code="malformed") from error
    except (InvalidSignature, ValueError) as error:
        raise DecisionRefused("the signature does not match the payload and key", code="bad_signature") from error
    return payload


def forget_verified() -> None:
    """Forget which signatures verified, so that a measurement sees what the first check costs."""
    _check_signature.cache_clear()


@lru_cache(maxsize=2048)
def _check_signature(public_key: bytes, signature: bytes, signed: bytes) -> None:
    """Check one signature. That these very bytes verify is true for ever: what is verified again costs nothing."""
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
