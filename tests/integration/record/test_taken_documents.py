"""What takes a signed document on the record: what does not count is refused there, whatever it holds."""

import base64
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.money import Money
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.mandate import CohortTest, Mandate
from placet.contracts.people.signed import SignedDocument
from placet.errors import DecisionRefused
from placet.governance.authority.delegations import MOST_BETWEEN_TWO
from placet.governance.signing import dsse
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import sign_document
from placet.service.documents.delegations import revoke_delegation, take_delegation
from placet.service.documents.halts import lift_halt, place_halt, sign_lift
from placet.service.documents.mandates import take_mandate
from placet.storage.database import Database
from tests.support.databases import together
from tests.support.enrolment import enroll, trusted
from tests.unit.policy.policy_support import DEFAULT, a_mandate, a_set
from tests.unit.support import a_key

STRANGE: tuple[object, ...] = (2**53, 10**400, "\x00", "\ud800", float("nan"), [], {"\x00": 1})
Bend = Callable[[dict[str, Any]], None]


@pytest.fixture
def anna(database: Database, tmp_path: Path) -> SigningKey:
    signing, enrolled = a_key()
    _, berta = a_key("berta")
    root = trusted(database, tmp_path)
    for key in (enrolled, berta):
        enroll(database, key, root)
    return signing


def a_delegation() -> Delegation:
    now = datetime.now(UTC)
    return Delegation(
        tenant="demo",
        signer="anna",
        signed_at=now,
        document_id=secrets.token_hex(16),
        delegate="berta",
        roles=("retention_lead",),
        limit=Money(amount_minor=1000, currency="USD"),
        valid_from=now,
        valid_until=now + timedelta(days=1),
    )


def signed(document: SignedDocument, key: SigningKey) -> str:
    return sign_document(document, key.private, key.key_id)


def bent(envelope: str, key: SigningKey, bend: Bend) -> str:
    """The statement as somebody signs it who does not use this program."""
    statement = json.loads(base64.b64decode(dsse.parse(envelope).payload))
    bend(statement["predicate"])
    return dsse.sign(json.dumps(statement).encode(), key.private, key.key_id)


def refusals(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as tx:
        entries = tx.audit.read("tenant/demo")
    return [(entry.kind, entry.actor, entry.body["code"]) for entry in entries if "refused" in entry.kind]


def cohort_of(value: int) -> Mandate:
    test = CohortTest(field="tenure_months", op="ge", value=value)
    return a_mandate().model_copy(update={"cohort": (test,)})


def test_a_number_that_has_no_canonical_form_is_a_refusal_on_the_record(database: Database, anna: SigningKey) -> None:
    def too_large(predicate: dict[str, Any]) -> None:
        amount = predicate["limit"] if "limit" in predicate else predicate["cohort"][0]
        amount["amount_minor" if "limit" in predicate else "value"] = 2**53

    delegation = bent(signed(a_delegation(), anna), anna, too_large)
    mandate = bent(signed(cohort_of(12), anna), anna, too_large)
    with pytest.raises(DecisionRefused):
        take_delegation(database, delegation, tenant="demo")
    with pytest.raises(DecisionRefused):
        take_mandate(database, mandate, tenant="demo", policies=a_set(DEFAULT), declared=())
    assert refusals(database) == [
        ("delegation.refused", "unverified", "malformed_statement"),
        ("mandate.refused", "unverified", "malformed_statement"),
    ]


def test_whatever_a_signed_lift_says_it_is_a_refusal_on_the_record(database: Database, anna: SigningKey) -> None:
    halt, _ = place_halt(
        database, tenant="demo", scope="tenant", subject="", by="olga", reason="wrong price list", agents=("retention",)
    )
    lift = sign_lift(halt, name="anna", reason="", key=anna)
    places = list(product(("halt_id", "signed_at", "reason", "more"), STRANGE))
    for place, strange in places:
        text = bent(lift, anna, lambda predicate, put=(place, strange): predicate.update([put]))  # type: ignore[misc]
        with pytest.raises(DecisionRefused):
            lift_halt(database, text, tenant="demo", policies={"retention": a_set(DEFAULT)})
    found = refusals(database)
    assert {(kind, actor) for kind, actor, _ in found} == {("halt.lift_refused", "unverified")}
    assert len(found) == len(places)


def test_no_more_delegations_of_one_to_another_are_taken_when_many_are_signed_at_once(
    database: Database, anna: SigningKey
) -> None:
    def take(_: int) -> str:
        try:
            return take_delegation(database, signed(a_delegation(), anna), tenant="demo").delegation.document_id
        except DecisionRefused as error:
            return error.code

    outcomes = together(8, take)
    taken = {outcome for outcome in outcomes if outcome != "too_many"}
    assert (len(taken), outcomes.count("too_many")) == (MOST_BETWEEN_TWO, 8 - MOST_BETWEEN_TWO)
    with database.reading() as tx:
        assert {one.delegation.document_id for one in tx.delegations.list("demo")} == taken
    revoke_delegation(database, tenant="demo", delegation_id=taken.pop(), by="anna", reason="")
    assert take(0) != "too_many"
