"""`placet policy test`: a table of cases answers for the policies beside it, and a wrong table is one clear line."""

import pytest

from placet.errors import ConfigurationError
from placet.governance.policy_cases import CASES_FILE, CasesReport, parse_cases, run_cases
from tests.unit.policy_support import DEFAULT, RETENTION, a_set

HEAD = """tenant: demo
agent: {name: retention}
proposal: {kind: adjust_balance, treatment: goodwill_credit, cost: 12.50 USD, triggered_by: olga}
cases:
"""


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
    ],
)
def test_a_case_passes_only_with_the_expected_answer_by_exactly_the_expected_policies(case: str, passed: bool) -> None:
    done = report(f"- {case}\n")
    assert [result.passed for result in done.results] == [passed]
    assert done.failures == int(not passed)


def test_policies_that_decide_no_case_are_named() -> None:
    done = report("- {name: a, question: propose, expect: allow}\n")
    assert done.never_decisive == ("retention-leads-decide-within-their-limit", "four-eyes")


def test_a_failed_case_carries_what_fell_short() -> None:
    lead = "person: {name: anna, roles: [retention_lead], limit: 10.00 USD}"
    (result,) = report(f"- {{name: a, question: decide, {lead}, expect: allow}}\n").results
    (say,) = result.explained.says
    assert (say.policy, say.applies) == ("retention-leads-decide-within-their-limit", False)
    assert [condition.words for condition in say.conditions if not condition.holds] == [
        "the cost (12.50 USD) is at most the person's limit (10.00 USD)"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [", "c.yaml:1: not YAML: "),
        ("", "c.yaml:1: Input should be a valid dictionary"),
        (HEAD.replace("{name: retention}", "retention") + "- {name: a, question: propose, expect: deny}\n",
         "c.yaml:2: agent 'retention': Input should be a valid dictionary"),
        (HEAD.replace("cases:", "cases: []"), "c.yaml:4: cases []"),
        (HEAD + "- {name: a, question: propose, expect: allow}\n- {name: b, question: approve, expect: allow}\n",
         "c.yaml:6: cases.1.question 'approve': Input should be 'propose', 'commit' or 'decide'"),
        (HEAD + "- name: a\n  question: propose\n  expect: no\n", "c.yaml:7: cases.0.expect False"),
        (HEAD + "- name: a\n  question: propose\n", "c.yaml:5: cases.0.expect "),
        (HEAD + "- name: a\n  question: propose\n  expected: allow\n  expect: allow\n", "c.yaml:7: cases.0.expected"),
        (HEAD + "- name: a\n  question: propose\n  expect: deny\n  expect: allow\n",
         "c.yaml:8: 'expect' is said twice"),
        (HEAD + "- name: a\n  question: propose\n  proposal:\n    cost: 12.50\n  expect: allow\n",
         "c.yaml:8: cases.0.proposal.cost 12.5: Value error, amount '12.5' is malformed; write it like '12.50 EUR'"),
        (HEAD + "- {name: a, question: propose, proposal: {kind: refund}, expect: allow}\n",
         "c.yaml:5: cases.0.proposal.kind 'refund'"),
        (HEAD + "- {name: a, question: decide, expect: allow}\n", "c.yaml:5: case 'a' asks 'decide' of no person"),
        (HEAD + "- {name: a, question: commit, person: {name: anna}, expect: allow}\n",
         "c.yaml:5: case 'a': 'commit' is asked of an agent, not a person"),
        (HEAD.replace("triggered_by: olga", "agent: retention") + "- {name: a, question: propose, expect: allow}\n",
         "c.yaml:5: case 'a': proposal.triggered_by is said nowhere"),
        ("tenant: !!python/object/apply:os.system [true]\n", "c.yaml:1: not YAML: "),
        ("tenant: \x00", "c.yaml: not YAML: "),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_clear_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_cases(text, "c.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
