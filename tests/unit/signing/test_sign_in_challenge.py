"""A sign-in can never be a decision, nor a decision a sign-in."""

import hashlib

import pytest

from placet.errors import DecisionRefused
from placet.governance.access.rules import access_roles
from placet.governance.signing import dsse
from placet.service.passkeys import envelope_from_assertion
from placet.service.sign_in import new_random, sign_in_challenge
from tests.support.authenticator import Authenticator


def test_the_two_challenges_are_digests_of_texts_that_differ_in_their_first_letter() -> None:
    random = new_random()
    text = f"placet sign-in v1\ndemo\n{random.hex()}\n".encode()
    assert sign_in_challenge("demo", random) == hashlib.sha256(text).digest()
    for statement in (b"", text, random, b"{}"):
        encoded = dsse.pre_authentication_encoding(dsse.PAYLOAD_TYPE, statement)
        assert encoded[:1] == b"D" != text[:1]
        assert dsse.challenge_of(statement) == hashlib.sha256(encoded).digest() != sign_in_challenge("demo", random)


def test_a_challenge_is_of_one_tenant_and_one_random_number() -> None:
    random = new_random()
    made = {sign_in_challenge(tenant, one) for tenant in ("a", "b") for one in (random, new_random())}
    assert len(made) == 4


def test_the_assertion_of_a_sign_in_makes_no_envelope() -> None:
    device, random = Authenticator(), new_random()
    answer = device.asserted(sign_in_challenge("demo", random))
    for statement in (b"{}", random, f"placet sign-in v1\ndemo\n{random.hex()}\n".encode()):
        with pytest.raises(DecisionRefused) as refused:
            envelope_from_assertion(statement, answer, [device.enrolled("anna")])
        assert refused.value.code == "wrong_challenge"


@pytest.mark.parametrize(
    ("enrolled", "roles"),
    [
        (("retention_lead",), ("approver",)),
        (("operator",), ("operator",)),
        (("administrator",), ("administrator",)),
        (("auditor", "finance"), ("approver", "auditor")),
        (("approver",), ("approver",)),
        (("administrator", "operator", "x"), ("operator", "approver", "administrator")),
    ],
)
def test_roles_of_access_follow_from_what_was_signed(enrolled: tuple[str, ...], roles: tuple[str, ...]) -> None:
    assert access_roles(enrolled) == roles
