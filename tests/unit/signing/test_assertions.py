"""A passkey's assertion counts for one challenge, one credential, its pages and a verified person; nothing else does.

An independent library (py_webauthn) is the oracle: what it refuses we refuse, and honest assertions pass both.
"""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from placet.contracts.people.passkey import EDDSA, ES256, Algorithm, Passkey, cose_key
from placet.errors import DecisionRefused
from placet.governance.signing import dsse
from placet.governance.signing.assertions import (
    LARGEST_ASSERTION,
    Assertion,
    check_assertion,
    check_passkey,
    from_base64url,
    read_assertion,
    to_base64url,
    write_assertion,
)
from placet.governance.signing.canonical import canonical_bytes
from tests.support.authenticator import AT, BE, BS, ED, ORIGIN, RP_ID, UP, UV, Authenticator, mirrored

CHALLENGE = bytes(range(32))
ALGORITHMS: tuple[Algorithm, ...] = (ES256, EDDSA)
KEYS = {algorithm: Authenticator(algorithm=algorithm) for algorithm in ALGORITHMS}
algorithms = st.sampled_from(ALGORITHMS)


def refused(device: Authenticator, assertion: Assertion, challenge: bytes = CHALLENGE) -> str | None:
    """The code it is refused with; None where it counts."""
    try:
        check_assertion(assertion, challenge, device.public_key, device.passkey)
    except DecisionRefused as error:
        return error.code
    return None


def oracle_accepts(device: Authenticator, assertion: Assertion, challenge: bytes = CHALLENGE) -> bool:
    """What py_webauthn says of the same; what its parsers raise is a no."""
    name = to_base64url(device.credential_id)
    credential = {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "response": {
            "authenticatorData": to_base64url(assertion.authenticator_data),
            "clientDataJSON": to_base64url(assertion.client_data),
            "signature": to_base64url(assertion.signature),
        },
    }
    try:
        verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=RP_ID,
            expected_origin=[ORIGIN],
            credential_public_key=device.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        return False
    return True


@given(
    algorithm=algorithms, challenge=st.binary(min_size=32, max_size=32), counter=st.integers(0, 2**32 - 2) | st.none()
)
@settings(max_examples=40, deadline=None)
def test_an_honest_assertion_counts_here_and_by_an_independent_verifier(
    algorithm: Algorithm, challenge: bytes, counter: int | None
) -> None:
    device = KEYS[algorithm]
    device.counter = counter
    assertion = device.answer(challenge)
    assert refused(device, assertion, challenge) is None
    assert oracle_accepts(device, assertion, challenge)
    assert read_assertion(write_assertion(assertion)) == assertion
    assert assertion.counter == (0 if counter is None else counter + 1)


@given(algorithm=algorithms, where=st.integers(0, 2**16), bit=st.integers(0, 7), part=st.integers(0, 2))
@settings(max_examples=300, deadline=None)
def test_one_flipped_bit_anywhere_makes_it_count_for_nothing(
    algorithm: Algorithm, where: int, bit: int, part: int
) -> None:
    device = KEYS[algorithm]
    device.counter = 3
    assertion = device.answer(CHALLENGE)
    name = ("authenticator_data", "client_data", "signature")[part]
    data = bytearray(getattr(assertion, name))
    data[where % len(data)] ^= 1 << bit
    changed = replace(assertion, **{name: bytes(data)})
    assert refused(device, changed) is not None
    assert not oracle_accepts(device, changed)


