"""`placet policy test`: a table of cases answers for the policies beside it, and a wrong table is one clear line."""

import pytest

from placet.errors import ConfigurationError
from placet.governance.policy.authoring.case_table import CASES_FILE, parse_cases
from placet.governance.policy.authoring.cases import CasesReport, run_cases
from tests.unit.policy.policy_support import DEFAULT, RETENTION, a_set

HEAD = """tenant: demo
agent: {name: retention}
proposal: {kind: adjust_balance, treatment: goodwill_credit, cost: 12.50 USD, triggered_by: olga}
mandate: {kinds: [adjust_balance], treatments: [x], budget: 50.00 USD, cap: 5.00 USD, days: 7, drafted_by: olga}
halt: {scope: tenant, placed_by: olga}
cases:
"""
HEAD_OF = "{name: hana, roles: [retention_head], limit: 50.00 USD}"
CONTRADICTING = "".join(
    f'@id("{role}") @gate_roles("{role}") permit (principal, action == Action::"propose", resource);' for role in "ab"
)


def report(cases: str, *texts: str) -> CasesReport:
    return run_cases(a_set(*(texts or (DEFAULT,))), parse_cases(HEAD + cases, "c.yaml"))


def test_the_default_policys_own_cases_pass_and_use_every_policy() -> None:
    done = run_cases(a_set(DEFAULT), parse_cases((RETENTION / CASES_FILE).read_text(), CASES_FILE))
    assert (done.failures, done.never_decisive) == (0, ())
    assert {result.explained.question.split()[-1] for result in done.results} >= {"person?", "USD?"}


@pytest.mark.parametrize(
    ("case", "passed"),
    [
        ("{name: a, question: propose, expect: allow}", True),
        ("{name: a, question: propose, expect: deny}", False),
        ("{name: a, question: propose, expect: allow, because: [retention-may-propose-within-cap]}", True),
        ("{name: a, question: propose, expect: allow, because: [four-eyes]}", False),
        ("{name: a, question: propose, expect: allow, because: []}", False),
        ("{name: a, question: commit, expect: deny, because: []}", True),
        ("{name: a, question: decide, person: {name: anna}, expect: allow}", False),
        ("{name: a, question: decide, person: {name: olga}, expect: deny, because: [four-eyes]}", True),
        (f"{{name: a, question: authorise, person: {HEAD_OF}, expect: allow}}", True),
        (f"{{name: a, question: authorise, person: {HEAD_OF}, mandate: {{budget: 50.01 USD}}, expect: allow}}", False),
        (f"{{name: a, question: authorise, person: {HEAD_OF}, mandate: {{drafted_by: hana}}, expect: deny}}", True),
        (f"{{name: a, question: authorise, person: {HEAD_OF}, expect: allow, because: [four-eyes]}}", False),
        (f"{{name: a, question: lift, person: {HEAD_OF}, halt: {{scope: agent, subject: retention}}, expect: allow}}",
         True),
        (f"{{name: a, question: lift, person: {HEAD_OF}, halt: {{placed_by: hana}}, expect: allow}}", False),
        ("{name: a, question: propose, expect: allow, gate: {quorum: 1, roles: [retention_lead]}}", True),
        ("{name: a, question: propose, expect: allow, gate: {quorum: 2}}", False),
        ("{name: a, question: propose, proposal: {cost: 100.01 USD}, expect: allow, gate: {quorum: 2}}", True),
        ("{name: a, question: propose, expect: allow, gate: {expire_after: 3d, remind_after: 24h}}", True),
        ("{name: a, question: propose, expect: allow, gate: {expire_after: 71h}}", False),
        ("{name: a, question: propose, expect: allow, gate: {expire_after: null}}", False),
        ("{name: a, question: propose, expect: allow, gate: {distinct_roles: null}}", True),
        ("{name: a, question: propose, expect: allow, gate: {escalate_to: care_manager, escalate_after: 2d}}", True),
    ],
)  # fmt: skip
def test_a_case_passes_only_with_the_expected_answer_by_exactly_the_expected_policies(case: str, passed: bool) -> None:
    done = report(f"- {case}\n")
    assert [result.passed for result in done.results] == [passed]
    assert done.failures == int(not passed)


def test_policies_that_decide_no_case_are_named() -> None:
    done = report("- {name: a, question: propose, expect: allow}\n")
    assert done.never_decisive == tuple(policy.id for policy in a_set(DEFAULT).policies[1:])


def test_permits_that_contradict_each_other_in_what_they_ask_let_nothing_be_proposed() -> None:
    done = report(
        "- {name: a, question: propose, expect: allow}\n"
        "- {name: b, question: propose, expect: deny, because: [a, b]}\n",
        CONTRADICTING,
    )
    assert [result.passed for result in done.results] == [False, True]
    assert done.results[0].got == (
        "deny: by a, b, the permits that decided name different @gate_roles, so that nobody can be asked: a: a; b: b"
    )


def test_a_gate_that_came_out_otherwise_is_told_beside_what_was_expected() -> None:
    (result,) = report("- {name: a, question: propose, expect: allow, gate: {quorum: 2}}\n").results
    rest = "reminder after 1 day; after 2 days care manager may decide as well; closes after 3 days"
    assert result.expected == f"allow; gate: 2 people holding retention lead must approve; {rest}"
    assert result.got == (
        f"allow: by retention-may-propose-within-cap; gate: 1 person holding retention lead must approve; {rest}"
    )


