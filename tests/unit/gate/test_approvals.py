"""An approval is for one exact mutation, signed by a named, enrolled, unexpired key (promise 2), or does not count."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import AcceptedDecision, Phase
from placet.errors import DecisionRefused
from placet.governance.approvals import sign_decision, verify_decision
from placet.governance.signing import dsse
from placet.governance.signing.canonical import digest, sha256_hex
from placet.governance.signing.statement import decision_payload
from tests.unit.support import NOW, a_gate, a_key, a_predicate, a_proposal, a_request

SIGNING, ENROLLED = a_key()
DIGEST = digest(a_proposal())
GOOD = sign_decision(a_predicate(), DIGEST, SIGNING.private, SIGNING.key_id)


def review(
    text: str,
    *,
    key: EnrolledKey | None = ENROLLED,
    proposal: str = DIGEST,
    phase: Phase = "decide",
    now: datetime = NOW,
) -> AcceptedDecision:
    accepted, _ = verify_decision(
        text,
        run=a_request(),
        proposal_digest=proposal,
        gate=a_gate(),
        phase=phase,
        now=now,
        find_key=lambda key_id: key if key and key.key_id == key_id else None,
    )
    return accepted


def refused(text: str, **how: object) -> str:
    with pytest.raises(DecisionRefused) as caught:
        review(text, **how)  # type: ignore[arg-type]
    return caught.value.code


def signed(**changes: object) -> str:
    return sign_decision(a_predicate(**changes), DIGEST, SIGNING.private, SIGNING.key_id)


def test_a_sound_decision_counts_and_names_its_signer() -> None:
    accepted = review(GOOD)
    assert (accepted.verdict, accepted.approver, accepted.key_id) == ("approve", "anna", ENROLLED.key_id)
    assert accepted.envelope_digest == sha256_hex(GOOD.encode())


def test_a_decision_on_one_proposal_is_worthless_for_any_other() -> None:
    other = digest(a_proposal(8_200_000))
    assert refused(GOOD, proposal=other) == "stale"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "other"}, "wrong_run"),
        ({"run_id": "run-" + "b" * 20}, "wrong_run"),
        ({"approver": "berta"}, "wrong_person"),
        ({"verdict": "confirm_executed"}, "wrong_verdict"),
        ({"decided_at": NOW + timedelta(minutes=5)}, "clock_skew"),
        ({"decided_at": NOW - timedelta(hours=1)}, "predates_gate"),
    ],
)
def test_a_signed_statement_that_says_something_else_is_refused(changes: dict[str, object], code: str) -> None:
    assert refused(signed(**changes)) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "other"}, "unknown_key"),
        ({"revoked_at": NOW - timedelta(seconds=1)}, "revoked_key"),
        ({"expires_at": NOW}, "expired_key"),
    ],
)
def test_a_key_that_is_not_good_now_decides_nothing(changes: dict[str, object], code: str) -> None:
    assert refused(GOOD, key=ENROLLED.model_copy(update=changes)) == code


def test_an_unknown_key_decides_nothing() -> None:
    assert refused(GOOD, key=None) == "unknown_key"


def test_the_gate_closes_on_time() -> None:
    assert refused(GOOD, now=a_gate().expires_at) == "late"
    assert review(GOOD, now=a_gate().expires_at - timedelta(microseconds=1)).verdict == "approve"


def test_an_unknown_outcome_is_settled_by_its_own_verdicts_only() -> None:
    assert refused(GOOD, phase="settle") == "wrong_verdict"
    assert review(signed(verdict="confirm_not_executed"), phase="settle").verdict == "confirm_not_executed"


def test_someone_elses_signature_under_a_known_key_id_is_refused() -> None:
    stranger, _ = a_key("mallory")
    forged = sign_decision(a_predicate(), DIGEST, stranger.private, SIGNING.key_id)
    assert refused(forged) == "bad_signature"


def test_a_signature_over_another_payload_type_is_refused() -> None:
    payload = decision_payload(DIGEST, a_predicate())
    signature = SIGNING.private.sign(dsse.pre_authentication_encoding("application/json", payload))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": "application/json",
        "signatures": [{"keyid": SIGNING.key_id, "sig": base64.b64encode(signature).decode()}],
    }
    assert refused(json.dumps(envelope)) == "wrong_payload_type"
    # … also when the type is relabelled after signing.
    assert refused(json.dumps({**envelope, "payloadType": dsse.PAYLOAD_TYPE})) == "bad_signature"


def test_a_reason_no_database_could_store_is_refused() -> None:
    payload = decision_payload(DIGEST, a_predicate(reason="because")).replace(b"because", b"be\\u0000use")
    assert refused(dsse.sign(payload, SIGNING.private, SIGNING.key_id)) == "malformed_statement"


def test_two_signatures_are_not_more_than_one() -> None:
    envelope = json.loads(GOOD)
    envelope["signatures"] *= 2
    assert refused(json.dumps(envelope)) == "malformed"


def test_an_oversized_envelope_is_refused_unread() -> None:
    assert refused("{" + " " * 20_000 + "}") == "too_large"


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: base64.b64encode(data).decode()))
def test_garbage_never_counts_and_never_raises_anything_else(text: str) -> None:
    with pytest.raises(DecisionRefused):
        review(text)


@settings(max_examples=150)
@given(position=st.integers(0, len(GOOD) - 1), character=st.characters(min_codepoint=32, max_codepoint=126))
def test_no_single_changed_character_leaves_another_valid_decision(position: int, character: str) -> None:
    bent = GOOD[:position] + character + GOOD[position + 1 :]
    try:
        accepted = review(bent)
    except DecisionRefused:
        return
    assert accepted.model_copy(update={"envelope_digest": ""}) == review(GOOD).model_copy(
        update={"envelope_digest": ""}
    )


def test_pre_authentication_encoding_is_that_of_the_specification() -> None:
    assert dsse.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