@given(algorithm=algorithms, where=st.integers(0, 2**16), bit=st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_one_flipped_bit_of_the_envelope_makes_it_count_for_nothing(algorithm: Algorithm, where: int, bit: int) -> None:
    device = KEYS[algorithm]
    text = bytearray(device.envelope(b'{"a":1}').encode())
    place = where % len(text)
    text[place] ^= 1 << bit
    try:
        envelope = dsse.parse(text.decode())
        if envelope.signatures[0].keyid != device.key_id:
            return  # it names another key
        payload = dsse.verify(envelope, device.public_key, device.passkey)
    except (DecisionRefused, UnicodeDecodeError):
        return
    pytest.fail(f"byte {place} may be {text[place]}: {payload!r}")


@given(
    algorithm=algorithms,
    flags=st.integers(0, 255),
    more=st.dictionaries(st.sampled_from(["type", "origin", "crossOrigin", "topOrigin", "challenge", "x"]), st.text()),
)
@settings(max_examples=150, deadline=None)
def test_what_the_independent_verifier_refuses_is_refused(
    algorithm: Algorithm, flags: int, more: dict[str, Any]
) -> None:
    device = Authenticator(algorithm=algorithm, flags=flags, client=more)
    assertion = device.answer(CHALLENGE)
    if refused(device, assertion) is None:
        assert oracle_accepts(device, assertion)
        assert flags & UP
        assert flags & UV


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"origin": "https://placet.example.evil.example"}, "wrong_origin"),
        ({"origin": "http://placet.example"}, "wrong_origin"),
        ({"origin": "https://placet.example:8443"}, "wrong_origin"),
        ({"origin": "https://www.placet.example"}, "wrong_origin"),
        ({"client": {"crossOrigin": True}}, "wrong_origin"),
        ({"client": {"crossOrigin": 0}}, "wrong_origin"),
        ({"client": {"crossOrigin": None}}, "wrong_origin"),
        ({"client": {"topOrigin": ORIGIN}}, "wrong_origin"),
        ({"client": {"type": "webauthn.create"}}, "wrong_ceremony"),
        ({"client": {"type": "payment.get"}}, "wrong_ceremony"),
        ({"client": {"challenge": to_base64url(bytes(32))}}, "wrong_challenge"),
        ({"client": {"challenge": to_base64url(CHALLENGE) + "="}}, "wrong_challenge"),
        ({"client": {"challenge": base64.b64encode(CHALLENGE).decode()}}, "wrong_challenge"),
        ({"client": {"challenge": None}}, "wrong_challenge"),
        ({"client": {"origin": [ORIGIN]}}, "wrong_origin"),
        ({"rp_id": "example"}, "wrong_relying_party"),
        ({"flags": UP}, "user_not_verified"),
        ({"flags": UV}, "user_not_verified"),
        ({"flags": 0}, "user_not_verified"),
        ({"flags": UP | UV | BS}, "malformed"),
        ({"flags": UP | UV | AT}, "malformed"),
        ({"flags": UP | UV | ED}, "malformed"),
        ({"extensions": b"\xa0"}, "malformed"),
    ],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_thing_that_is_wrong_has_its_code(algorithm: Algorithm, change: dict[str, Any], code: str) -> None:
    device = Authenticator(algorithm=algorithm, **change)
    assert refused(device, device.answer(CHALLENGE)) == code


@pytest.mark.parametrize(
    "change",
    [
        {"flags": UP | UV | BE},
        {"flags": UP | UV | BE | BS},
        {"flags": UP | UV | ED, "extensions": b"\xa0"},
        {"client": {"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"}},
        {"client": {"crossOrigin": False}},
    ],
)
def test_what_honest_browsers_and_authenticators_vary_counts(change: dict[str, Any]) -> None:
    device = Authenticator(**change)
    assertion = device.answer(CHALLENGE)
    assert refused(device, assertion) is None
    assert oracle_accepts(device, assertion)


def test_client_data_without_cross_origin_counts() -> None:
    device = Authenticator()
    client = json.dumps({"type": "webauthn.get", "challenge": to_base64url(CHALLENGE), "origin": ORIGIN}).encode()
    data = device.authenticator_data()
    assert refused(device, signed(device, data, client)) is None


@pytest.mark.parametrize(
    "client",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"type":"webauthn.get","type":"webauthn.get"}',
        b"[" * 900 + b"]" * 900,
        b'{"type":' + b"9" * 2000 + b"}",
    ],
)
def test_client_data_that_is_no_plain_object_is_malformed(client: bytes) -> None:
    device = Authenticator()
    code = refused(device, signed(device, device.authenticator_data(), client))
    assert code in ("malformed", "wrong_ceremony")


def test_a_name_that_stands_twice_in_the_client_data_is_refused() -> None:
    device = Authenticator()
    honest = device.client_data("webauthn.get", CHALLENGE)
    twice = honest[:-1] + b',"origin":"https://placet.example"}'
    assert refused(device, signed(device, device.authenticator_data(), twice)) == "malformed"


@pytest.mark.parametrize("size", [0, 1, 32, 36])
def test_authenticator_data_that_is_too_short_is_malformed(size: int) -> None:
    device = Authenticator()
    data = device.authenticator_data()[:size]
    assert refused(device, signed(device, data, device.client_data("webauthn.get", CHALLENGE))) == "malformed"


