"""Policy: default deny, forbid wins, nothing loaded means no, and the deciding policy is named (promise 1)."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.contracts.money import Money
from placet.entrypoints.tenant_files.policies import PolicyFiles
from placet.errors import PolicyError
from placet.governance.policy.facts import MandateFacts
from placet.governance.policy.question import proposes
from placet.governance.policy.set import PolicySet, policy_document
from placet.governance.policy.source import shipped_schema
from placet.service import policy_files
from placet.service.policy_files import read_policy_files
from tests.unit.policy.policy_support import DEFAULT, a_halt, a_mandate, a_set, files
from tests.unit.support import NOW, RUN, a_key, a_proposal

POLICIES = a_set(DEFAULT)
EVERYTHING = '@id("everything") permit (principal, action, resource);'
_, ANNA = a_key()


def test_the_default_policy_lets_retention_propose_within_its_cap_and_says_which_policy_did() -> None:
    answer = POLICIES.may_propose(a_proposal(10_000))
    assert (answer.allowed, answer.policies) == (True, ("retention-may-propose-within-cap",))
    assert POLICIES.may_propose(a_proposal(10_001)).policies == ("retention-may-propose-large-with-two",)
    assert POLICIES.may_propose(a_proposal(20_000)).allowed
    assert POLICIES.may_propose(a_proposal(20_001)).allowed is False


def test_an_answer_that_is_remembered_is_the_one_that_is_given() -> None:
    questions = [proposes(a_proposal(cost)) for cost in (1, 10_000, 10_001, 20_001)]
    fresh = [POLICIES.evaluate(question) for question in questions]
    assert [POLICIES.ask(question) for question in (*questions, *questions)] == [*fresh, *fresh]
    kept = POLICIES.kept("for a while")
    assert kept.ask(questions[0]).detail.startswith(fresh[0].detail)
    assert "for a while" in kept.ask(questions[0]).detail
    assert "for a while" not in POLICIES.ask(questions[0]).detail


def test_a_cap_is_one_in_its_currency() -> None:
    assert not POLICIES.may_propose(a_proposal(100, currency="JPY")).allowed


def test_an_empty_policy_set_permits_nothing() -> None:
    empty = a_set("")
    assert not empty.may_propose(a_proposal()).allowed
    assert not empty.may_commit(a_proposal()).allowed
    assert not empty.may_decide(ANNA, a_proposal()).allowed
    assert not empty.may_authorise(ANNA, a_mandate()).allowed
    assert not empty.may_lift(ANNA, a_halt()).allowed


def test_nothing_is_pre_authorised_by_default() -> None:
    answer = POLICIES.may_commit(a_proposal(1))
    assert (answer.allowed, answer.policies, answer.detail) == (False, (), "no policy permits it")


def test_a_pre_authorisation_covers_what_it_names_and_is_named() -> None:
    small = (
        '@id("small-credits") permit (principal == Agent::"retention", action == Action::"commit", resource) '
        'when { resource.treatment == "goodwill_credit" && resource.currency == "USD" && resource.cost_minor <= 500 };'
    )
    policies = a_set(DEFAULT, small)
    assert policies.may_commit(a_proposal(500)).policies == ("small-credits",)
    assert not policies.may_commit(a_proposal(501)).allowed
    assert not policies.may_commit(a_proposal(500).model_copy(update={"agent": "advance"})).allowed
    assert policies.may_commit(a_proposal(500)).allowed
    frozen = a_set(DEFAULT, small, '@id("freeze") forbid (principal, action == Action::"commit", resource);')
    answer = frozen.may_commit(a_proposal(500))
    assert (answer.allowed, answer.policies) == (False, ("freeze",))
    assert frozen.may_propose(a_proposal(500)).allowed


def test_an_approver_decides_up_to_their_limit_and_in_its_currency_only() -> None:
    assert POLICIES.may_decide(ANNA, a_proposal(5000)).allowed
    assert not POLICIES.may_decide(ANNA, a_proposal(5001)).allowed
    assert not POLICIES.may_decide(ANNA, a_proposal(5000, currency="EUR")).allowed


def test_a_key_without_a_limit_decides_nothing() -> None:
    assert not POLICIES.may_decide(ANNA.model_copy(update={"limit": None}), a_proposal(1)).allowed


def test_a_person_without_the_role_or_of_another_tenant_decides_nothing() -> None:
    assert not POLICIES.may_decide(ANNA.model_copy(update={"roles": ("auditor",)}), a_proposal()).allowed
    assert not POLICIES.may_decide(ANNA.model_copy(update={"tenant": "other"}), a_proposal()).allowed


def test_who_triggered_a_run_cannot_decide_it_whatever_permits_them() -> None:
    answer = a_set(DEFAULT, EVERYTHING).may_decide(ANNA, a_proposal(triggered_by="anna"))
    assert (answer.allowed, answer.policies, answer.detail) == (False, ("four-eyes",), "forbidden")


def test_a_head_signs_a_mandate_whose_whole_budget_is_within_their_limit_and_that_another_drafted() -> None:
    head = ANNA.model_copy(update={"roles": ("retention_head",)})
    answer = POLICIES.may_authorise(head, a_mandate(5000))
    assert (answer.allowed, answer.policies) == (True, ("retention-heads-authorise-within-their-limit",))
    assert POLICIES.may_authorise(head, a_mandate(5001)).detail == "no policy permits it"
    assert not POLICIES.may_authorise(head, a_mandate(5000, currency="EUR")).allowed
    assert not POLICIES.may_authorise(ANNA, a_mandate(5000)).allowed
    own = POLICIES.may_authorise(head, a_mandate(5000, drafted_by="anna"))
    assert (own.allowed, own.policies, own.detail) == (False, ("four-eyes-on-mandates",), "forbidden")


def test_a_head_lifts_a_halt_that_another_placed() -> None:
    head = ANNA.model_copy(update={"roles": ("retention_head",), "limit": None})
    assert POLICIES.may_lift(head, a_halt()).policies == ("retention-heads-lift-halts",)
    assert not POLICIES.may_lift(ANNA, a_halt()).allowed
    assert not POLICIES.may_lift(head.model_copy(update={"tenant": "other"}), a_halt()).allowed
    own = POLICIES.may_lift(head, a_halt(placed_by="anna"))
    assert (own.allowed, own.policies, own.detail) == (False, ("four-eyes-on-halts",), "forbidden")


@pytest.mark.parametrize(
    ("condition", "changes", "holds"),
    [
        ('resource.amended_by == ""', {}, True),
        ('resource.amended_by == "anna"', {"amended_by": "anna"}, True),
        ("resource.original_cost_minor == resource.cost_minor", {}, True),
        ("resource.original_cost_minor == 1500", {"original_cost": Money(amount_minor=1500, currency="USD")}, True),
        ('resource.reverses == ""', {}, True),
        (f'resource.reverses == "{RUN}"', {"reverses": RUN}, True),
        ('resource.reverses == ""', {"reverses": RUN}, False),
    ],
)
def test_a_policy_may_ask_who_amended_a_proposal_what_it_cost_before_and_what_it_takes_back(
    condition: str, changes: dict[str, Any], holds: bool
) -> None:
    policies = a_set(f'@id("p") permit (principal, action == Action::"propose", resource) when {{ {condition} }};')
    assert policies.may_propose(a_proposal().model_copy(update=changes)).allowed is holds


@pytest.mark.parametrize(
    "condition",
    [
        'resource.agent == "retention" && resource.tenant == "demo" && resource.drafted_by == "olga"',
        'resource.kinds.contains("adjust_balance") && ["adjust_balance", "order_product"].containsAll(resource.kinds)',
        '!resource.treatments.contains("plan_change") && resource.treatments.containsAny(["goodwill_credit"])',
        'resource.budget_minor == 5000 && resource.cap_minor == 1000 && resource.currency == "USD"',
        "resource.days == 3",
    ],
)
def test_a_policy_may_ask_what_a_mandate_clears_how_much_and_for_how_long_in_days_rounded_up(condition: str) -> None:
    policies = a_set(f'@id("p") permit (principal, action == Action::"authorise", resource) when {{ {condition} }};')
    assert policies.may_authorise(ANNA, a_mandate()).allowed


def test_days_are_rounded_up_and_whole_ones_are_not() -> None:
    until = a_mandate().valid_from
    for lasts, days in ((timedelta(seconds=1), 1), (timedelta(days=1), 1), (timedelta(days=1, microseconds=1), 2)):
        facts = MandateFacts.of(a_mandate().model_copy(update={"valid_until": until + lasts}))
        assert facts.days == days


def test_a_permit_of_everything_about_proposals_says_nothing_about_mandates_or_halts() -> None:
    policies = a_set('@id("p") permit (principal, action, resource is Proposal);')
    assert policies.may_decide(ANNA, a_proposal()).allowed
    assert not policies.may_authorise(ANNA, a_mandate()).allowed
    assert not policies.may_lift(ANNA, a_halt()).allowed


@settings(max_examples=60)
@given(
    permits=st.lists(st.sampled_from(["true", "resource.cost_minor < 2000", 'resource.kind == "order_product"'])),
    forbids=st.lists(st.sampled_from(["false", "resource.cost_minor > 500", 'resource.triggered_by == "olga"'])),
    cost=st.integers(1, 3000),
)
def test_forbid_wins_and_nothing_is_allowed_without_a_permit_that_holds(
    permits: list[str], forbids: list[str], cost: int
) -> None:
    texts = [
        f'@id("p{n}") permit (principal, action, resource is Proposal) when {{ {body} }};'
        for n, body in enumerate(permits)
    ]
    texts += [
        f'@id("f{n}") forbid (principal, action, resource is Proposal) when {{ {body} }};'
        for n, body in enumerate(forbids)
    ]
    holds = {
        "true": True,
        "false": False,
        "resource.cost_minor < 2000": cost < 2000,
        'resource.kind == "order_product"': False,
        "resource.cost_minor > 500": cost > 500,
        'resource.triggered_by == "olga"': True,
    }
    permitting = sorted(f"p{n}" for n, body in enumerate(permits) if holds[body])
    forbidding = sorted(f"f{n}" for n, body in enumerate(forbids) if holds[body])
    policies = a_set(*texts)
    for answer in (
        policies.may_propose(a_proposal(cost)),
        policies.may_commit(a_proposal(cost)),
        policies.may_decide(ANNA, a_proposal(cost)),
    ):
        assert answer.allowed is (bool(permitting) and not forbidding)
        assert list(answer.policies) == (forbidding or permitting)


def test_a_policy_that_fails_to_evaluate_denies_even_where_another_permits() -> None:
    overflow = (
        '@id("o") forbid (principal, action, resource is Proposal) '
        "when { resource.cost_minor * 9223372036854775807 > 1 };"
    )
    assert a_set(EVERYTHING, overflow).may_propose(a_proposal(1)).allowed is False
    answer = a_set(EVERYTHING, overflow).may_propose(a_proposal(1000))
    assert not answer.allowed
    assert answer.detail.startswith("evaluation failed: ")


def test_an_amount_cedar_cannot_hold_is_denied() -> None:
    beyond = Money.model_construct(amount_minor=2**63, currency="USD")
    answer = a_set(EVERYTHING).may_propose(a_proposal().model_copy(update={"cost": beyond}))
    assert not answer.allowed
    assert answer.detail.startswith("evaluation failed: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("permit (", "a.cedar:1: does not parse: unexpected end of input"),
        ("// no\nallow everyone", "a.cedar:2: does not parse: unexpected token `everyone`"),
        (
            '@id("x")\npermit (principal, action, resource is Proposal)\nwhen { resource.colour == 1 };',
            "a.cedar:3: attribute `colour` on entity type `Proposal` not found",
        ),
        ("permit (principal, action, resource);", 'a.cedar:1: has no @id("…")'),
        (EVERYTHING + "\n" + EVERYTHING, 'a.cedar:2: @id("everything") is taken by a.cedar:1'),
        ('@id("t") permit (principal == ?principal, action, resource);', "a.cedar:1: is a template"),
    ],
)
def test_an_invalid_policy_set_is_refused_with_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        a_set(text)
    assert str(caught.value).startswith(f"the policy set is invalid: {message}")
    assert "\n" not in str(caught.value)


def test_an_id_is_taken_across_files() -> None:
    with pytest.raises(PolicyError, match=r'b\.cedar:1: @id\("everything"\) is taken by a\.cedar:1'):
        a_set(EVERYTHING, EVERYTHING)


def test_the_version_is_the_digest_of_names_contents_and_order() -> None:
    a, b = files(DEFAULT, EVERYTHING)
    known = PolicySet((a, b))
    assert known.digest == hashlib.sha256(known.document).hexdigest() == PolicySet((a, b)).digest
    assert len({known.digest, PolicySet((b, a)).digest, PolicySet((a,)).digest}) == 3
    renamed = b.model_copy(update={"name": "c.cedar"})
    commented = b.model_copy(update={"text": b.text + "\n// reviewed"})
    assert len({known.digest, PolicySet((a, renamed)).digest, PolicySet((a, commented)).digest}) == 3


def test_a_stored_set_answers_as_the_one_that_was_in_force() -> None:
    stored = PolicySet.from_document(POLICIES.document)
    assert (stored.digest, stored.files) == (POLICIES.digest, POLICIES.files)
    assert stored.may_propose(a_proposal()) == POLICIES.may_propose(a_proposal())


def test_a_set_that_speaks_another_schema_can_be_read_and_permits_nothing() -> None:
    older = shipped_schema().replace('"treatment": String,', "")
    stored = PolicySet.from_document(policy_document(files(EVERYTHING), older))
    assert [policy.id for policy in stored.policies] == ["everything"]
    assert not stored.may_propose(a_proposal()).allowed


def test_bytes_that_are_no_policy_set_are_refused() -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        PolicySet.from_document(b"{}")


def test_a_changed_policy_file_bites_at_the_next_question(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "a.cedar").write_text(DEFAULT)
    policies = PolicyFiles(tmp_path)
    before = policies("demo", "retention")
    assert policies("demo", "retention") is before
    assert before.may_propose(a_proposal()).allowed
    (folder / "b.cedar").write_text('@id("stop") forbid (principal, action, resource);')
    after = policies("demo", "retention")
    assert after.digest != before.digest
    assert not after.may_propose(a_proposal()).allowed


def test_a_tenant_without_policies_gets_no(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / ".draft.cedar").write_text(EVERYTHING)
    for tenant in ("demo", "other"):
        with pytest.raises(PolicyError, match=f"no policy set for tenant '{tenant}'"):
            PolicyFiles(tmp_path)(tenant, "retention")


def test_a_policy_file_that_is_no_text_means_no(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="cannot read the policy files"):
        read_policy_files(tmp_path)


def test_a_file_that_is_just_being_saved_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.cedar"
    file.write_text("")
    # Whoever saves it writes what they save while we wait.
    monkeypatch.setattr(policy_files, "_pause", lambda: file.write_text(EVERYTHING))
    assert [one.text for one in read_policy_files(tmp_path)] == [EVERYTHING]


def test_a_file_that_stays_empty_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("")
    assert [one.text for one in read_policy_files(tmp_path)] == [""]


def test_a_set_swapped_by_its_link_is_never_seen_half(tmp_path: Path) -> None:
    """Two sets of two files; whatever the moment, both files read come from the same one."""
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        for name in ("a.cedar", "b.cedar"):
            (tmp_path / version / name).write_text(f"// {version}")
    link = tmp_path / "demo"
    link.symlink_to("one")

    def swap() -> None:
        for count in range(300):
            fresh = tmp_path / f"fresh{count}"
            fresh.symlink_to("two" if count % 2 else "one")
            fresh.replace(link)

    with ThreadPoolExecutor(1) as pool:
        swapping = pool.submit(swap)
        seen = set()
        while not swapping.done():
            seen.add(tuple(file.text for file in read_policy_files(link)))
        swapping.result()
    assert seen <= {("// one", "// one"), ("// two", "// two")}


def test_limits_compare_in_minor_units() -> None:
    key = ANNA.model_copy(update={"limit": Money(amount_minor=1, currency="USD"), "enrolled_at": NOW - timedelta(1)})
    assert POLICIES.may_decide(key, a_proposal(1)).allowed
    assert not POLICIES.may_decide(key, a_proposal(2)).allowed
