"""A mandate clears what its signer meant and nothing else: what cannot be told counts as outside."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.customer import CustomerProfile, DeclaredFact, named
from placet.contracts.money import Money
from placet.contracts.people.mandate import CohortTest, Mandate, MandateRecord
from placet.contracts.proposal import AdjustBalance, OrderProduct, Proposal
from placet.errors import DecisionRefused
from placet.governance.authority.mandates import charge, check_authority, check_sense, covers, left, state_of
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import sign_document
from tests.support.facts import FACTS
from tests.unit.policy.policy_support import a_set
from tests.unit.support import NOW, RUN, a_key, a_proposal

AUTHORISE = (
    '@id("heads-authorise") permit (principal in Role::"retention_head", action == Action::"authorise", resource)'
    " when { resource.budget_minor <= principal.limit_minor };"
)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def a_mandate(**changes: Any) -> Mandate:
    values: dict[str, Any] = {
        "tenant": "demo",
        "signer": "hanna",
        "signed_at": NOW,
        "document_id": "1" * 32,
        "name": "summer-save",
        "drafted_by": "olga",
        "agent": "retention",
        "kinds": ("adjust_balance",),
        "treatments": ("goodwill_credit", "loyalty_bonus"),
        "cap_per_customer": usd(2000),
        "period_days": 30,
        "budget": usd(10_000),
        "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=30),
    }
    return Mandate(**{**values, **changes})


def a_profile(**changes: Any) -> CustomerProfile:
    values: dict[str, Any] = {
        "customer_id": "C00001",
        "status": "Active",
        "tenure_months": 12,
        "facts": named(
            {"contract": "month_to_month", "internet_service": "fiber_optic", "payment_method": "Electronic check"}
        ),
    }
    return CustomerProfile(**{**values, **changes})


def outside(mandate: Mandate, proposal: Proposal | None = None, profile: CustomerProfile | None = None) -> str | None:
    """The code with which the mandate does not cover it; None when it does."""
    try:
        covers(mandate, proposal or a_proposal(), profile or a_profile(), "high", NOW, FACTS)
    except DecisionRefused as error:
        return error.code
    return None


def cohort(*tests: tuple[str, str, Any]) -> tuple[CohortTest, ...]:
    return tuple(CohortTest.model_construct(field=field, op=op, value=value) for field, op, value in tests)  # type: ignore[arg-type]


def order() -> OrderProduct:
    return OrderProduct(customer_id="C00001", action="add", offering_id="PO-1")


def test_a_proposal_within_every_bound_is_covered() -> None:
    tests = cohort(("status", "eq", "active"), ("tenure_months", "ge", 12), ("risk", "in", ("medium", "high")))
    assert outside(a_mandate(cohort=tests)) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tenant": "other"}, "mandate_tenant"),
        ({"agent": "advance"}, "mandate_agent"),
        ({"reverses": RUN}, "mandate_reversal"),
        ({"amends": "0" * 64}, "mandate_amended"),
        ({"amended_by": "anna"}, "mandate_amended"),
        ({"triggered_by": "hanna"}, "mandate_four_eyes"),
        ({"mutation": order()}, "mandate_kind"),
        ({"treatment": "plan_change"}, "mandate_treatment"),
        ({"treatment": "goodwill"}, "mandate_treatment"),
        ({"cost": Money(amount_minor=1000, currency="EUR")}, "mandate_currency"),
        ({"cost": usd(2001)}, "mandate_cap"),
        ({"customer_id": "C00002"}, "mandate_customer"),
    ],
)
def test_a_proposal_outside_one_bound_is_refused_for_that_bound(change: dict[str, Any], code: str) -> None:
    assert outside(a_mandate(), a_proposal().model_copy(update=change)) == code


def test_a_mandate_in_another_currency_covers_nothing() -> None:
    assert outside(a_mandate(), a_proposal(currency="EUR")) == "mandate_currency"


def test_a_mutation_or_an_analysis_of_another_customer_is_not_covered() -> None:
    proposal = a_proposal()
    elsewhere = proposal.mutation.model_copy(update={"customer_id": "C00002"})
    assert outside(a_mandate(), proposal.model_copy(update={"mutation": elsewhere})) == "mandate_customer"
    assert outside(a_mandate(), profile=a_profile(customer_id="C00002")) == "mandate_customer"


def test_what_takes_from_a_customer_is_covered_by_no_mandate() -> None:
    mandate = a_mandate(kinds=("adjust_balance", "order_product"))
    debit = a_proposal().mutation.model_copy(update={"direction": "debit"})
    assert outside(mandate, a_proposal().model_copy(update={"mutation": debit})) == "mandate_kind"
    ending = order().model_copy(update={"action": "delete", "product_id": "P-1"})
    assert outside(mandate, a_proposal().model_copy(update={"mutation": ending})) == "mandate_kind"
    assert outside(mandate, a_proposal().model_copy(update={"mutation": order()})) is None


def test_a_credit_is_charged_in_full_whatever_it_is_said_to_cost() -> None:
    cheap = a_proposal(2500).model_copy(update={"cost": usd(1)})
    assert charge(cheap) == usd(2500)
    assert outside(a_mandate(), cheap) == "mandate_cap"
    dear = a_proposal(100).model_copy(update={"cost": usd(1500)})
    assert charge(dear) == usd(1500)


@pytest.mark.parametrize("cost", [0, -1])
def test_what_costs_nothing_is_bounded_by_no_budget_and_not_covered(cost: int) -> None:
    free = a_proposal().model_copy(update={"mutation": order(), "cost": usd(cost)})
    assert outside(a_mandate(kinds=("order_product",)), free) == "mandate_cost"


def test_a_mandate_covers_from_its_first_moment_until_just_before_its_last() -> None:
    moment = timedelta(microseconds=1)
    assert outside(a_mandate(valid_from=NOW)) is None
    assert outside(a_mandate(valid_from=NOW + moment)) == "mandate_window"
    assert outside(a_mandate(valid_until=NOW + moment)) is None
    assert outside(a_mandate(valid_until=NOW)) == "mandate_window"


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        (("status", "eq", "active"), True),
        (("status", "ne", "ACTIVE"), False),
        (("contract", "eq", "one_year"), False),
        (("contract", "in", ("one_year", "month_to_month")), True),
        (("internet_service", "ne", "dsl"), True),
        (("payment_method", "eq", "Electronic check"), True),
        (("tenure_months", "ge", 12), True),
        (("tenure_months", "ge", 13), False),
        (("tenure_months", "le", 12), True),
        (("tenure_months", "le", 11), False),
        (("tenure_months", "eq", 12), True),
        (("tenure_months", "ne", 12), False),
        (("risk", "eq", "high"), True),
        (("risk", "ne", "high"), False),
    ],
)
def test_a_cohort_test_means_what_it_says(test: tuple[str, str, Any], holds: bool) -> None:
    assert outside(a_mandate(cohort=cohort(test))) == (None if holds else "mandate_cohort")


SENSELESS = [
    ("tenure_months", "ge", "12"),
    ("tenure_months", "ne", "12"),
    ("tenure_months", "in", ("12",)),
    ("status", "ge", "active"),
    ("status", "ne", 1),
    ("status", "eq", ("active",)),
    ("status", "in", "active"),
    ("status", "in", ()),
    ("status", "ne", ""),
    ("contract", "ne", "two-year"),
    ("contract", "in", ("one_year", "three_year")),
    ("internet_service", "eq", "cable"),
    ("risk", "ne", "severe"),
    ("risk", "ge", "medium"),
    ("colour", "ne", "red"),
    ("customer_id", "ne", "C00002"),
    ("read", "ne", "x"),
]


@pytest.mark.parametrize("test", SENSELESS)
def test_a_test_that_makes_no_sense_is_refused_at_signing_and_never_holds(test: tuple[str, str, Any]) -> None:
    mandate = a_mandate().model_copy(update={"cohort": cohort(test)})
    with pytest.raises(DecisionRefused) as refused:
        check_sense(mandate, NOW, FACTS)
    assert refused.value.code == "mandate_senseless"
    assert outside(mandate) == "mandate_cohort"


@pytest.mark.parametrize("test", [("Colour of hair", "ne", "red"), ("__class__", "ne", "x"), ("status", "like", "a")])
def test_a_test_on_what_is_no_name_or_of_an_unknown_kind_is_no_mandate(test: tuple[str, str, Any]) -> None:
    with pytest.raises(ValidationError):
        CohortTest(**dict(zip(("field", "op", "value"), test, strict=True)))


def test_a_fact_that_the_agent_does_not_declare_is_refused_by_name_even_where_customers_have_it() -> None:
    mandate = a_mandate(cohort=cohort(("colour", "ne", "red")))
    profile = a_profile(facts=named({"colour": "blue", "contract": "one_year"}))
    with pytest.raises(DecisionRefused) as refused:
        check_sense(mandate, NOW, FACTS)
    assert str(refused.value) == (
        "the mandate makes no sense: 'colour' is no fact of this agent's customers; "
        "it knows contract, internet_service, payment_method, risk, status, tenure_months"
    )
    assert outside(mandate, profile=profile) == "mandate_cohort"
    check_sense(mandate, NOW, (DeclaredFact(name="colour"),))
    covers(mandate, a_proposal(), profile, "high", NOW, (DeclaredFact(name="colour"),))


@pytest.mark.parametrize("value", ["three_year", "Month_to_month", "", 1])
def test_a_customer_with_a_value_that_is_not_declared_is_outside_even_of_an_exclusion(value: int | str) -> None:
    mandate = a_mandate(cohort=cohort(("contract", "ne", "two_year")))
    assert outside(mandate) is None
    assert outside(mandate, profile=a_profile(facts=named({"contract": value}))) == "mandate_cohort"
    assert outside(mandate, profile=a_profile(facts=())) == "mandate_cohort"


def test_a_declared_figure_is_compared_as_a_figure_and_with_nothing_else() -> None:
    lines = (DeclaredFact(name="lines", kind="number"),)
    few = a_mandate(cohort=cohort(("lines", "le", 3)))
    check_sense(few, NOW, lines)
    covers(few, a_proposal(), a_profile(facts=named({"lines": 3})), "high", NOW, lines)
    for other in (4, "3"):
        with pytest.raises(DecisionRefused, match="outside its cohort"):
            covers(few, a_proposal(), a_profile(facts=named({"lines": other})), "high", NOW, lines)
    with pytest.raises(DecisionRefused, match="cannot be compared 'in'"):
        check_sense(a_mandate(cohort=cohort(("lines", "in", ("3",)))), NOW, lines)


@pytest.mark.parametrize("value", [None, 1, "", True])
def test_a_missing_or_mistyped_fact_is_outside_even_of_an_exclusion(value: object) -> None:
    profile = a_profile().model_copy(update={"status": value})
    assert outside(a_mandate(cohort=cohort(("status", "ne", "suspended"))), profile=profile) == "mandate_cohort"
    tenure = a_profile().model_copy(update={"tenure_months": value if value != 1 else "12"})
    assert outside(a_mandate(cohort=cohort(("tenure_months", "ne", 0))), profile=tenure) == "mandate_cohort"


WORDS = st.sampled_from(["active", "Active", "dsl", "month_to_month", "high", "", "12"])
TESTS = st.builds(
    CohortTest.model_construct,
    field=st.sampled_from(["status", "tenure_months", "contract", "internet_service", "payment_method", "risk"]),
    op=st.sampled_from(["eq", "ne", "ge", "le", "in"]),
    value=st.one_of(st.integers(0, 24), WORDS, st.lists(WORDS, max_size=3).map(tuple)),
)


@given(tests=st.lists(TESTS, max_size=4).map(tuple), tenure=st.integers(0, 24), status=WORDS)
def test_a_cohort_holds_exactly_when_each_of_its_tests_does_and_each_makes_sense(
    tests: tuple[CohortTest, ...], tenure: int, status: str
) -> None:
    profile = a_profile(tenure_months=tenure, status=status)

    def code(*chosen: CohortTest) -> str | None:
        return outside(a_mandate().model_copy(update={"cohort": chosen}), profile=profile)

    each = [code(test) is None for test in tests]
    assert (code(*tests) is None) == all(each)
    try:
        check_sense(a_mandate().model_copy(update={"cohort": tests}), NOW, FACTS)
    except DecisionRefused:
        assert code(*tests) == "mandate_cohort"


@given(test=TESTS.filter(lambda test: test.op == "eq"), tenure=st.integers(0, 24))
def test_of_a_test_and_its_opposite_at_most_one_holds(test: CohortTest, tenure: int) -> None:
    profile = a_profile(tenure_months=tenure)
    opposite = test.model_copy(update={"op": "ne"})
    codes = [outside(a_mandate().model_copy(update={"cohort": (one,)}), profile=profile) for one in (test, opposite)]
    assert codes != [None, None]


def test_a_mandate_that_is_over_is_refused_at_signing() -> None:
    check_sense(a_mandate(), NOW, FACTS)
    with pytest.raises(DecisionRefused, match="makes no sense") as refused:
        check_sense(a_mandate(valid_until=NOW), NOW, FACTS)
    assert refused.value.code == "mandate_senseless"


def signed(mandate: Mandate, key: SigningKey) -> tuple[MandateRecord, str]:
    from placet.governance.signing.canonical import sha256_hex

    text = sign_document(mandate, key.private, key.key_id)
    return MandateRecord(mandate=mandate, document=sha256_hex(text.encode()), key_id=key.key_id, spent_minor=0), text


def test_a_signed_mandate_rests_on_its_signers_good_key_and_on_policy() -> None:
    key, enrolled = a_key("hanna", roles=("retention_head",), limit=usd(10_000))
    record, text = signed(a_mandate(), key)
    authority = check_authority(record, text, policies=a_set(AUTHORISE), now=NOW, find_key=lambda _: enrolled)
    assert (authority.key, authority.policies) == (enrolled, ("heads-authorise",))


@pytest.mark.parametrize(
    ("holder", "code"),
    [
        ({"limit": usd(9_999)}, "unentitled"),
        ({"roles": ("retention_lead",)}, "unentitled"),
        ({"expires_at": NOW}, "expired_key"),
        ({"revoked_at": NOW, "revoked_by": "root", "revoked_reason": "left"}, "revoked_key"),
        ({"tenant": "other"}, "unknown_key"),
        ({"name": "mallory"}, "wrong_person"),
    ],
)
def test_a_mandate_falls_with_its_signers_key_or_entitlement(holder: dict[str, Any], code: str) -> None:
    key, enrolled = a_key("hanna", roles=("retention_head",), limit=usd(10_000))
    record, text = signed(a_mandate(), key)
    changed = enrolled.model_copy(update=holder)
    with pytest.raises(DecisionRefused) as refused:
        check_authority(record, text, policies=a_set(AUTHORISE), now=NOW, find_key=lambda _: changed)
    assert refused.value.code == code


def test_a_record_that_says_more_than_what_was_signed_counts_for_nothing() -> None:
    key, enrolled = a_key("hanna", roles=("retention_head",), limit=usd(10_000_000))
    record, text = signed(a_mandate(), key)
    richer = record.model_copy(update={"mandate": a_mandate(budget=usd(1_000_000))})
    for changed in (richer, record.model_copy(update={"document": "0" * 64})):
        with pytest.raises(DecisionRefused) as refused:
            check_authority(changed, text, policies=a_set(AUTHORISE), now=NOW, find_key=lambda _: enrolled)
        assert refused.value.code == "mandate_altered"


def test_where_a_mandate_stands_and_what_is_left_of_it() -> None:
    record = MandateRecord(mandate=a_mandate(), document="0" * 64, key_id="0" * 64, spent_minor=2500)
    assert (state_of(record, NOW), left(record)) == ("valid", usd(7500))
    assert state_of(record.model_copy(update={"spent_minor": 10_000}), NOW) == "exhausted"
    assert state_of(record, NOW - timedelta(days=2)) == "not_yet_valid"
    assert state_of(record, NOW + timedelta(days=30)) == "over"
    assert state_of(record.model_copy(update={"revoked_at": NOW}), NOW) == "revoked"


def test_an_adjustment_in_two_currencies_is_covered_by_nothing() -> None:
    mutation = AdjustBalance(
        customer_id="C00001", bucket_id="B", amount=Money(amount_minor=100, currency="EUR"), reason=""
    )
    assert outside(a_mandate(), a_proposal(100).model_copy(update={"mutation": mutation})) == "mandate_currency"
