"""`placet policy explain`: what the record says policy decided, asked again of the very set that was in force."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from placet.contracts.audit import GENESIS, AuditEvent
from placet.contracts.gate import Gate, GateTerms
from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.contracts.people.mandate import Clearance
from placet.contracts.proposal import Proposal
from placet.errors import PolicyError
from placet.governance.log.chain import link
from placet.governance.policy.authoring.explain import RunExplained, explain_run
from placet.governance.policy.authoring.why import explain
from placet.governance.policy.question import commits, decides, proposes
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import digest
from placet.interfaces.cli.governance.policy_output import print_explained
from tests.unit.policy.policy_support import DEFAULT, a_set
from tests.unit.support import NOW, RUN, a_key, a_proposal

POLICIES = a_set(DEFAULT)
_, ANNA = a_key()
_, OLGA = a_key("olga")
PROPOSAL = a_proposal(2000)
SMALLER = a_proposal(1500).model_copy(
    update={"amends": digest(PROPOSAL), "amended_by": "anna", "original_cost": PROPOSAL.cost}
)
LARGE = a_proposal(15_000)
KNOWN = {digest(proposal): proposal for proposal in (PROPOSAL, SMALLER, LARGE)}
LEADS = "retention-leads-decide-within-their-limit"


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


def a_gate(proposal: Proposal, **changes: Any) -> Gate:
    """The gate as this set's terms make it for `proposal`."""
    answer = POLICIES.may_propose(proposal)
    terms = POLICIES.gate_terms(answer, GateTerms(roles=("retention_lead",), expire_after=3600))
    values: dict[str, Any] = {
        "verdict": "human",
        "reason": answer.detail,
        "policy_set": POLICIES.digest,
        "policies": answer.policies,
        "roles": terms.roles,
        "quorum": terms.quorum,
        "opened_at": NOW,
        "remind_at": NOW + timedelta(hours=24),
        "escalate_at": NOW + timedelta(hours=48),
        "escalate_to": "care_manager",
        "expires_at": NOW + timedelta(hours=72),
    }
    return Gate(**{**values, **changes})


def opened(proposal: Proposal = PROPOSAL, **changes: Any) -> AuditEvent:
    gate = a_gate(proposal, **changes).model_dump(mode="json")
    return event("approve.opened", "policy", {"proposal": digest(proposal), "gate": gate})


def amended(proposal: Proposal, by: str = "anna") -> AuditEvent:
    body = {"amends": digest(PROPOSAL), "proposal": digest(proposal), "gate": a_gate(proposal).model_dump(mode="json")}
    return event("approve.amended", by, body)


def decided(key: EnrolledKey, *, of: Proposal = PROPOSAL, **more: Any) -> AuditEvent:
    body = {"verdict": "approve", "reason": "", "key_id": key.key_id, "policies": [LEADS], "proposal": digest(of)}
    return event("approve.decided", key.name, {**body, **more})


def explained(
    *events: AuditEvent,
    kept: PolicySet | None = POLICIES,
    current: PolicySet | PolicyError = POLICIES,
    keys: tuple[EnrolledKey, ...] = (ANNA,),
    delegations: tuple[DelegationRecord, ...] = (),
    proposal: Proposal = PROPOSAL,
    now: datetime = NOW,
) -> RunExplained:
    return explain_run(
        run_id=RUN,
        state="awaiting_decision",
        proposal=proposal,
        proposals=KNOWN.get,
        events=events,
        stored=lambda version: kept if kept is not None and kept.digest == version else None,
        current=current,
        keys=keys,
        delegations=delegations,
        now=now,
    )


def delegation(to: str) -> DelegationRecord:
    return DelegationRecord(
        delegation=Delegation(
            tenant="demo",
            signer="anna",
            signed_at=NOW,
            document_id="b" * 32,
            delegate=to,
            roles=("retention_lead",),
            limit=Money(amount_minor=2000, currency="USD"),
            valid_from=NOW,
            valid_until=NOW + timedelta(days=1),
        ),
        document="d" * 64,
        key_id=ANNA.key_id,
    )


def test_every_condition_is_told_in_words_with_the_values_it_met() -> None:
    answer = explain(POLICIES, decides(ANNA, a_proposal(8000)))
    assert answer.question == "may anna decide a goodwill credit (adjust balance) that costs 80.00 USD?"
    assert [(condition.words, condition.holds) for condition in answer.says[0].conditions] == [
        ("the person (anna) holds the role retention lead (holds retention lead)", True),
        ("the person's tenant (demo) is the proposal's tenant (demo)", True),
        ("the limit's currency (USD) is the cost's currency (USD)", True),
        ("the cost (80.00 USD) is at most the person's limit (50.00 USD)", False),
    ]
    assert answer.says[0].where == "a.cedar:64"


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
    for wrong in (opened(verdict="denied", policies=()), opened(policies=("four-eyes",))):
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


def test_a_gates_terms_are_told_in_plain_words() -> None:
    told = explained(opened(LARGE), proposal=LARGE)
    assert told.gate is not None
    assert told.gate.terms == (
        "2 people holding retention lead must approve; reminder after 1 day; "
        "after 2 days care manager may decide as well; closes after 3 days"
    )
    assert told.gate.agrees is True
    assert told.propose_now is not None
    assert told.propose_now.terms == POLICIES.permit_terms(POLICIES.may_propose(LARGE))
    assert explained(opened(verdict="denied", policies=())).gate.terms == ""  # type: ignore[union-attr]


