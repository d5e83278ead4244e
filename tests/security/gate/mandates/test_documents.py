"""Documents and rows of mandates: what nobody signed, was changed, or was revoked clears nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from placet.contracts.money import Money
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.mandate import MandateRecord
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import sign_document
from placet.service.documents import mandates as mandate_operations
from placet.service.documents.mandates import take_mandate
from tests.security.gate.mandates.mandating import SUBJECT, envelope, mandated, passed_over, policies, withdrawn
from tests.support.databases import disarm, outsider
from tests.support.facts import FACTS
from tests.support.world import Approver, World


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (
            "UPDATE mandate SET budget_minor = 9999999, mandate = replace(mandate, '10000', '9999999')",
            "mandate_altered",
        ),
        ("UPDATE mandate SET mandate = replace(mandate, 'loyalty_bonus', 'goodwill_credit')", "mandate_altered"),
        ("UPDATE mandate SET agent = 'retention ', mandate = 'x'", None),
        ("UPDATE mandate SET budget_minor = 9999999", "mandate_altered"),
    ],
)
def test_a_mandate_changed_in_the_database_clears_nothing(
    world: World, hanna: Approver, statement: str, code: str | None
) -> None:
    mandated(world, hanna, treatments=("loyalty_bonus",) if "bonus" in statement else ("goodwill_credit",))
    disarm(world.settings.database, "mandate")
    with outsider(world.settings.database) as shell:
        shell(statement)
    run_id = world.pending(SUBJECT)
    assert passed_over(world, run_id) == ([code] if code else [])
    assert world.effects()["adjustments"] == 0


def test_a_mandate_row_that_nobody_signed_clears_nothing(world: World, hanna: Approver) -> None:
    genuine = mandated(world, hanna, treatments=("loyalty_bonus",))
    forged = genuine.mandate.model_copy(update={"document_id": "f" * 32, "treatments": ("goodwill_credit",)})
    with world.database.transaction() as tx:
        for document in (genuine.document, "0" * 64):
            mandate = forged.model_copy(update={"document_id": document[:32]})
            record = MandateRecord(mandate=mandate, document=document, key_id=hanna.key.key_id, spent_minor=0)
            assert tx.mandates.add(record)
    run_id = world.pending(SUBJECT)
    assert sorted(passed_over(world, run_id)) == ["mandate_altered", "mandate_treatment", "mandate_unsigned"]
    assert world.effects()["adjustments"] == 0


def test_a_signed_document_counts_once_and_never_again_after_its_revocation(world: World, hanna: Approver) -> None:
    now = datetime.now(UTC)
    draft = {"valid_from": now, "valid_until": now + timedelta(days=1)}
    text = envelope(hanna, **draft)
    first = take_mandate(world.database, text, tenant="demo", policies=policies(world), declared=FACTS)
    assert take_mandate(world.database, text, tenant="demo", policies=policies(world), declared=FACTS) == first
    with pytest.raises(UsageError, match="two would give twice its budget") as again:
        take_mandate(
            world.database,
            envelope(hanna, **draft),
            tenant="demo",
            policies=policies(world),
            declared=FACTS,
        )
    assert again.value.code == "mandate_in_force"
    withdrawn(world, hanna, first)
    with pytest.raises(DecisionRefused, match="revoked since; sign a new one") as refused:
        take_mandate(world.database, text, tenant="demo", policies=policies(world), declared=FACTS)
    assert refused.value.code == "duplicate"
    world.pending(SUBJECT)
    assert world.effects()["adjustments"] == 0


def bent(hanna: Approver, how: str) -> str:
    """A document that is no mandate of Hanna's, although her key is enrolled."""
    now = datetime.now(UTC)
    if how == "wrong_statement":
        delegation = Delegation(
            tenant="demo",
            signer="hanna",
            signed_at=now,
            document_id="1" * 32,
            delegate="anna",
            roles=("retention_head",),
            limit=Money(amount_minor=1, currency="USD"),
            valid_from=now,
            valid_until=now + timedelta(days=1),
        )
        return sign_document(delegation, hanna.key.private, hanna.key.key_id)
    if how == "bad_signature":
        return envelope(hanna).replace('"sig":"', '"sig":"AAAA', 1)
    if how == "wrong_tenant":
        return envelope(hanna, tenant="other")
    if how == "wrong_person":
        return envelope(Approver("ines", hanna.key))
    if how == "too_large":
        return envelope(hanna, treatments=tuple(f"goodwill_credit_{number:04d}" for number in range(900)))
    return "yes"


@pytest.mark.parametrize(
    "code", ["wrong_statement", "bad_signature", "wrong_tenant", "wrong_person", "malformed", "too_large"]
)
def test_a_document_that_is_no_sound_mandate_is_refused_and_recorded(world: World, hanna: Approver, code: str) -> None:
    text = bent(hanna, code)
    with pytest.raises(DecisionRefused) as refused:
        take_mandate(world.database, text, tenant="demo", policies=policies(world), declared=FACTS)
    assert refused.value.code == code
    with world.database.reading() as tx:
        assert tx.mandates.list("demo") == ()
        (entry,) = [event for event in tx.audit.read("tenant/demo") if event.kind == "mandate.refused"]
    assert (entry.actor, entry.body["code"], entry.body["document"]) == (
        "unverified",
        code,
        sha256_hex(text.encode()),
    )


def test_no_more_mandates_are_taken_on_than_are_asked_about_one_proposal(
    world: World, hanna: Approver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mandate_operations, "MOST_AT_ONCE", 2)
    mandated(world, hanna)
    withdrawn(world, hanna, mandated(world, hanna))
    mandated(world, hanna)
    with pytest.raises(UsageError, match="has 2 mandates in force; revoke some first"):
        mandated(world, hanna)
