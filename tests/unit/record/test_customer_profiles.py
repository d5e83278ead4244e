"""A customer's facts have one form; what was stored and signed before they had names of their own is read as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from placet.contracts.customer import CustomerProfile, DeclaredFact, Fact, named
from placet.contracts.people.mandate import Mandate
from placet.governance.authority.mandates import check_sense
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from tests.support.facts import FACTS

STORED = Path(__file__).parents[2] / "fixtures" / "stored_before"
BEFORE: dict[str, Any] = {
    "billing_account_id": "BA-C00042",
    "contract": "one_year",
    "customer_id": "C00042",
    "internet_service": "fiber_optic",
    "payment_method": "Electronic check",
    "status": "Active",
    "tenure_months": 3,
}
NOW = CustomerProfile(
    customer_id="C00042",
    status="Active",
    tenure_months=3,
    facts=named({"payment_method": "Electronic check", "contract": "one_year", "internet_service": "fiber_optic"}),
    billing_account_id="BA-C00042",
)


def test_a_profile_of_before_is_read_as_one_of_today() -> None:
    assert CustomerProfile.model_validate(BEFORE) == NOW
    assert CustomerProfile.model_validate_json(json.dumps(BEFORE)) == NOW
    assert CustomerProfile.model_validate_json(canonical_bytes(NOW)) == NOW


@pytest.mark.parametrize("absent", ["contract", "internet_service", "payment_method", "status"])
def test_what_is_neither_form_is_refused(absent: str) -> None:
    with pytest.raises(ValidationError):
        CustomerProfile.model_validate({name: value for name, value in BEFORE.items() if name != absent})
    with pytest.raises(ValidationError):
        CustomerProfile.model_validate({**BEFORE, "facts": []})


@pytest.mark.parametrize(
    "facts",
    [
        (Fact(name="b", value=1), Fact(name="a", value=1)),
        (Fact(name="a", value=1), Fact(name="a", value=1)),
        (Fact(name="risk", value="low"),),
        (Fact(name="tenure_months", value=1),),
        tuple(Fact(name=f"f{number:02d}", value=number) for number in range(33)),
    ],
)
def test_facts_have_one_order_and_take_no_name_that_is_taken(facts: tuple[Fact, ...]) -> None:
    with pytest.raises(ValidationError):
        CustomerProfile(customer_id="C1", status="Active", tenure_months=1, facts=facts)


@pytest.mark.parametrize(
    "fact",
    [
        {"name": "Contract", "value": "x"},
        {"name": "__class__", "value": "x"},
        {"name": "a", "value": True},
        {"name": "a", "value": 1.5},
        {"name": "a", "value": None},
        {"name": "a", "value": 10**13},
        {"name": "a", "value": "x" * 81},
        {"name": "a", "value": "x\u202ey"},
    ],
)
def test_a_fact_is_a_short_plain_word_or_a_bounded_figure(fact: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fact.model_validate(fact)


def test_a_declaration_admits_its_own_values_alone() -> None:
    contract = DeclaredFact(name="contract", one_of=("one_year",))
    assert [contract.admits(value) for value in ("one_year", "One_year", "", 1, None)] == [True, *[False] * 4]
    lines = DeclaredFact(name="lines", kind="number")
    assert [lines.admits(value) for value in (0, "0", True, None)] == [True, *[False] * 3]
    for wrong in ({"name": "risk"}, {"name": "lines", "kind": "number", "one_of": ("1",)}):
        with pytest.raises(ValidationError):
            DeclaredFact.model_validate(wrong)


def test_a_mandate_signed_before_has_the_same_bytes_and_makes_sense() -> None:
    signed = (STORED / "mandate.json").read_bytes()
    assert sha256_hex(signed) == "17a4d232ae8fb49c4a7c85b09b4f8198ca7ecde0b8269d7bf12768a140128e21"
    mandate = Mandate.model_validate_json(signed)
    assert canonical_bytes(mandate) == signed
    check_sense(mandate, mandate.signed_at, FACTS)
