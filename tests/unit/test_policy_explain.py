"""`placet policy explain`: what the record says policy decided, asked again of the very set that was in force."""

from datetime import timedelta
from typing import Any

from placet.contracts.approver import EnrolledKey
from placet.contracts.audit import GENESIS, AuditEvent
from placet.errors import PolicyError
from placet.governance.audit_chain import link
from placet.governance.policy import PolicySet
from placet.governance.policy_explain import RunExplained, explain_run
from placet.governance.policy_question import commits, decides, proposes
from placet.governance.policy_why import explain
from tests.unit.policy_support import DEFAULT, a_set
from tests.unit.support import NOW, RUN, a_key, a_proposal

POLICIES = a_set(DEFAULT)
_, ANNA = a_key()
_, OLGA = a_key("olga")
PROPOSAL = a_proposal(2000)


def event(kind: str, actor: str, body: dict[str, Any]) -> AuditEvent:
    return link(
        stream=RUN,
        seq=1,
        tenant="demo",
        run_id=RUN,
        kind=kind,
        actor=actor,
        at=NOW,
        step_key=kind,
        body=body,
        prev_hash=GENESIS,
    )


def opened(verdict: str = "human", policies: tuple[str, ...] = ("retention-may-propose-within-cap",)) -> AuditEvent:
    gate = {"verdict": verdict, "reason": "permitted", "policy_set": POLICIES.digest, "policies": list(policies)}
    return event("approve.opened", "policy", {"proposal": "0" * 64, "gate": gate})


def decided(key: EnrolledKey, **more: Any) -> AuditEvent:
    body = {"verdict": "approve", "reason": "", "key_id": key.key_id, "policies": [POLICIES.policies[1].id]}
    return event("approve.decided", key.name, {**body, **more})


def explained(
    *events: AuditEvent,
    kept: PolicySet | None = POLICIES,
    current: PolicySet | PolicyError = POLICIES,
    keys: tuple[EnrolledKey, ...] = (ANNA,),
) -> RunExplained:
    return explain_run(
        run_id=RUN,
        state="awaiting_decision",
        proposal=PROPOSAL,
        events=events,
        stored=lambda version: kept if kept is not None and kept.digest == version else None,
        current=current,
        keys=keys,
        now=NOW,
    )


def test_every_condition_is_told_in_words_with_the_values_it_met() -> None:
    answer = explain(POLICIES, decides(ANNA, a_proposal(8000)))
    assert answer.question == "may anna decide a goodwill_credit (adjust_balance) that costs 80.00 USD?"
    assert [(condition.words, condition.holds) for condition in answer.says[0].conditions] == [
        ("the person (anna) holds the role retention_lead (holds retention_lead)", True),
        ("the person's tenant (demo) is the proposal's tenant (demo)", True),
        ("the limit's currency (USD) is the cost's currency (USD)", True),
        ("the cost (80.00 USD) is at most the person's limit (50.00 USD)", False),
    ]
    assert answer.says[0].where == "a.cedar:17"


def test_what_has_no_words_is_told_in_cedar() -> None:
    odd = '@id("p") permit (principal, action == Action::"commit", resource) when { resource.treatment like "good*" };'
    answer = explain(a_set(odd), commits(PROPOSAL))
    assert answer.allowed
    assert [condition.words for condition in answer.says[0].conditions] == ['(resource.treatment) like "good*"']


def test_a_forbid_that_holds_is_the_reason_and_permits_are_not_listed() -> None:
    answer = explain(POLICIES, decides(OLGA, PROPOSAL))
    assert [say.policy for say in answer.says] == ["four-eyes"]
    assert [condition.words for condition in answer.says[0].conditions] == [
        "the person (olga) is who triggered the run (olga)"
    ]


def test_the_gate_is_asked_again_of_the_set_that_was_in_force() -> None:
    told = explained(opened(), current=a_set(DEFAULT, '@id("stop") forbid (principal, action, resource);'))
    assert told.gate is not None
    assert (told.gate.outcome, told.gate.agrees) == ("permitted", True)
    assert told.gate.explained == explain(POLICIES, proposes(PROPOSAL))
    assert told.propose_now is not None
    assert told.propose_now.policies == ("stop",)


def test_a_record_that_its_own_policies_contradict_is_told() -> None:
    for wrong in (opened("denied", ()), opened(policies=("four-eyes",))):
        told = explained(wrong)
        assert told.gate is not None
        assert told.gate.agrees is False


def test_without_the_text_of_the_set_the_record_stands_alone() -> None:
    told = explained(opened(), kept=None)
    assert told.gate is not None
    assert (told.gate.policies, told.gate.explained, told.gate.agrees) == (
        ("retention-may-propose-within-cap",),
        None,
        None,
    )


def test_a_decision_is_explained_by_the_set_it_names_or_where_it_names_none_only_if_that_agrees() -> None:
    later = a_set(DEFAULT, "// reviewed")
    (same,) = explained(opened(), decided(ANNA)).decisions
    assert (same.who, same.outcome, same.agrees) == ("anna", "approve accepted, entitled", True)
    (other,) = explained(opened(), decided(ANNA, policy_set=later.digest), kept=later).decisions
    assert (other.policy_set, other.agrees) == (later.digest, True)
    (unsure,) = explained(opened(), decided(OLGA), keys=(ANNA, OLGA)).decisions
    assert unsure.agrees is None
    (wrong,) = explained(opened(), decided(OLGA, policy_set=POLICIES.digest), keys=(ANNA, OLGA)).decisions
    assert wrong.agrees is False


def test_a_refused_decision_is_told_as_recorded() -> None:
    refused = event("approve.refused", "unverified", {"code": "unentitled", "detail": "'bob' may not", "envelope": ""})
    (told,) = explained(opened(), refused).decisions
    assert (told.who, told.outcome, told.detail) == ("unverified sender", "refused (unentitled)", "'bob' may not")


def test_who_could_decide_now_counts_keys_that_are_valid_now() -> None:
    expired = ANNA.model_copy(update={"name": "eve", "expires_at": NOW})
    revoked = ANNA.model_copy(
        update={"name": "rita", "revoked_at": NOW - timedelta(1), "revoked_by": "root", "revoked_reason": "left"}
    )
    told = explained(opened(), keys=(ANNA, OLGA, expired, revoked))
    assert [(approver.name, approver.allowed) for approver in told.approvers] == [
        ("anna", True),
        ("olga", False),
        ("eve", False),
        ("rita", False),
    ]
    assert told.approvers[0].because == "permitted by retention-leads-decide-within-their-limit"
    assert told.approvers[1].because == "forbidden by four-eyes"
    assert "expired" in told.approvers[2].because
    assert "was revoked" in told.approvers[3].because


def test_without_a_set_in_force_nobody_can_decide_now() -> None:
    told = explained(opened(), current=PolicyError("no policy file"))
    assert (told.in_force, told.problem, told.propose_now) == (None, "no policy file", None)
    assert [(approver.allowed, approver.because) for approver in told.approvers] == [(False, "no policy file")]
