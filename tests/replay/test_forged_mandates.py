"""A run that nobody was asked about rests on a mandate: its signature is asked for, and what it covers."""

import base64
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.money import Money
from placet.contracts.people.mandate import CohortTest, Mandate
from placet.errors import UsageError
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import sign_document
from placet.replay.files import load_trusted
from tests.replay.forging import Forgery, Json, Signer

DRAFT: Json = {
    "tenant": "demo",
    "signer": "hanna",
    "document_id": "6" * 32,
    "name": "small-credits",
    "drafted_by": "ines",
    "agent": "retention",
    "kinds": ("adjust_balance",),
    "treatments": ("goodwill_credit",),
    "cap_per_customer": Money(amount_minor=2000, currency="USD"),
    "period_days": 30,
    "budget": Money(amount_minor=100_000, currency="USD"),
}


def resting_on(hanna: Signer, told: Json | None = None, **bounds: Any) -> tuple[Forgery, str]:
    """The recorded run as one cleared by a mandate of `hanna`'s; `told` bends what the workflow was told of it."""
    forged = Forgery("cleared")
    at = datetime.fromisoformat(forged.answered("open_gate")[0]["opened_at"])
    times = {
        "signed_at": at - timedelta(hours=1),
        "valid_from": at - timedelta(days=1),
        "valid_until": at + timedelta(days=1),
    }
    signed = Mandate.model_validate({**DRAFT, **times, **bounds})
    text = sign_document(signed, hanna.private, hanna.key_id)
    clearance = {
        "mandate_id": signed.document_id,
        "name": signed.name,
        "document": sha256_hex(text.encode()),
        "signer": signed.signer,
        "key_id": hanna.key_id,
        **(told or {}),
    }
    forged.answer("open_gate", lambda gate: {**gate, "clearance": {**gate["clearance"], **clearance}})
    return forged, text


def faults(forged: Forgery, text: str, *signers: Signer, **more: Any) -> list[str]:
    return forged.faults(*signers, mandates={sha256_hex(text.encode()): text}, **more)


def test_a_run_within_a_signed_mandate_is_sound() -> None:
    hanna = Signer()
    forged, text = resting_on(hanna)
    verdict = forged.verdict(hanna, mandates={sha256_hex(text.encode()): text}, holders={hanna.key_id: "hanna"})
    assert (verdict.faults, verdict.mandate) == ([], sha256_hex(text.encode()))
    assert "the mandate's cohort and budget were not checked: the history holds neither" in verdict.notes


def test_an_invented_mandate_is_found_out_by_who_brings_keys() -> None:
    invented = {"name": "invented", "signer": "nobody", "document": "0" * 64}
    forged, _ = resting_on(Signer(), told=invented)
    assert forged.faults(Signer()) == [f"mandate {'0' * 64} not verified: give its signed document with --mandate FILE"]


def test_without_keys_the_verdict_says_that_the_mandate_is_not_verified() -> None:
    verdict = Forgery("cleared").verdict()
    assert verdict.faults == []
    assert (
        "mandate not verified; give its signed document with --mandate and its signer's key with --key" in verdict.notes
    )


def test_a_mandate_signed_by_a_stranger_is_found_out() -> None:
    mallory = Signer()
    forged, text = resting_on(mallory)
    (fault,) = faults(forged, text, Signer())
    assert fault.endswith(f"key {mallory.key_id[:16]} is none of them")


def test_a_mandate_with_a_broken_signature_is_found_out() -> None:
    hanna, mallory = Signer(), Signer()
    forged, text = resting_on(mallory)
    stolen = text.replace(mallory.key_id, hanna.key_id)
    forged.answer("open_gate", lambda gate: {**gate, "clearance": {**gate["clearance"], **told_of(stolen, hanna)}})
    (fault,) = faults(forged, stolen, hanna)
    assert fault.endswith("the signature does not match the payload and key")


def told_of(text: str, signer: Signer) -> Json:
    return {"document": sha256_hex(text.encode()), "key_id": signer.key_id}


