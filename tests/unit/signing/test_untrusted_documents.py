"""Whatever is signed or sent, it counts or is refused with a reason: nothing else ever leaves verification.

Anything else would be tried again without end by who asked for the review, and hold up all that waits behind it.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.money import Money
from placet.contracts.people.batch import Batch, BatchBounds, BatchMember
from placet.contracts.people.decision import Amendment
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.halt import Lift
from placet.contracts.people.mandate import CohortTest, Mandate
from placet.contracts.people.signed import SignedDocument
from placet.errors import DecisionRefused
from placet.governance.approvals import verify_decision
from placet.governance.batches import MemberTree, is_batched, verify_batched
from placet.governance.signing import dsse
from placet.governance.signing.canonical import canonical_bytes, digest, sha256_hex
from placet.governance.signing.signed import predicate_type, sign_document, verify_document
from placet.governance.signing.statement import STATEMENT_TYPE, decision_payload
from tests.unit.support import NOW, RUN, a_gate, a_key, a_predicate, a_proposal, a_request

SIGNING, ENROLLED = a_key()
PROPOSAL = a_proposal()
TREE = MemberTree([BatchMember(run_id=RUN, proposal=digest(PROPOSAL))])
COST = Money(amount_minor=1000, currency="USD")
COMMON: dict[str, Any] = {"tenant": "demo", "signer": "anna", "signed_at": NOW, "document_id": "d" * 32}
WINDOW: dict[str, Any] = {"valid_from": NOW, "valid_until": NOW + timedelta(days=1)}

DOCUMENTS: tuple[SignedDocument, ...] = (
    Delegation(delegate="berta", roles=("retention_lead",), limit=COST, **WINDOW, **COMMON),
    Lift(halt_id="halt-" + "0" * 12, **COMMON),
    Mandate(
        name="outage",
        drafted_by="olga",
        agent="retention",
        kinds=("adjust_balance",),
        treatments=("goodwill_credit",),
        cohort=(CohortTest(field="tenure_months", op="ge", value=12),),
        cap_per_customer=COST,
        period_days=30,
        budget=COST,
        **WINDOW,
        **COMMON,
    ),
    Batch(
        verdict="approve",
        size=TREE.size,
        root=TREE.root,
        bounds=BatchBounds(
            agent="retention",
            kinds=("adjust_balance",),
            treatments=("goodwill_credit",),
            max_cost=COST,
            total_cost=COST,
        ),
        **COMMON,
    ),
)
BATCH = DOCUMENTS[-1]

STRANGE: list[Any] = [
    2**53 - 1,
    2**53,
    -(2**53),
    2**63,
    10**400,
    1e308,
    0.1,
    -0.0,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    "\x00",
    "\ud800",
    "\u202e",
    "9" * 5000,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "2026-03-01T12:00:00",
    {},
    [],
    [[]] * 3,
    {"\x00": {"\ud800": 1}},
]
KEYS = st.sampled_from(["_type", "subject", "predicate", "predicateType", "batch", "member", "payload", "signatures"])
JSON = st.recursive(
    st.sampled_from(STRANGE) | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TEXTS = JSON.map(json.dumps) | st.text(max_size=200)


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the inner ones after the outer one."""
    if here:
        yield here
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*here, key))


def bent(value: Any, place: tuple[Any, ...], strange: Any) -> Any:
    """A copy of `value` with something strange at `place`."""
    copied = json.loads(json.dumps(value))
    inner = copied
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = strange
    return copied


def signed(statement: Any) -> str:
    return dsse.sign(json.dumps(statement).encode(), SIGNING.private, SIGNING.key_id)


def statement_of(document: SignedDocument) -> dict[str, Any]:
    envelope = dsse.parse(sign_document(document, SIGNING.private, SIGNING.key_id))
    found: dict[str, Any] = json.loads(base64.b64decode(envelope.payload))
    return found


def about(kind: type[SignedDocument], predicate: Any) -> dict[str, Any]:
    """A statement whose subject fits its predicate, wherever one can: what is checked after the digest is reached."""
    try:
        fitting = sha256_hex(canonical_bytes(kind.model_validate_json(json.dumps(predicate))))
    except ValueError:
        fitting = "0" * 64
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "", "digest": {"sha256": fitting}}],
        "predicateType": predicate_type(kind),
        "predicate": predicate,
    }


def verify(text: str, kind: type[SignedDocument]) -> object:
    return verify_document(text, kind, tenant="demo", now=NOW, find_key={ENROLLED.key_id: ENROLLED}.get)


def decide(text: str) -> object:
    return verify_decision(
        text,
        run=a_request(),
        proposal_digest=digest(PROPOSAL),
        gate=a_gate(),
        phase="decide",
        now=NOW,
        find_key={ENROLLED.key_id: ENROLLED}.get,
    )


