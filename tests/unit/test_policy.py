"""Policy: default deny, forbid wins, nothing loaded means no, and the deciding policy is named (promise 1)."""

from datetime import timedelta
from pathlib import Path

import pytest

from placet.contracts.money import Money
from placet.entrypoints.policies import PolicyFiles
from placet.errors import PolicyError
from placet.governance.policy import PolicySet
from tests.unit.support import NOW, a_key, a_proposal

DEFAULT = (Path(__file__).parents[2] / "agents" / "retention" / "policy.cedar").read_text()
POLICIES = PolicySet(DEFAULT)
_, ANNA = a_key()


def test_the_default_policy_lets_retention_propose_within_its_cap_and_says_which_policy_did() -> None:
    answer = POLICIES.may_propose(a_proposal(20_000))
    assert (answer.allowed, answer.policies) == (True, ("retention-may-propose-within-cap",))
    assert POLICIES.may_propose(a_proposal(20_001)).allowed is False


def test_an_empty_policy_set_permits_nothing() -> None:
    empty = PolicySet("")
    assert not empty.may_propose(a_proposal()).allowed
    assert not empty.may_decide(ANNA, a_proposal()).allowed


def test_an_approver_decides_up_to_their_limit_and_in_its_currency_only() -> None:
    assert POLICIES.may_decide(ANNA, a_proposal(5000)).allowed
    assert not POLICIES.may_decide(ANNA, a_proposal(5001)).allowed
    assert not POLICIES.may_decide(ANNA, a_proposal(5000, currency="EUR")).allowed


def test_a_key_without_a_limit_decides_nothing() -> None:
    assert not POLICIES.may_decide(ANNA.model_copy(update={"limit": None}), a_proposal(0)).allowed


def test_a_person_without_the_role_decides_nothing() -> None:
    assert not POLICIES.may_decide(ANNA.model_copy(update={"roles": ("auditor",)}), a_proposal()).allowed


def test_who_triggered_a_run_cannot_decide_it_whatever_permits_them() -> None:
    generous = PolicySet(DEFAULT + "\n@id('all') permit (principal, action, resource);".replace("'", '"'))
    answer = generous.may_decide(ANNA, a_proposal(triggered_by="anna"))
    assert (answer.allowed, answer.policies) == (False, ("four-eyes",))


@pytest.mark.parametrize(
    "text",
    ["permit (", "permit (principal, action, resource) when { resource.colour == 1 };", "allow everyone"],
)
def test_an_invalid_policy_set_is_refused_with_one_clear_line(text: str) -> None:
    with pytest.raises(PolicyError, match="policy set") as caught:
        PolicySet(text)
    assert "\n" not in str(caught.value)


def test_a_changed_policy_file_bites_at_the_next_question(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "a.cedar").write_text(DEFAULT)
    policies = PolicyFiles(tmp_path)
    before = policies("demo", "retention")
    assert before.may_propose(a_proposal()).allowed
    (folder / "b.cedar").write_text('@id("stop") forbid (principal, action, resource);')
    after = policies("demo", "retention")
    assert after.digest != before.digest
    assert not after.may_propose(a_proposal()).allowed


def test_a_tenant_without_policies_gets_no(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no policy set for tenant 'demo'"):
        PolicyFiles(tmp_path)("demo", "retention")


def test_limits_compare_in_minor_units() -> None:
    key = ANNA.model_copy(update={"limit": Money(amount_minor=1, currency="USD"), "enrolled_at": NOW - timedelta(1)})
    assert POLICIES.may_decide(key, a_proposal(1)).allowed
    assert not POLICIES.may_decide(key, a_proposal(2)).allowed