@pytest.mark.parametrize(
    ("bounds", "fault"),
    [
        ({"treatments": ("loyalty_bonus",)}, "it does not clear treatment 'goodwill_credit'"),
        ({"kinds": ("order_product",)}, "it does not clear an adjust_balance"),
        ({"cap_per_customer": Money(amount_minor=699, currency="USD")}, "7.00 USD is more than 6.99 USD"),
        ({"agent": "advance"}, "it is for agent 'advance', not 'retention'"),
        ({"tenant": "other"}, "it is of tenant 'other', not 'demo'"),
        ({"signer": "olga"}, "'olga' signed it and triggered the run"),
    ],
)
def test_a_mandate_that_does_not_cover_the_proposal_is_found_out(bounds: Json, fault: str) -> None:
    hanna = Signer()
    forged, text = resting_on(hanna, **bounds)
    (found,) = faults(forged, text, hanna)
    assert fault in found


def test_a_mandate_of_another_time_is_found_out() -> None:
    hanna = Signer()
    late, _ = resting_on(hanna)
    at = datetime.fromisoformat(late.answered("open_gate")[0]["opened_at"])
    over, text = resting_on(hanna, valid_until=at)
    assert "it is valid from" in faults(over, text, hanna)[0]
    after, text = resting_on(hanna, signed_at=at + timedelta(hours=1))
    assert faults(after, text, hanna)[0].endswith("was signed after it cleared the proposal")


@pytest.mark.parametrize(
    "part", [{"signer": "ines"}, {"name": "other"}, {"mandate_id": "7" * 32}, {"key_id": "8" * 64}]
)
def test_what_the_workflow_was_told_of_a_mandate_is_what_was_signed(part: Json) -> None:
    hanna = Signer()
    forged, text = resting_on(hanna, told=part)
    (fault,) = faults(forged, text, hanna)
    assert " was signed as " in fault


def test_a_mandate_is_charged_what_the_proposal_costs() -> None:
    hanna = Signer()
    forged, text = resting_on(hanna, told={"consumed": {"amount_minor": 1, "currency": "USD"}})
    (fault,) = faults(forged, text, hanna)
    assert fault.endswith("was charged 0.01 USD, the proposal takes 7.00 USD")


def test_a_cohort_is_not_judged_on_facts_that_the_history_does_not_hold() -> None:
    hanna = Signer()
    forged, text = resting_on(hanna, cohort=(CohortTest(field="tenure_months", op="ge", value=999),))
    assert faults(forged, text, hanna) == []


def test_keys_and_mandates_are_read_from_files(tmp_path: Path) -> None:
    hanna = Signer()
    forged, text = resting_on(hanna)
    key, document = tmp_path / "hanna.pem.pub", tmp_path / "mandate.json"
    key.write_text(base64.b64encode(hanna.public).decode() + "\n")
    document.write_text(text + "\n")
    trusted = load_trusted([Path(f"hanna={key}")], [document])
    assert (trusted.keys, trusted.holders) == ({hanna.key_id: hanna.public}, {hanna.key_id: "hanna"})
    assert load_trusted([key], []).holders == {}
    verdict = forged.verdict(hanna, holders=trusted.holders, mandates=trusted.mandates)
    assert verdict.faults == []


@pytest.mark.parametrize("given", ["nowhere.pub", "hanna=nowhere.pub", "No Name=x.pub"])
def test_a_key_that_cannot_be_read_is_one_clear_line(given: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read public key file|is no person's name"):
        load_trusted([Path(given)], [])


def test_a_mandate_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read mandate file"):
        load_trusted([], [tmp_path / "nowhere.json"])


@pytest.mark.parametrize("text", ["", "{}", "name: small-credits\n", "[" * 5000])
def test_a_mandate_file_that_is_not_signed_is_refused_and_not_passed_over(tmp_path: Path, text: str) -> None:
    draft = tmp_path / "draft.json"
    draft.write_text(text)
    with pytest.raises(UsageError, match=r"is no signed document; a draft proves nothing") as refused:
        load_trusted([], [draft])
    assert "\n" not in str(refused.value)
