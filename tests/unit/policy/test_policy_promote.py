"""Policies about stages of rollouts: what they are told, how they are checked, tried and told in words."""

from typing import Any

import pytest

from placet.contracts.money import Money
from placet.errors import ConfigurationError
from placet.governance.policy.authoring.case_table import parse_cases
from placet.governance.policy.authoring.cases import run_cases
from placet.governance.policy.authoring.lint import check
from placet.governance.policy.authoring.why import explain
from placet.governance.policy.facts import StageFacts
from placet.governance.policy.question import promotes
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile
from placet.interfaces.console.views.governance.policies import in_force_of

PERMIT = """
@id("small-stages")
permit (principal == Agent::"retention", action == Action::"promote", resource)
when {
  principal.tenant == resource.tenant && resource.to_percent <= 25 && resource.passed.contains("complaints")
};
"""
FORBID = '@id("not-this") forbid (principal, action == Action::"promote", resource) when { resource.strategy == "x" };'
TABLE = """
tenant: demo
agent: {name: retention}
stage: {strategy: keep_at_risk, market: us, reached: 10 %, to: 25 %, customers_added: 1500, passed: [complaints],
        budget: 5000.00 USD, budget_left: 4000.00 USD}
cases:
  - {name: a small stage begins, question: promote, expect: allow, because: [small-stages]}
  - {name: a large one does not, question: promote, stage: {to: 50 %}, expect: deny}
  - {name: without complaints, question: promote, stage: {passed: [churn]}, expect: deny, because: []}
"""


def policies(*texts: str) -> PolicySet:
    return PolicySet([PolicyFile(name="a.cedar", text="\n".join(texts))])


def stage(**changes: Any) -> StageFacts:
    money = Money(amount_minor=100_000, currency="USD")
    fields: dict[str, Any] = {
        "tenant": "demo",
        "agent": "retention",
        "strategy": "keep_at_risk",
        "market": "us",
        "reached": 1_050,
        "to": 2_450,
        "customers_added": 10,
        "budget": money,
        "budget_left": money,
        "passed": ("complaints",),
    }
    return StageFacts(**{**fields, **changes})


def test_shares_are_rounded_so_that_a_cap_is_never_passed() -> None:
    told = stage().attributes()
    assert (told["from_percent"], told["to_percent"]) == (10, 25)
    assert policies(PERMIT).may_promote(stage()).allowed
    assert not policies(PERMIT).may_promote(stage(to=2_501)).allowed


def test_a_set_without_a_permit_promotes_nothing_and_a_forbid_outranks() -> None:
    assert policies(FORBID).promoting("retention") == ()
    assert not policies(FORBID).may_promote(stage()).allowed
    both = policies(PERMIT, FORBID)
    assert both.promoting("retention") == ("small-stages",)
    assert both.promoting("another") == ()
    assert not both.may_promote(stage(strategy="x")).allowed
    assert both.may_promote(stage()).policies == ("small-stages",)


def test_a_table_of_cases_tries_them() -> None:
    report = run_cases(policies(PERMIT), parse_cases(TABLE, "cases.yaml"))
    assert report.failures == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("reached: 10 %", "reached: 10", "reached 10: write it with its unit, like '10 %'"),
        ("customers_added: 1500, ", "", "stage.customers_added is said nowhere"),
        ("stage: {to: 50 %}", "proposal: {kind: adjust_balance}", "'promote' is about a stage, not a proposal"),
        ("[complaints]", "[complaint]", "passed.0 'complaint'"),
    ],
)
def test_a_wrong_stage_is_one_clear_line(old: str, new: str, said: str) -> None:
    assert old in TABLE
    with pytest.raises(ConfigurationError) as refused:
        parse_cases(TABLE.replace(old, new), "cases.yaml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        ("resource.to_percent <= 25", []),
        ("resource.customers_added < 1000", []),
        ('resource.strategy == "keep"', ["no_stage_cap"]),
        ('resource.to_percent <= 25 && resource.passed.contains("complaint")', ["unknown_measure"]),
    ],
)
def test_a_permit_without_a_cap_is_over_broad_and_a_measure_that_is_none_is_named(
    condition: str, codes: list[str]
) -> None:
    text = f'@id("p") permit (principal == Agent::"a", action == Action::"promote", resource) when {{ {condition} }};'
    assert [one.code for one in check([PolicyFile(name="a.cedar", text=text)])] == codes


def test_why_is_told_in_words() -> None:
    told = explain(policies(PERMIT), promotes(stage(passed=())))
    assert told.question == (
        "may strategy keep_at_risk of agent retention go on from 10.5 % to 24.5 % without a person's signature?"
    )
    (say,) = told.says
    assert [one.words for one in say.conditions if not one.holds] == [
        "the measures that passed (none) include complaints"
    ]
    assert "the share of the next stage, in per cent (24.5 %) is at most 25" in [one.words for one in say.conditions]


def test_the_console_says_what_may_begin_and_that_nothing_may() -> None:
    shown = in_force_of("retention", policies(PERMIT))
    (asked,) = [one for one in shown.questions if one.title.startswith("Which stages")]
    assert (shown.promotes, [line.name for line in asked.lines]) == (True, ["small stages"])
    nothing = in_force_of("retention", policies(FORBID))
    assert not nothing.promotes