def test_a_signature_by_another_credential_does_not_count() -> None:
    for algorithm in ALGORITHMS:
        assert refused(KEYS[algorithm], Authenticator(algorithm=algorithm).answer(CHALLENGE)) == "bad_signature"


def test_a_signature_of_the_other_algorithm_does_not_count() -> None:
    assert refused(KEYS[ES256], KEYS[EDDSA].answer(CHALLENGE)) == "bad_signature"
    assert refused(KEYS[EDDSA], KEYS[ES256].answer(CHALLENGE)) == "bad_signature"


def test_the_mirrored_ecdsa_signature_verifies_and_so_an_envelope_is_not_the_only_one() -> None:
    assertion = KEYS[ES256].answer(CHALLENGE)
    other = replace(assertion, signature=mirrored(assertion.signature))
    assert other.signature != assertion.signature
    assert refused(KEYS[ES256], other) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"authenticatorData":"AA","clientDataJSON":"AA"}',
        b'{"authenticatorData":"AA","clientDataJSON":"AA","signature":1}',
        b'{"authenticatorData":"AA","clientDataJSON":"AA","signature":"A"}',
        b'{"authenticatorData":"AA","clientDataJSON":"AA","signature":"AB"}',  # bits that no byte gets
        b'{"authenticatorData":"AA","clientDataJSON":"AA","signature":"AA=="}',
        b'{"authenticatorData":"AA","clientDataJSON":"AA","signature":"A+/="}',
        b'{"authenticatorData":"AA","clientDataJSON":"AA","signature":"AA","userHandle":"AA"}',
        b'{"authenticatorData":"AA", "clientDataJSON":"AA","signature":"AA"}',  # not canonical
        b'{"clientDataJSON":"AA","authenticatorData":"AA","signature":"AA"}',
        b'{"authenticatorData":"AA","authenticatorData":"AA","clientDataJSON":"AA","signature":"AA"}',
        b'{"authenticatorData":"\\u0041A","clientDataJSON":"AA","signature":"AA"}',
    ],
)
def test_an_assertion_has_one_spelling(data: bytes) -> None:
    with pytest.raises(DecisionRefused) as caught:
        read_assertion(data)
    assert caught.value.code == "malformed"


def test_huge_fields_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(DecisionRefused) as caught:
        read_assertion(b"[" * (LARGEST_ASSERTION + 1))
    assert caught.value.code == "too_large"
    for name, size in (("authenticatorData", 1025), ("clientDataJSON", 2049), ("signature", 81), ("signature", 5000)):
        parts = {"authenticatorData": "AA", "clientDataJSON": "AA", "signature": "AA", name: to_base64url(bytes(size))}
        with pytest.raises(DecisionRefused, match=f"{name} (has|is no text)"):
            read_assertion(canonical_bytes(parts))


@given(st.binary(max_size=90))
@settings(max_examples=100, deadline=None)
def test_base64url_reads_back_what_it_wrote(data: bytes) -> None:
    assert from_base64url(to_base64url(data)) == data


def test_a_public_key_that_is_no_point_is_no_passkey() -> None:
    for algorithm, raw in (
        (ES256, cose_key(ES256, bytes(32), bytes(32))),
        (ES256, cose_key(ES256, b"\xff" * 32, b"\xff" * 32)),
        (EDDSA, cose_key(EDDSA, bytes(32))),
        (EDDSA, KEYS[ES256].public_key),
        (ES256, KEYS[ES256].public_key + b"\x00"),
    ):
        passkey = Passkey(algorithm=algorithm, credential_id="AA", rp_id=RP_ID, origins=(ORIGIN,))
        with pytest.raises(ValueError, match=r"."):
            check_passkey(raw, passkey)


def test_a_signature_of_one_kind_of_key_does_not_count_for_the_other() -> None:
    device = KEYS[EDDSA]
    raw = dsse.parse(dsse.sign(b"{}", device.private, device.key_id))  # type: ignore[arg-type]
    with pytest.raises(DecisionRefused) as caught:
        dsse.verify(raw, device.public_key, device.passkey)
    assert caught.value.code == "malformed"
    asserted = dsse.parse(device.envelope(b"{}"))
    with pytest.raises(DecisionRefused) as caught:
        dsse.verify(asserted, device.public_key[-32:])
    assert caught.value.code == "bad_signature"


def signed(device: Authenticator, data: bytes, client: bytes) -> Assertion:
    """An assertion over whatever is given, truly signed."""
    return Assertion(data, client, device.sign(data + hashlib.sha256(client).digest()))
