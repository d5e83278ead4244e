"""A delegate may do what the delegator conferred, within what the delegator holds, and nothing beyond."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.contracts.people.halt import Halt, Lift
from placet.contracts.people.lasting import LONGEST
from placet.errors import DecisionRefused
from placet.governance.authority.delegations import (
    MOST_BETWEEN_TWO,
    MOST_CONSIDERED,
    Authority,
    authorities,
    authority_under,
    check_conferred,
    check_room,
    entitled,
    in_turn,
)
from placet.governance.halts import LIFT_VALIDITY, check_lift
from placet.governance.policy.answer import PolicyAnswer
from tests.unit.support import NOW, a_key

ROLES = ("retention_lead", "finance_lead", "care_manager")
DAY = timedelta(days=1)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def delegation(**changes: Any) -> Delegation:
    fields: dict[str, Any] = {
        "tenant": "demo",
        "signer": "anna",
        "signed_at": NOW,
        "document_id": "d" * 32,
        "delegate": "berta",
        "roles": ("retention_lead",),
        "limit": usd(3000),
        "valid_from": NOW,
        "valid_until": NOW + DAY,
    }
    return Delegation(**{**fields, **changes})


def record(key: EnrolledKey, **changes: Any) -> DelegationRecord:
    return DelegationRecord(delegation=delegation(**changes), document="a" * 64, key_id=key.key_id)


def conferred(
    given_record: DelegationRecord, delegator: EnrolledKey | None, now: datetime = NOW, **delegate: Any
) -> tuple[Authority, ...]:
    """What berta was conferred; her own authority always comes first and as enrolled."""
    _, berta = a_key("berta", **delegate)
    own, *others = authorities(berta, [given_record], lambda _: delegator, now, verified=lambda _: True)
    assert own == Authority(berta)
    assert own.delegated_by is None
    alone = authority_under(berta, given_record, lambda _: delegator, now)
    assert others == ([] if alone is None else [alone])
    return tuple(others)


def test_a_delegate_decides_in_their_own_name_with_what_was_conferred() -> None:
    _, anna = a_key("anna")
    (authority,) = conferred(record(anna), anna, roles=("care_agent",), limit=None)
    assert (authority.person.name, authority.person.roles, authority.person.limit) == (
        "berta",
        ("retention_lead",),
        usd(3000),
    )
    assert (authority.delegated_by, authority.delegator, authority.delegation_id) == ("anna", anna, "d" * 32)


@pytest.mark.parametrize(
    ("at", "counts"),
    [(-timedelta(microseconds=1), False), (timedelta(0), True), (DAY - timedelta(microseconds=1), True), (DAY, False)],
)
def test_a_delegation_counts_inside_its_own_time_only(at: timedelta, counts: bool) -> None:
    _, anna = a_key("anna")
    assert bool(conferred(record(anna), anna, NOW + at)) is counts


@pytest.mark.parametrize(
    "changes",
    [
        {"revoked_at": NOW, "revoked_by": "root", "revoked_reason": ""},
        {"expires_at": NOW},
        {"tenant": "other"},
        {"name": "someone-else"},
        {"roles": ("finance_lead",)},
        {"limit": None},
        {"limit": Money(amount_minor=5000, currency="EUR")},
    ],
)
def test_what_the_delegator_no_longer_holds_is_not_conferred(changes: dict[str, Any]) -> None:
    _, anna = a_key("anna")
    assert conferred(record(anna), anna.model_copy(update=changes)) == ()


def test_a_delegation_that_is_revoked_unknown_or_of_somebody_else_confers_nothing() -> None:
    _, anna = a_key("anna")
    one = record(anna)
    assert conferred(one.model_copy(update={"revoked_at": NOW, "revoked_by": "anna"}), anna) == ()
    assert conferred(one, None) == ()
    assert conferred(record(anna, delegate="carla"), anna) == ()
    assert conferred(record(anna, tenant="other"), anna) == ()


def test_what_was_delegated_cannot_be_passed_on() -> None:
    _, anna = a_key("anna")
    _, berta = a_key("berta", roles=("care_agent",), limit=usd(0))
    _, carla = a_key("carla", roles=("care_agent",), limit=usd(0))
    keys = {key.key_id: key for key in (anna, berta)}
    passed_on = record(berta, signer="berta", delegate="carla", document_id="e" * 32)
    given_to_others = [passed_on, record(anna)]
    assert list(authorities(carla, given_to_others, keys.get, NOW, verified=lambda _: True)) == [Authority(carla)]
    with pytest.raises(DecisionRefused) as refused:
        check_conferred(passed_on.delegation, berta, NOW)
    assert refused.value.code == "role_not_held"


@given(
    held=st.lists(st.sampled_from(ROLES), min_size=1, unique=True).map(tuple),
    named=st.lists(st.sampled_from(ROLES), min_size=1, unique=True).map(tuple),
    own=st.none() | st.integers(0, 10**9).map(usd),
    limit=st.integers(0, 10**9).map(usd),
)
def test_no_delegation_confers_more_than_its_signer_holds_nor_more_than_it_says(
    held: tuple[str, ...], named: tuple[str, ...], own: Money | None, limit: Money
) -> None:
    _, anna = a_key("anna", roles=held, limit=own)
    for authority in conferred(record(anna, roles=named, limit=limit), anna, roles=ROLES, limit=usd(10**10)):
        assert set(authority.person.roles) == set(held) & set(named)
        assert own is not None
        assert authority.person.limit == min(own, limit, key=lambda money: money.amount_minor)


@given(person=st.booleans(), delegator=st.booleans())
def test_a_delegate_may_do_what_both_they_and_the_delegator_may(person: bool, delegator: bool) -> None:
    _, anna = a_key("anna")
    (authority,) = conferred(record(anna), anna)
    allowed = {"berta": person, "anna": delegator}
    asked: list[EnrolledKey] = []

    def ask(key: EnrolledKey) -> PolicyAnswer:
        asked.append(key)
        return PolicyAnswer(allowed[key.name], (f"about-{key.name}",), "said so")

    answer = entitled(authority, ask)
    assert answer.allowed is (person and delegator)
    assert asked == [authority.person, anna][: 1 + person]
    if answer.allowed:
        assert answer.policies == ("about-anna", "about-berta")
    elif person:
        assert answer == PolicyAnswer(False, ("about-anna",), "'anna', who delegated it, may not either: said so")


def test_their_own_authority_is_asked_about_alone() -> None:
    _, anna = a_key("anna")
    answer = PolicyAnswer(True, ("p",), "permitted")
    assert entitled(Authority(anna), lambda key: answer if key is anna else PolicyAnswer(False, (), "")) is answer


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roles": ("retention_lead", "finance_lead")}, "role_not_held"),
        ({"limit": usd(5001)}, "beyond_limit"),
        ({"limit": Money(amount_minor=1, currency="EUR")}, "beyond_limit"),
        ({"valid_from": NOW - DAY, "valid_until": NOW}, "over"),
        ({"valid_until": NOW + LONGEST + timedelta(seconds=1)}, "too_long"),
        ({"valid_from": NOW + DAY, "valid_until": NOW + DAY + LONGEST}, "too_long"),
    ],
)
def test_nobody_signs_away_what_they_do_not_hold_or_for_ever(changes: dict[str, Any], code: str) -> None:
    _, anna = a_key("anna")
    check_conferred(delegation(limit=usd(5000)), anna, NOW)
    with pytest.raises(DecisionRefused) as refused:
        check_conferred(delegation(**changes), anna, NOW)
    assert refused.value.code == code


def test_a_delegation_that_would_confer_nothing_is_not_taken() -> None:
    _, anna = a_key("anna")
    with pytest.raises(DecisionRefused, match=r"limit '0\.00 USD' confers nothing") as refused:
        check_conferred(delegation(limit=usd(0)), anna, NOW)
    assert refused.value.code == "confers_nothing"
    _, without = a_key("anna", limit=None)
    with pytest.raises(DecisionRefused, match="which is nothing"):
        check_conferred(delegation(limit=usd(1)), without, NOW)


def numbered(key: EnrolledKey, number: int, **changes: Any) -> DelegationRecord:
    return record(key, document_id=f"{number:032x}", **changes)


class Signatures:
    """Counts what is verified; whose signature is bad is named."""

    def __init__(self, *bad: str) -> None:
        self.asked: list[str] = []
        self._bad = bad

    def __call__(self, one: DelegationRecord) -> bool:
        self.asked.append(one.delegation.document_id)
        return one.delegation.signer not in self._bad


def test_ones_own_authority_costs_no_look_at_what_others_delegated() -> None:
    _, berta = a_key("berta")
    records: Iterator[DelegationRecord] = iter(lambda: pytest.fail("a delegation was looked at"), None)
    offered = authorities(berta, records, lambda _: pytest.fail("a key was looked up"), NOW, verified=Signatures())
    assert next(offered) == Authority(berta)


def test_a_signature_is_verified_only_when_its_delegation_is_reached() -> None:
    _, berta = a_key("berta")
    _, anna = a_key("anna")
    signatures = Signatures()
    three = [numbered(anna, number) for number in range(3)]
    offered = authorities(berta, three, lambda _: anna, NOW, verified=signatures, roles=("retention_lead",))
    next(offered)
    assert signatures.asked == []
    assert next(offered).delegation_id == f"{0:032x}"
    assert signatures.asked == [f"{0:032x}"]


def test_no_signature_is_verified_of_a_delegation_that_could_not_count() -> None:
    _, berta = a_key("berta")
    _, anna = a_key("anna", roles=("retention_lead", "finance_lead"))
    signatures = Signatures()
    idle = [
        numbered(anna, 1, roles=("finance_lead",)),
        numbered(anna, 2, roles=("care_manager", "finance_lead")),
        numbered(anna, 3, delegate="carla"),
        numbered(anna, 4, valid_until=NOW + timedelta(microseconds=1), valid_from=NOW - DAY).model_copy(
            update={"revoked_at": NOW, "revoked_by": "anna"}
        ),
        numbered(anna, 5, signer="mallory"),
    ]
    wanted = ("care_manager", "retention_lead")
    offered = authorities(berta, idle, lambda _: anna, NOW, verified=signatures, roles=wanted)
    assert (list(offered), signatures.asked) == ([Authority(berta)], [])
    asked_of_nobody = authorities(berta, [numbered(anna, 6)], lambda _: anna, NOW, verified=signatures, roles=())
    assert (list(asked_of_nobody), signatures.asked) == ([Authority(berta)], [])


def test_a_delegation_whose_signature_does_not_verify_confers_nothing_and_hides_no_other() -> None:
    _, berta = a_key("berta")
    _, anna = a_key("anna")
    _, mallory = a_key("mallory")
    keys = {key.key_id: key for key in (anna, mallory)}
    records = [numbered(mallory, 1, signer="mallory"), numbered(anna, 2)]
    _, conferred_one = authorities(berta, records, keys.get, NOW, verified=Signatures("mallory"), roles=ROLES)
    assert (conferred_one.delegated_by, conferred_one.delegation_id) == ("anna", f"{2:032x}")


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 99)), max_size=150))
def test_however_much_one_person_signs_everybody_elses_newest_delegation_is_reached(
    signed: list[tuple[str, int]],
) -> None:
    _, anna = a_key("anna")
    records = [
        numbered(anna, number, signer=name, signed_at=NOW + timedelta(seconds=second))
        for number, (name, second) in enumerate(signed)
    ]
    chosen = in_turn(records)
    assert len(chosen) == sum(min(MOST_BETWEEN_TWO, [name for name, _ in signed].count(name)) for name in "abcdefgh")
    signers = {name for name, _ in signed}
    first_round = chosen[: len(signers)]
    assert {one.delegation.signer for one in first_round} == signers
    for one in first_round:
        theirs = [each for each in records if each.delegation.signer == one.delegation.signer]
        assert one.delegation.signed_at == max(each.delegation.signed_at for each in theirs)


def test_a_review_looks_at_so_many_delegations_and_no_more() -> None:
    _, anna = a_key("anna")
    crowd = [numbered(anna, number, signer=f"p{number // 3}") for number in range(3 * MOST_CONSIDERED)]
    assert len(in_turn(crowd)) == MOST_CONSIDERED
    assert len({one.delegation.signer for one in in_turn(crowd)}) == MOST_CONSIDERED


def test_few_delegations_of_one_person_to_another_stand_at_a_time() -> None:
    _, anna = a_key("anna")
    standing = [numbered(anna, number) for number in range(MOST_BETWEEN_TWO)]
    another = delegation(document_id="e" * 32)
    idle = [
        standing[1].model_copy(update={"revoked_at": NOW, "revoked_by": "anna"}),
        numbered(anna, 1, valid_from=NOW - DAY, valid_until=NOW),
        numbered(anna, 1, delegate="carla"),
        numbered(anna, 1, signer="carla"),
        record(anna, document_id="e" * 32),
    ]
    for one in idle:
        check_room(another, [standing[0], one], NOW)
    later = numbered(anna, 7, valid_from=NOW + DAY, valid_until=NOW + 2 * DAY)
    for full in (standing, [standing[0], later]):
        with pytest.raises(DecisionRefused, match="2 delegations of 'anna' to 'berta' stand already") as refused:
            check_room(another, full, NOW)
        assert refused.value.code == "too_many"


HALT = Halt(
    halt_id="halt-" + "0" * 12,
    tenant="demo",
    scope="tenant",
    subject="",
    reason="",
    placed_by="olga",
    placed_at=NOW - timedelta(minutes=10),
)


@pytest.mark.parametrize(
    ("halt", "signed_at", "code"),
    [
        (None, NOW, "unknown_halt"),
        (HALT.model_copy(update={"halt_id": "halt-" + "1" * 12}), NOW, "unknown_halt"),
        (HALT.model_copy(update={"tenant": "other"}), NOW, "unknown_halt"),
        (HALT.model_copy(update={"lifted_by": "rita", "lifted_at": NOW, "lift": "a" * 64}), NOW, "already_lifted"),
        (HALT, HALT.placed_at - timedelta(seconds=61), "predates_halt"),
        (HALT.model_copy(update={"placed_at": NOW - DAY}), NOW - LIFT_VALIDITY - timedelta(seconds=1), "stale"),
    ],
)
def test_a_lift_is_for_one_halt_that_is_in_force_and_was_signed_with_it_in_view(
    halt: Halt | None, signed_at: datetime, code: str
) -> None:
    def lift(at: datetime) -> Lift:
        return Lift(tenant="demo", signer="rita", signed_at=at, document_id="1" * 32, halt_id=HALT.halt_id)

    assert check_lift(lift(NOW), HALT, NOW) is HALT
    with pytest.raises(DecisionRefused) as refused:
        check_lift(lift(signed_at), halt, NOW)
    assert refused.value.code == code