def decide_batched(text: str) -> object:
    return verify_batched(
        text,
        run=a_request(),
        proposal_digest=digest(PROPOSAL),
        proposal=PROPOSAL,
        gate=a_gate(),
        phase="decide",
        now=NOW,
        find_key={ENROLLED.key_id: ENROLLED}.get,
    )


def share(envelope: Any, member: Any = None) -> str:
    return json.dumps({"batch": envelope, "member": member or TREE.membership(0).model_dump(mode="json")})


def counts_or_is_refused(call: Callable[[], object]) -> bool:
    """Whether it counted. A refusal is one line that the record can hold; anything else fails the test."""
    try:
        call()
    except DecisionRefused as refusal:
        canonical_bytes({"code": refusal.code, "detail": str(refusal)})
        return False
    return True


def test_each_of_these_documents_counts_until_it_is_bent() -> None:
    for document in DOCUMENTS:
        verify(sign_document(document, SIGNING.private, SIGNING.key_id), type(document))
    decide(signed(json.loads(decision_payload(digest(PROPOSAL), a_predicate()))))
    decide_batched(share(json.loads(signed(statement_of(BATCH)))))


@given(TEXTS)
@example("\ud800")
@example("[" * 16_000)
@example('{"payload": "' + "é" * 9_000 + '"}')
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    for document in DOCUMENTS:
        assert not counts_or_is_refused(partial(verify, text, type(document)))
    assert not counts_or_is_refused(lambda: decide_batched(text))
    assert is_batched(text) in (True, False)
    # A run takes lone surrogates out of what a signal brings before anything reads it.
    assert not counts_or_is_refused(lambda: decide(text.encode("utf-8", "backslashreplace").decode()))


@settings(max_examples=200)
@given(st.data())
def test_no_signed_statement_does_anything_but_count_or_be_refused(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS), "document")
    good = statement_of(document)
    place = data.draw(st.sampled_from(list(places(good))), "place")
    statement = bent(good, place, data.draw(JSON, "value"))
    counts_or_is_refused(lambda: verify(signed(statement), type(document)))
    fitting = about(type(document), statement.get("predicate"))
    counts_or_is_refused(lambda: verify(signed(fitting), type(document)))
    if document is BATCH:
        counts_or_is_refused(lambda: decide_batched(share(json.loads(signed(fitting)))))


@settings(max_examples=200)
@given(st.data())
def test_no_signed_decision_does_anything_but_count_or_be_refused(data: st.DataObject) -> None:
    amends = Amendment(amends=digest(PROPOSAL), amount=COST)
    predicate = data.draw(st.sampled_from([a_predicate(), a_predicate(verdict="amend", amendment=amends)]), "decision")
    good = json.loads(decision_payload(digest(PROPOSAL), predicate))
    place = data.draw(st.sampled_from(list(places(good))), "place")
    statement = bent(good, place, data.draw(JSON, "value"))
    counts_or_is_refused(lambda: decide(signed(statement)))


@settings(max_examples=200)
@given(st.data())
def test_no_share_of_a_signed_batch_does_anything_but_count_or_be_refused(data: st.DataObject) -> None:
    good = json.loads(share(json.loads(signed(statement_of(BATCH)))))
    place = data.draw(st.sampled_from(list(places(good))), "place")
    value = data.draw(JSON | st.sampled_from(["", "=", "e30", "a" * 64]), "value")
    text = json.dumps(bent(good, place, value))
    counts_or_is_refused(lambda: decide_batched(text))
    if place[0] == "batch":
        counts_or_is_refused(lambda: verify(json.dumps(json.loads(text)["batch"]), Batch))


def amounts_of(document: SignedDocument) -> list[tuple[Any, ...]]:
    numbers = ("amount_minor", "value")
    return [place for place in places(document.model_dump(mode="json")) if place[-1] in numbers]


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63, 10**400])
def test_a_signed_number_that_has_no_canonical_form_is_refused(number: int) -> None:
    """By who signs outside this program: the library that writes RFC 8785 raises where it meets one."""
    bent_ones = 0
    for document in DOCUMENTS:
        for place in amounts_of(document):
            predicate = bent(document.model_dump(mode="json"), place, number)
            text = signed(about(type(document), predicate))
            with pytest.raises(DecisionRefused) as refused:
                verify(text, type(document))
            assert refused.value.code == "malformed_statement"
            if document is BATCH:
                with pytest.raises(DecisionRefused):
                    decide_batched(share(json.loads(text)))
            bent_ones += 1
    assert bent_ones == 6


def test_what_is_no_document_cannot_be_made_one_by_a_subject_that_fits() -> None:
    with pytest.raises(ValidationError):
        Delegation.model_validate_json(json.dumps({**COMMON, "signed_at": "now"}))
    with pytest.raises(DecisionRefused, match="not a delegation") as refused:
        verify(signed(about(Delegation, {**COMMON, "signed_at": "now"})), Delegation)
    assert refused.value.code == "malformed_statement"