def test_a_failed_case_carries_what_fell_short() -> None:
    lead = "person: {name: anna, roles: [retention_lead], limit: 10.00 USD}"
    (result,) = report(f"- {{name: a, question: decide, {lead}, expect: allow}}\n").results
    say, care = result.explained.says
    assert (care.policy, care.applies) == ("care-managers-decide-within-their-limit", False)
    assert (say.policy, say.applies) == ("retention-leads-decide-within-their-limit", False)
    assert [condition.words for condition in say.conditions if not condition.holds] == [
        "the cost (12.50 USD) is at most the person's limit (10.00 USD)"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [", "c.yaml:1: not YAML: "),
        ("", "c.yaml:1: it must be an object"),
        (HEAD.replace("{name: retention}", "retention") + "- {name: a, question: propose, expect: deny}\n",
         "c.yaml:2: agent 'retention': it must be an object"),
        (HEAD.replace("cases:", "cases: []"), "c.yaml:6: cases []"),
        (HEAD + "- {name: a, question: propose, expect: allow}\n- {name: b, question: approve, expect: allow}\n",
         "c.yaml:8: cases.1.question 'approve': write 'propose', 'commit', 'promote', 'decide', 'authorise', 'lift'"),
        (HEAD + "- name: a\n  question: propose\n  expect: no\n", "c.yaml:9: cases.0.expect False"),
        (HEAD + "- name: a\n  question: propose\n", "c.yaml:7: cases.0.expect: it is missing"),
        (HEAD + "- name: a\n  question: propose\n  expected: allow\n  expect: allow\n", "c.yaml:9: cases.0.expected"),
        (HEAD + "- name: a\n  question: propose\n  expect: deny\n  expect: allow\n",
         "c.yaml:10: 'expect' is said twice"),
        (HEAD + "- name: a\n  question: propose\n  proposal:\n    cost: 12.50\n  expect: allow\n",
         "c.yaml:10: cases.0.proposal.cost 12.5: amount '12.5' is malformed; write it like '12.50 EUR'"),
        (HEAD + "- {name: a, question: propose, proposal: {kind: refund}, expect: allow}\n",
         "c.yaml:7: cases.0.proposal.kind 'refund'"),
        (HEAD + "- {name: a, question: decide, expect: allow}\n", "c.yaml:7: case 'a': 'decide' is asked of no person"),
        (HEAD + "- {name: a, question: commit, person: {name: anna}, expect: allow}\n",
         "c.yaml:7: case 'a': 'commit' is asked of an agent, not a person"),
        (HEAD.replace("triggered_by: olga", "agent: retention") + "- {name: a, question: propose, expect: allow}\n",
         "c.yaml:7: case 'a': proposal.triggered_by is said nowhere"),
        (HEAD + "- {name: a, question: lift, expect: allow}\n", "c.yaml:7: case 'a': 'lift' is asked of no person"),
        (HEAD + "- {name: a, question: lift, person: {name: anna}, proposal: {cost: 1.00 USD}, expect: allow}\n",
         "c.yaml:7: case 'a': 'lift' is about a halt, not a proposal"),
        (HEAD + "- {name: a, question: lift, person: {name: anna}, halt: {scope: agent}, expect: allow}\n",
         "c.yaml:7: case 'a': halt: scope 'agent' and subject '' do not fit"),
        (HEAD + "- {name: a, question: authorise, person: {name: anna}, mandate: {cap: 5.00 EUR}, expect: allow}\n",
         "c.yaml:7: case 'a': mandate: cap 5.00 EUR and budget 50.00 USD differ in currency"),
        (HEAD.replace(", drafted_by: olga", "")
         + "- {name: a, question: authorise, person: {name: anna}, expect: allow}\n",
         "c.yaml:7: case 'a': mandate.drafted_by is said nowhere"),
        (HEAD + "- {name: a, question: commit, expect: allow, gate: {quorum: 1}}\n",
         "c.yaml:7: case 'a': `gate` is for"),
        (HEAD + "- {name: a, question: propose, expect: deny, gate: {quorum: 1}}\n",
         "c.yaml:7: case 'a': `gate` is for"),
        (HEAD + "- {name: a, question: propose, expect: allow, gate: {quorum: 6}}\n",
         "c.yaml:7: cases.0.gate.quorum 6: it must be 5 or less"),
        (HEAD + "- {name: a, question: propose, expect: allow, gate: {expire_after: 1w}}\n",
         "c.yaml:7: cases.0.gate.expire_after '1w': write it like 30m, 24h or 3d, at most 90d"),
        ("tenant: !!python/object/apply:os.system [true]\n", "c.yaml:1: not YAML: "),
        ("tenant: \x00", "c.yaml:1: not YAML: the character U+0000 cannot be seen"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_clear_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_cases(text, "c.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


BOMB = "a0: &a0 [x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (BOMB, "over 50000 values, aliases written out"),
        ("cases: &a [*a]\n", "cases.yaml:1: not YAML: an alias of what it is part of"),
        ("cases: " + "[" * 5000 + "]" * 5000, "cases.yaml:1: not YAML: nested too deep"),
        ("cases: " + "9" * 5000, "Exceeds the limit"),
        ("cases: 2026-13-45\n", "month must be in 1..12"),
        ("? [a]\n: b\n", "cases.yaml"),
        ("x" * 1_000_001, "split it"),
        ('cases: "\\ud800"\n', "cases.yaml"),
    ],
)
def test_a_table_that_would_fill_the_memory_or_break_the_reader_is_refused_in_one_line(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_cases(text, "cases.yaml")
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)
