"""What was written before strategies were published has the same bytes, digests and signatures still."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.base import Frozen
from placet.contracts.money import Money
from placet.contracts.mutation import AdjustBalance
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.mandate import CohortTest, Mandate
from placet.contracts.proposal import Proposal, Reason
from placet.contracts.run import RunRequest
from placet.errors import DecisionRefused
from placet.governance.signing.canonical import canonical_bytes, digest
from placet.governance.signing.keys import key_id_of, public_bytes
from placet.governance.signing.signed import sign_document, verify_document

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MANDATE = Mandate(
    tenant="demo",
    signer="hanna",
    signed_at=AT,
    document_id="0" * 32,
    reason="summer",
    name="summer-save",
    drafted_by="olga",
    agent="retention",
    kinds=("adjust_balance",),
    treatments=("goodwill_credit",),
    cohort=(CohortTest(field="contract", op="ne", value="two_year"),),
    cap_per_customer=Money(amount_minor=2_000, currency="USD"),
    period_days=30,
    budget=Money(amount_minor=10_000, currency="USD"),
    valid_from=AT,
    valid_until=datetime(2026, 4, 1, tzinfo=UTC),
)
REQUEST = RunRequest(
    run_id="run-00000000000000000001",
    tenant="demo",
    customer_id="C00005",
    agent="retention",
    key="one",
    requested_by="olga",
    requested_at=AT,
)
REVERSAL = REQUEST.model_copy(update={"reverses": "run-00000000000000000002"})
PROPOSAL = Proposal(
    run_id="run-00000000000000000001",
    tenant="demo",
    customer_id="C00005",
    agent="retention",
    triggered_by="olga",
    treatment="goodwill_credit",
    treatment_name="Goodwill credit",
    mutation=AdjustBalance(
        customer_id="C00005",
        bucket_id="B-C00005",
        bucket_name="Main balance",
        amount=Money(amount_minor=700, currency="USD"),
        reason="Goodwill credit",
    ),
    cost=Money(amount_minor=700, currency="USD"),
    expected_value_minor=2_253,
    facts=(Reason(code="tenure", detail="a customer for 2 months"),),
    assumptions=(),
    candidates=(),
    preconditions=(),
    evidence="1" * 64,
    assessment="2" * 64,
)
SIGNATURE = "b9UrK4dy2k6foIUze+H9Nta700rlGEEv8pIWOqN7619AT9ONNRCT7ilU+CSY1IKh4Ol8UM3igzzx1XdPL1CDAg=="
"""Of the mandate by the key above, made by the version before (commit 6cc02120), as are the digests below."""

DIGESTS = (
    (MANDATE, "6566766feafb94c487966a62585c9b086c1bd8eef4536e9bc5671fc02f8901a5"),
    (REQUEST, "6fd7b4bc21807883eedab287290d225c535bf7e319e788cd97a52a3c893b116b"),
    (REVERSAL, "a0e3768b960bcfbf3a19b43e5b316b9bc8489bab6f51c449639c2a62786fb993"),
    (PROPOSAL, "cc6c99066ea381f7a4e2c4d295a073d744b0bda9fdf43065228a87d503508aa5"),
)


@pytest.mark.parametrize(("document", "known"), DIGESTS, ids=["mandate", "request", "reversal", "proposal"])
def test_an_old_document_has_the_bytes_that_it_had(document: Frozen, known: str) -> None:
    assert digest(document) == known
    written = document.model_dump_json()
    assert not {"strategy", "channel"} & json.loads(written).keys()
    again = type(document).model_validate_json(written)
    assert (again, canonical_bytes(again)) == (document, canonical_bytes(document))


def test_an_old_envelope_verifies_and_none_that_is_given_a_strategy_does() -> None:
    public = public_bytes(KEY.public_key())
    enrolled = EnrolledKey(
        tenant="demo",
        name="hanna",
        roles=("retention_head",),
        limit=None,
        key_id=key_id_of(public),
        public_key=base64.b64encode(public).decode(),
        enrolled_by="root",
        enrolled_at=AT,
    )
    text = sign_document(MANDATE, KEY, enrolled.key_id)
    assert json.loads(text)["signatures"][0]["sig"] == SIGNATURE
    verified = verify_document(text, Mandate, tenant="demo", now=AT, find_key=lambda _: enrolled)
    assert verified.document == MANDATE
    published = sign_document(MANDATE.model_copy(update={"strategy": "3" * 64}), KEY, enrolled.key_id)
    envelope = json.loads(published)
    envelope["signatures"] = json.loads(text)["signatures"]
    with pytest.raises(DecisionRefused):
        verify_document(json.dumps(envelope), Mandate, tenant="demo", now=AT, find_key=lambda _: enrolled)
