"""Quorum: nobody counts twice, and distinct roles are a matching, in whatever order people come."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.gate import Gate
from placet.contracts.people.decision import AcceptedDecision, Verdict
from placet.errors import DecisionRefused
from placet.governance.quorum import admit, roles_at, suffices

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLES = ("lead", "manager", "finance")


def gate(quorum: int = 1, *, distinct: bool = False, roles: tuple[str, ...] = ROLES) -> Gate:
    return Gate(
        verdict="human",
        reason="permitted",
        policy_set="a" * 64,
        policies=("p",),
        roles=roles,
        quorum=quorum,
        distinct_roles=distinct,
        opened_at=AT,
        expires_at=AT + timedelta(days=3),
    )


def decision(who: str, *roles: str, delegated_by: str | None = None, verdict: Verdict = "approve") -> AcceptedDecision:
    return AcceptedDecision(
        verdict=verdict,
        approver=who,
        key_id="b" * 64,
        decision_id="0" * 32,
        decided_at=AT,
        reason="",
        proposal="c" * 64,
        roles=roles or ("lead",),
        delegated_by=delegated_by,
        envelope_digest="d" * 64,
    )


def test_one_person_suffices_where_one_is_asked() -> None:
    assert suffices(gate(), [decision("anna")])
    assert suffices(gate(), [decision("anna", verdict="amend")])
    assert not suffices(gate(), [])


@pytest.mark.parametrize(
    "second",
    [decision("anna"), decision("ben", delegated_by="anna"), decision("anna", delegated_by="ben")],
    ids=["again", "in her stead", "in another's stead"],
)
def test_nobody_counts_twice(second: AcceptedDecision) -> None:
    with pytest.raises(DecisionRefused, match="has approved this proposal already") as refused:
        admit(gate(2), [decision("anna")], second)
    assert refused.value.code == "same_person"
    assert not suffices(gate(2), [decision("anna"), second])


def test_a_delegate_of_two_people_is_still_one_of_them_at_most() -> None:
    earlier = [decision("ben", delegated_by="anna")]
    with pytest.raises(DecisionRefused):
        admit(gate(2), earlier, decision("cora", delegated_by="anna"))
    admit(gate(2), earlier, decision("cora", delegated_by="dora"))


def test_a_rejection_never_counts_as_an_approval() -> None:
    assert not suffices(gate(), [decision("anna", verdict="reject")])
    assert not suffices(gate(), [decision("anna"), decision("ben", verdict="reject")])


def test_whoever_holds_several_roles_takes_the_one_that_is_left() -> None:
    people = [decision("anna", "lead", "manager"), decision("ben", "lead"), decision("cora", *ROLES)]
    for order in permutations(people):
        earlier: list[AcceptedDecision] = []
        for one in order:
            admit(gate(3, distinct=True), earlier, one)
            earlier.append(one)
        assert suffices(gate(3, distinct=True), earlier)


def test_two_people_of_one_role_are_not_two_roles() -> None:
    with pytest.raises(DecisionRefused, match="holds no role that is still missing") as refused:
        admit(gate(2, distinct=True), [decision("anna", "lead")], decision("ben", "lead"))
    assert refused.value.code == "same_role"


people = st.lists(
    st.builds(
        lambda who, roles, by: decision(who, *sorted(roles), delegated_by=by),
        st.sampled_from("abcd"),
        st.sets(st.sampled_from(ROLES), min_size=1),
        st.none() | st.sampled_from("wxyz"),
    ),
    max_size=6,
)


@given(people, st.integers(1, 4), st.booleans())
def test_what_is_admitted_one_by_one_suffices_exactly_when_there_are_enough(
    coming: list[AcceptedDecision], quorum: int, distinct: bool
) -> None:
    asked = gate(quorum, distinct=distinct)
    counted: list[AcceptedDecision] = []
    for one in coming:
        try:
            admit(asked, counted, one)
        except DecisionRefused:
            continue
        counted.append(one)
    assert suffices(asked, counted) == (len(counted) >= quorum)
    names = [name for one in counted for name in {one.approver, one.delegated_by} - {None}]
    assert len(names) == len(set(names))
    if distinct:
        assert len(counted) <= len(ROLES)
    assert all(
        suffices(asked, order) == suffices(asked, counted) for order in permutations(counted[:4]) if len(counted) <= 4
    )


def test_escalation_adds_a_role_from_its_time_on() -> None:
    escalating = gate(roles=("lead",)).model_copy(
        update={"escalate_at": AT + timedelta(hours=1), "escalate_to": "manager"}
    )
    assert roles_at(escalating, AT + timedelta(minutes=59)) == ("lead",)
    assert roles_at(escalating, AT + timedelta(hours=1)) == ("lead", "manager")
    assert roles_at(gate(roles=("lead",)), AT + timedelta(days=2)) == ("lead",)