def test_each_permit_that_decided_tells_its_own_terms() -> None:
    second = '@id("second") @gate_quorum("3") permit (principal, action == Action::"propose", resource);'
    answer = explain(a_set(DEFAULT, second), proposes(PROPOSAL))
    assert answer.terms is not None
    assert answer.terms.quorum == 3
    assert [say.terms.split(" ")[0] for say in answer.says] == ["1", "3"]
    assert {say.terms for say in explain(POLICIES, decides(ANNA, PROPOSAL)).says} == {""}


def test_permits_whose_terms_contradict_each_other_are_explained_as_a_no() -> None:
    other = '@id("other") @gate_roles("boss") permit (principal, action == Action::"propose", resource);'
    policies = a_set(DEFAULT, other)
    answer = explain(policies, proposes(PROPOSAL))
    assert (answer.allowed, answer.policies, answer.terms) == (
        False,
        ("other", "retention-may-propose-within-cap"),
        None,
    )
    assert answer.detail.startswith("the permits that decided name different @gate_roles")
    denied = opened(
        verdict="denied", reason=answer.detail, policies=answer.policies, policy_set=policies.digest, roles=()
    )
    told = explained(denied, kept=policies)
    assert told.gate is not None
    assert told.gate.agrees is True


def test_a_gate_denied_for_what_the_application_asks_by_default_is_not_called_a_lie() -> None:
    told = explained(opened(verdict="denied", reason="the gate's terms contradict the application's defaults"))
    assert told.gate is not None
    assert (told.gate.outcome, told.gate.agrees) == ("denied", None)


def test_a_gate_that_a_mandate_cleared_is_asked_again_as_a_commit() -> None:
    commit = (
        '@id("small") permit (principal, action == Action::"commit", resource) when { resource.cost_minor < 9999 };'
    )
    policies = a_set(DEFAULT, commit)
    clearance = Clearance(
        mandate_id="e" * 32,
        name="spring",
        document="d" * 64,
        signer="hana",
        key_id="c" * 64,
        consumed=Money(amount_minor=2000, currency="USD"),
        policies=("small",),
    )
    cleared = opened(verdict="cleared", clearance=clearance, policies=("small",), policy_set=policies.digest)
    told = explained(cleared, kept=policies)
    assert told.gate is not None
    assert (told.gate.outcome, told.gate.agrees) == ("cleared", True)
    assert told.gate.explained == explain(policies, commits(PROPOSAL))
    assert told.gate.terms == "nobody; mandate spring, signed by hana, gives 20.00 USD of its budget"


def test_why_no_mandate_cleared_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    why = {"mandate_id": "m", "name": "spring", "code": "mandate_kind", "detail": "it does not clear an adjust_balance"}
    told = explained(opened(), event("mandate.passed_over", "policy", {"mandates": 3, "reasons": [why]}))
    assert told.passed_over is not None
    assert [(one.name, one.code) for one in told.passed_over.reasons] == [("spring", "mandate_kind")]
    print_explained(told)
    said = capsys.readouterr().out
    assert "looked at 3 mandates: none clears it\n" in said
    assert "spring: it does not clear an adjust_balance (mandate_kind)\n          and 2 more\n" in said


def test_an_amended_proposal_has_its_own_gate_and_its_decisions_are_about_it() -> None:
    told = explained(opened(), amended(SMALLER), decided(ANNA, of=SMALLER), proposal=SMALLER)
    (second,) = told.amendments
    assert (second.who, second.outcome, second.agrees) == ("agent retention, amended by anna", "permitted", True)
    assert second.explained is not None
    assert (
        second.explained.question
        == "may agent retention propose a goodwill credit (adjust balance) that costs 15.00 USD?"
    )
    (decision,) = told.decisions
    assert decision.explained is not None
    assert decision.explained.question == "may anna decide a goodwill credit (adjust balance) that costs 15.00 USD?"


def test_a_decision_in_anothers_stead_is_told_so_and_not_asked_again_as_ones_own() -> None:
    (told,) = explained(
        opened(), decided(OLGA, delegated_by="anna", policy_set=POLICIES.digest), keys=(OLGA,)
    ).decisions
    assert (told.who, told.explained, told.agrees) == ("olga, in the stead of anna", None, None)
    assert told.unexplained == "anna had delegated it"


def test_who_could_decide_now_counts_delegations_and_the_roles_that_are_asked() -> None:
    _, mia = a_key("mia", roles=("care_manager",))
    _, carl = a_key("carl", roles=("care_agent",))
    delegated = (delegation("carl"),)
    told = explained(opened(), keys=(ANNA, mia, carl), delegations=delegated)
    asked_first = [(one.name, one.delegated_by, one.allowed) for one in told.approvers]
    assert asked_first == [
        ("anna", None, True),
        ("mia", None, False),
        ("carl", None, False),
        ("carl", "anna", True),
    ]
    assert told.approvers[1].because == "holds none of the roles that are asked now: retention lead"
    late = explained(opened(), keys=(mia,), now=NOW + timedelta(hours=48)).approvers
    assert [(one.name, one.allowed) for one in late] == [("mia", True)]
