"""Our envelopes and those of another implementation of DSSE are the same thing, both ways."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib import dsse as foreign
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from placet.errors import DecisionRefused
from placet.governance.signing import dsse
from placet.governance.signing.keys import key_id_of, public_bytes

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = public_bytes(KEY.public_key())
KEY_ID = key_id_of(RAW)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def public_of(key: Ed25519PrivateKey) -> SSlibKey:
    """The key as the other implementation knows it, under the identifier that ours has."""
    return SSlibKey.from_crypto(key.public_key(), key_id_of(public_bytes(key.public_key())))


@given(st.binary(max_size=300))
def test_theirs_verifies_ours(payload: bytes) -> None:
    envelope = foreign.Envelope.from_dict(json.loads(dsse.sign(payload, KEY, KEY_ID)))
    assert envelope.payload == payload
    assert envelope.pae() == dsse.pre_authentication_encoding(dsse.PAYLOAD_TYPE, payload)
    assert list(envelope.verify([public_of(KEY)], 1)) == [KEY_ID]


@given(st.binary(max_size=300))
def test_ours_verifies_theirs(payload: bytes) -> None:
    envelope = foreign.Envelope(payload, dsse.PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(KEY, public_of(KEY)))
    ours = dsse.parse(json.dumps(envelope.to_dict()))
    assert dsse.verify(ours, RAW) == payload


def test_neither_takes_another_key_or_another_payload() -> None:
    written = dsse.sign(b"approve", KEY, KEY_ID)
    changed = json.dumps({**json.loads(written), "payload": "cmVqZWN0"})
    for envelope, signer in ((written, OTHER), (changed, KEY)):
        with pytest.raises(VerificationError):
            foreign.Envelope.from_dict(json.loads(envelope)).verify([public_of(signer)], 1)
        with pytest.raises(DecisionRefused):
            dsse.verify(dsse.parse(envelope), public_bytes(signer.public_key()))
