"""How far the approvals of a gate have come, as people are told before they sign."""

from datetime import timedelta

from placet.errors import PolicyError
from placet.interfaces.approvals_words import before_signing, own_approval, people_of
from tests.unit.policy.test_policy_explain import ANNA, decided, delegation, explained, opened
from tests.unit.support import NOW, a_key


def test_who_has_approved_is_told_and_could_approve_no_more_but_reject() -> None:
    _, second = a_key()
    _, ben = a_key("ben")
    told = explained(opened(quorum=2), decided(ANNA), keys=(ANNA, second, ben))
    assert told.so_far is not None
    assert (told.so_far.quorum, told.so_far.missing) == (2, 1)
    assert [one.approver for one in told.so_far.approvals] == ["anna"]
    assert [(one.name, one.allowed, one.could_reject) for one in told.approvers] == [
        ("anna", False, True),
        ("anna", False, True),
        ("ben", True, True),
    ]
    assert told.approvers[0].because == "has approved it already"
    in_words = [(one.name, one.allowed, one.because, one.explained) for one in people_of(told.approvers)]
    assert in_words[0] == ("anna", False, "has approved it already", ())
    assert [name for name, *_ in in_words] == ["anna", "ben"]
    assert own_approval(told.so_far, "anna") == "You approved it at 2026-03-01 12:00Z; somebody else must sign as well"
    assert own_approval(told.so_far, "ben") == ""
    assert before_signing(told.so_far, "approve", "ben") == (
        "2 people must approve; anna has; with this signature it goes to execution, after the last checks."
    )
    nobody = explained(opened(quorum=2), keys=(ANNA, ben)).so_far
    assert before_signing(nobody, "approve", "ben") == (
        "2 people must approve; nobody has yet; one more must sign after you."
    )
    assert before_signing(nobody, "reject", "ben") == before_signing(explained(opened()).so_far, "approve", "ben") == ""


def test_an_approval_whose_key_was_revoked_keeps_nobody_from_approving() -> None:
    _, again = a_key()
    gone = ANNA.model_copy(update={"revoked_at": NOW - timedelta(1), "revoked_by": "root", "revoked_reason": "lost"})
    told = explained(opened(quorum=2), decided(ANNA), keys=(gone, again))
    assert told.so_far is not None
    assert (told.so_far.approvals, told.so_far.missing) == ((), 2)
    (person,) = people_of(told.approvers)
    assert (person.name, person.allowed) == ("anna", True)


def test_who_delegated_an_approval_has_acted_and_each_approval_comes_in_another_role() -> None:
    _, ben = a_key("ben")
    own = decided(ben, roles=["retention_lead"])
    stead = decided(ben, delegated_by="anna", delegation_id="b" * 32)
    given = (delegation("ben"),)
    told = explained(opened(quorum=2), stead, keys=(ANNA, ben), delegations=given)
    assert [one.because for one in told.approvers] == [
        "ben has approved it in their stead already",
        "has approved it already",
        "has approved it already",
    ]
    assert own_approval(told.so_far, "anna").startswith("ben approved it in the stead of anna at ")
    told = explained(opened(quorum=2, distinct_roles=True), own, keys=(ANNA, ben))
    assert told.approvers[0].because.startswith("holds no role that is still missing")


def test_an_approval_under_a_delegation_that_ended_is_not_held_up_by_another_one() -> None:
    """The gate asks for the very delegation: anna's second one to ben makes none of his earlier approvals good."""
    _, ben = a_key("ben")
    stead = decided(ben, delegated_by="anna", delegation_id="a" * 32)
    told = explained(opened(quorum=2), stead, keys=(ANNA, ben), delegations=(delegation("ben"),))
    assert told.so_far is not None
    assert (told.so_far.approvals, told.so_far.missing) == ((), 2)
    assert own_approval(told.so_far, "ben") == ""
    assert all(one.allowed for one in told.approvers)


def test_after_the_last_approval_nobody_is_said_to_be_missing() -> None:
    _, ben = a_key("ben")
    told = explained(opened(quorum=2), decided(ANNA), decided(ben), keys=(ANNA, ben))
    assert own_approval(told.so_far, "ben").endswith("; nobody is missing any more")
    _, carol = a_key("carol")
    assert before_signing(told.so_far, "reject", "carol") == ""
    assert before_signing(
        explained(opened(quorum=3), decided(ANNA), decided(ben), keys=(ANNA, ben, carol)).so_far, "approve", "carol"
    ).startswith("3 people must approve; anna and ben have; with this")


def test_without_policies_nobody_is_said_to_have_approved_or_not() -> None:
    told = explained(opened(quorum=2), decided(ANNA), current=PolicyError("no policy file"))
    assert told.so_far is None
