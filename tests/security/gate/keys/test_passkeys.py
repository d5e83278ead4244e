"""Passkeys at the running system: an assertion decides like another signature; nothing forged does (promises 1, 2)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from placet.engine.payload_keys import load_or_create_key
from placet.governance.signing import dsse
from placet.governance.signing.canonical import canonical_bytes
from placet.replay import judge
from placet.replay.files import load_trusted
from placet.replay.trust import Trusted
from placet.service.deciding.decisions import deliver_decision, verdict_statement
from placet.service.documents.keys import revoke_key
from placet.service.passkeys import (
    enrolment_request_from,
    envelope_from_assertion,
    registration_options,
    signing_options,
)
from placet.storage.projections.verification import check_projections
from tests.security.gate.keys.passkeys import enrolled, statement
from tests.support.authenticator import ORIGIN, RP_ID, UP, Authenticator, mirrored
from tests.support.world import EXECUTED_RECORD, World


def test_a_run_that_a_passkey_approved_executes_once_and_proves_itself_offline(a_world: World, tmp_path: Path) -> None:
    device = enrolled(a_world, counter=7)
    run_id = a_world.pending("C00005")
    record = a_world.record(run_id)
    with a_world.database.reading() as tx:
        keys = [key for key in tx.approvers.list("demo") if key.name == "anna"]

    signing = verdict_statement(record, str(record.proposal), "approve", "anna", "called twice")
    options = signing_options(signing, keys)
    assert options["rpId"] == RP_ID
    answer = device.asserted(dsse.challenge_of(signing))
    envelope = envelope_from_assertion(signing, answer, keys)
    a_world.run(deliver_decision(a_world.database, a_world.engine, record, envelope))
    a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 1
    assert [event.kind for event in a_world.events(run_id) if event.kind in EXECUTED_RECORD] == EXECUTED_RECORD
    with a_world.database.reading() as tx:
        check_projections(tx, "demo")

    file = tmp_path / "anna.json"
    file.write_text(device.request("anna").model_dump_json())
    trusted = load_trusted([Path(f"anna={file}")], [])
    verdict = a_world.run(replayed(a_world, run_id, trusted))
    assert verdict.faults == []
    assert not any("signatures not verified" in note for note in verdict.notes)
    assert any("counter of a passkey" in note for note in verdict.notes)

    file.write_text(Authenticator().request("anna").model_dump_json())
    (fault,) = a_world.run(replayed(a_world, run_id, load_trusted([file], []))).faults
    assert "is none of them" in fault
    elsewhere = device.passkey.model_copy(update={"rp_id": "other.example", "origins": ("https://other.example",)})
    moved = Trusted({device.key_id: device.public_key}, passkeys={device.key_id: elsewhere})
    (fault,) = a_world.run(replayed(a_world, run_id, moved)).faults
    assert "a page it is not enrolled for" in fault


async def replayed(world: World, run_id: str, trusted: Any) -> Any:
    history = await world.engine.history(run_id)
    key = load_or_create_key(world.settings.payload_key)
    return await judge(history, key, trusted.keys, holders=trusted.holders, passkeys=trusted.passkeys)


def test_no_forged_assertion_decides(a_world: World) -> None:
    device = enrolled(a_world, counter=100)
    ben = a_world.approver("ben")
    run_id, other = a_world.pending("C00005"), a_world.pending("C00006")
    signing = statement(a_world, run_id)

    def altered(**changes: Any) -> str:
        before = {name: getattr(device, name) for name in changes}
        for name, value in changes.items():
            setattr(device, name, value)
        try:
            return device.envelope(signing)
        finally:
            for name, value in before.items():
                setattr(device, name, value)

    def resigned(sig: bytes, keyid: str = device.key_id) -> str:
        envelope = json.loads(device.envelope(signing))
        envelope["signatures"] = [{"keyid": keyid, "sig": base64.b64encode(sig).decode()}]
        return json.dumps(envelope)

    def of(sig: dict[str, Any]) -> bytes:
        whole = json.loads(base64.b64decode(json.loads(device.envelope(signing))["signatures"][0]["sig"]))
        return canonical_bytes({**whole, **sig})

    forged = [
        (dsse.envelope_of(signing, device.answer(bytes(32)), device.key_id), "wrong_challenge"),
        (dsse.envelope_of(signing, device.answer(dsse.challenge_of(b"{}")), device.key_id), "wrong_challenge"),
        (altered(origin="https://evil.example"), "wrong_origin"),
        (altered(client={"crossOrigin": True}), "wrong_origin"),
        (altered(rp_id="evil.example"), "wrong_relying_party"),
        (altered(flags=UP), "user_not_verified"),
        (dsse.envelope_of(signing, Authenticator().answer(dsse.challenge_of(signing)), device.key_id), "bad_signature"),
        (Authenticator().envelope(signing), "unknown_key"),
        # the other kind of signature under a passkey's id, and an assertion under the other kind of key
        (dsse.sign(signing, ben.key.private, device.key_id), "malformed"),
        (dsse.envelope_of(signing, device.answer(dsse.challenge_of(signing)), ben.key.key_id), "bad_signature"),
        (resigned(b"[" * 6000), "malformed"),
        (
            resigned(b'{"authenticatorData":"","authenticatorData":"","clientDataJSON":"","signature":""}'),
            "malformed",
        ),
        (resigned(of({"userHandle": "AA"})), "malformed"),
        (resigned(of({"clientDataJSON": "A" * 5000})), "malformed"),
        (resigned(b" " * 9000), "too_large"),
        (resigned(b" " * 20_000), "too_large"),
        (device.envelope(statement(a_world, run_id, name="ben")), "wrong_person"),
        (device.envelope(statement(a_world, other)), "wrong_run"),
    ]
    for count, (envelope, code) in enumerate(forged, 1):
        a_world.send(run_id, envelope)
        assert a_world.refusal(run_id, count) == code, (count, code)
    assert a_world.record(run_id).state == "awaiting_decision"
    assert a_world.effects()["adjustments"] == 0
    a_world.send(run_id, device.envelope(statement(a_world, run_id)))
    a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 1


def test_a_revoked_passkey_decides_nothing(a_world: World) -> None:
    device = enrolled(a_world)
    run_id = a_world.pending("C00005")
    revoke_key(a_world.database, tenant="demo", key_id=device.key_id, by=a_world.root, reason="lost")
    a_world.send(run_id, device.envelope(statement(a_world, run_id)))
    assert a_world.refusal(run_id) == "revoked_key"


def test_a_mirrored_signature_is_no_second_decision(a_world: World) -> None:
    """ECDSA lets anybody write a second signature for the same statement: it is the same decision, used already."""
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    device = enrolled(a_world)
    run_id = a_world.pending("C00005")
    signing = statement(a_world, run_id)
    answer = device.answer(dsse.challenge_of(signing))
    first = dsse.envelope_of(signing, answer, device.key_id)
    other = type(answer)(answer.authenticator_data, answer.client_data, mirrored(answer.signature))
    second = dsse.envelope_of(signing, other, device.key_id)
    assert dsse.verify(dsse.parse(second), device.public_key, device.passkey) == signing
    a_world.send(run_id, first)
    a_world.until(lambda: bool(a_world.events(run_id, "approve.decided")), "a decision")
    a_world.send(run_id, second)
    assert a_world.refusal(run_id) == "same_person"
    assert len(a_world.events(run_id, "approve.decided")) == 1
    assert a_world.effects()["adjustments"] == 0


def test_a_registration_yields_a_request_that_an_administrator_enrolls(a_world: World) -> None:
    device = Authenticator(counter=0)
    asked = registration_options(name="anna", rp_id=RP_ID, rp_name="Placet")
    response = device.registered(asked.challenge)
    request = enrolment_request_from(response, name="anna", challenge=asked.challenge, rp_id=RP_ID, origins=[ORIGIN])
    assert request == device.request("anna")


@pytest.mark.parametrize("algorithm", [-7, -8])
def test_each_algorithm_decides(a_world: World, algorithm: int) -> None:
    device = enrolled(a_world, algorithm=algorithm)
    run_id = a_world.pending("C00005")
    a_world.send(run_id, device.envelope(statement(a_world, run_id)))
    a_world.wait(run_id, "executed")
