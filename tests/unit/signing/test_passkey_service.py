"""What a page calls: options for a browser, and an envelope or an enrolment request of what the browser answered."""

import base64
import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.people.passkey import EDDSA, ES256, Algorithm, Passkey
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing import dsse
from placet.governance.signing.assertions import to_base64url
from placet.service.passkeys import (
    enrolment_request_from,
    envelope_from_assertion,
    registration_options,
    signing_options,
)
from tests.support.authenticator import ORIGIN, RP_ID, UP, Authenticator
from tests.unit.support import a_key

STATEMENT = b'{"_type":"https://in-toto.io/Statement/v1"}'
CHALLENGE = bytes(range(32))
DEVICE = Authenticator()


def test_a_browsers_answer_becomes_an_envelope_that_verifies() -> None:
    device, other = Authenticator(counter=3), Authenticator()
    keys = [a_key()[1], other.enrolled("anna"), device.enrolled("anna")]
    options = signing_options(STATEMENT, keys)
    assert options["userVerification"] == "required"
    assert options["challenge"] == to_base64url(dsse.challenge_of(STATEMENT))
    assert [one["id"] for one in options["allowCredentials"]] == [
        other.passkey.credential_id,
        device.passkey.credential_id,
    ]
    envelope = dsse.parse(envelope_from_assertion(STATEMENT, device.asserted(dsse.challenge_of(STATEMENT)), keys))
    assert envelope.signatures[0].keyid == device.key_id
    assert dsse.verify(envelope, device.public_key, device.passkey) == STATEMENT
    assert dsse.assertion_in(envelope).counter == 4


def test_the_challenge_is_the_digest_of_the_exact_bytes_that_another_key_would_sign() -> None:
    encoding = b"DSSEv1 28 application/vnd.in-toto+json 2 {}"
    assert dsse.challenge_of(b"{}") == hashlib.sha256(encoding).digest()


def test_whoever_has_no_passkey_is_not_asked_for_one() -> None:
    elsewhere = Authenticator().enrolled("anna")
    assert elsewhere.passkey is not None
    moved = elsewhere.passkey.model_copy(update={"rp_id": "other.example", "origins": ("https://other.example",)})
    for keys in ([], [a_key()[1]], [DEVICE.enrolled("anna"), elsewhere.model_copy(update={"passkey": moved})]):
        with pytest.raises(UsageError) as caught:
            signing_options(STATEMENT, keys)
        assert caught.value.code == "unknown_passkey"


def test_an_answer_of_an_unknown_credential_or_about_another_statement_is_refused() -> None:
    answer = DEVICE.asserted(dsse.challenge_of(STATEMENT))
    for keys in ([], [a_key()[1]], [Authenticator().enrolled("anna")]):
        with pytest.raises(UsageError) as unknown:
            envelope_from_assertion(STATEMENT, answer, keys)
        assert unknown.value.code == "unknown_passkey"
    with pytest.raises(DecisionRefused) as caught:
        envelope_from_assertion(STATEMENT + b" ", answer, [DEVICE.enrolled("anna")])
    assert caught.value.code == "wrong_challenge"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        " " * 70_000,
        "\ud800",
        '{"id":"AA","rawId":"AB","type":"public-key","response":{}}',
        '{"id":1,"rawId":1,"type":"public-key","response":{}}',
        '{"id":"AA","rawId":"AA","type":"password","response":{}}',
        '{"id":"AA","rawId":"AA","type":"public-key","response":[]}',
        '{"id":"AA","id":"AA","type":"public-key","response":{}}',
    ],
)
def test_what_no_browser_gives_is_one_clear_refusal(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        envelope_from_assertion(STATEMENT, text, [DEVICE.enrolled("anna")])
    assert caught.value.code in ("malformed_passkey_response", "unknown_passkey")
    with pytest.raises(UsageError) as caught:
        registered(text)
    assert caught.value.code == "malformed_passkey_response"


@pytest.mark.parametrize("missing", ["authenticatorData", "clientDataJSON", "signature"])
@pytest.mark.parametrize("value", [None, 1, "", "*", "QQ==", []])
def test_an_answer_without_one_of_its_parts_is_refused(missing: str, value: object) -> None:
    answer = json.loads(DEVICE.asserted(dsse.challenge_of(STATEMENT)))
    answer["response"][missing] = value
    with pytest.raises((UsageError, DecisionRefused)):
        envelope_from_assertion(STATEMENT, json.dumps(answer), [DEVICE.enrolled("anna")])


@pytest.mark.parametrize(
    ("rp_id", "origin"), [("example", "https://evil.example"), ("localhost", "https://a.localhost")]
)
def test_a_party_of_one_label_is_that_very_host(rp_id: str, origin: str) -> None:
    given = DEVICE.passkey.model_dump()
    with pytest.raises(ValidationError, match="is not on a host of rp_id"):
        Passkey.model_validate({**given, "rp_id": rp_id, "origins": (origin,)})
    one = Passkey.model_validate({**given, "rp_id": "placet", "origins": ("https://placet:8443",)})
    assert one.rp_id == "placet"


def registered(response: str, challenge: bytes = CHALLENGE, **changes: Any) -> Any:
    asked = {"name": "anna", "challenge": challenge, "rp_id": RP_ID, "origins": [ORIGIN], **changes}
    return enrolment_request_from(response, **asked)


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_a_registration_becomes_the_request_of_that_very_key(algorithm: Algorithm) -> None:
    device = Authenticator(algorithm=algorithm)
    asked = registration_options(name="anna", rp_id=RP_ID, rp_name="Placet", registered=[DEVICE.enrolled("anna")])
    options = json.loads(asked.options)
    assert options["challenge"] == to_base64url(asked.challenge)
    assert options["rp"] == {"name": "Placet", "id": RP_ID}
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [-8, -7]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [one["id"] for one in options["excludeCredentials"]] == [DEVICE.passkey.credential_id]
    assert registered(device.registered(asked.challenge), asked.challenge) == device.request("anna")


@pytest.mark.parametrize(
    ("device", "changes"),
    [
        (Authenticator(origin="https://evil.example"), {}),
        (Authenticator(rp_id="evil.example"), {}),
        (Authenticator(flags=UP), {}),
        (Authenticator(client={"crossOrigin": True}), {}),
        (Authenticator(client={"topOrigin": ORIGIN}), {}),
        (Authenticator(client={"type": "webauthn.get"}), {}),
        (Authenticator(), {"challenge": bytes(32)}),
        (Authenticator(), {"name": "worker"}),
        (Authenticator(), {"origins": [ORIGIN, "https://evil.example"]}),
        (Authenticator(), {"origins": []}),
    ],
)
def test_a_registration_that_is_not_what_was_asked_for_yields_nothing(
    device: Authenticator, changes: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        registered(device.registered(CHALLENGE), **changes)
    assert caught.value.code == "malformed_passkey_response"


@given(
    where=st.integers(0, 2**16),
    bit=st.integers(0, 7),
    part=st.sampled_from(["attestationObject", "clientDataJSON"]),
)
@settings(max_examples=300, deadline=None)
def test_a_bent_registration_is_refused_or_of_the_same_credential_and_nothing_foreign_is_raised(
    where: int, bit: int, part: str
) -> None:
    response = json.loads(DEVICE.registered(CHALLENGE))
    text = response["response"][part]
    data = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    data[where % len(data)] ^= 1 << bit
    response["response"][part] = to_base64url(bytes(data))
    # Nothing signs a registration without attestation: a member that nobody reads, a counter or a point may differ.
    with suppress(UsageError):
        request = registered(json.dumps(response))
        assert request.passkey == DEVICE.passkey
