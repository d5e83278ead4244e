"""What the linter concludes is never more than what Cedar itself would say."""

import cedarpy
from cedarpy import pst
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.contracts.money import Money
from placet.governance.policy.authoring.logic import condition, conjuncts, contradictory, entails, implied
from placet.governance.policy.authoring.why import explain
from placet.governance.policy.authoring.words import as_cedar
from placet.governance.policy.facts import PersonFacts, ProposalFacts
from placet.governance.policy.question import DecideQuestion
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile

ATOMS = st.one_of(
    st.builds(
        "resource.cost_minor {} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(0, 3)
    ),
    st.builds('resource.treatment {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from("ab")),
    st.builds('["a", "{}"].contains(resource.treatment)'.format, st.sampled_from("bc")),
    st.sampled_from(
        [
            "true",
            "false",
            "1 < 2",
            '"a" == "b"',
            "resource.cost_minor <= principal.limit_minor",
            "principal.limit_minor < resource.cost_minor",
            "principal.name == resource.triggered_by",
            "resource.triggered_by != principal.name",
        ]
    ),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("(if {} then {} else {})".format, inner, inner, inner),
    )


CONDITIONS = st.recursive(ATOMS, _grown, max_leaves=6)
QUESTIONS = st.builds(
    lambda cost, limit, treatment, by: DecideQuestion(
        PersonFacts(name="anna", tenant="demo", limit=Money(amount_minor=limit, currency="USD")),
        ProposalFacts(
            run_id="run-" + "0" * 20,
            tenant="demo",
            agent="retention",
            kind="adjust_balance",
            treatment=treatment,
            cost=Money(amount_minor=cost, currency="USD"),
            triggered_by=by,
        ),
    ),
    st.integers(0, 4),
    st.integers(0, 3),
    st.sampled_from("abc"),
    st.sampled_from(["anna", "olga"]),
)


def policy(text: str, clause: str = "when") -> str:
    return f'@id("p") permit (principal, action == Action::"decide", resource) {clause} {{ {text} }};'


def node(text: str, clause: str = "when") -> pst.Template:
    return next(iter(cedarpy.policies_to_pst(policy(text, clause)).static_policies.values()))


def holds(expr: str, question: DecideQuestion) -> bool:
    request, entities = question.request()
    return cedarpy.is_authorized(request, policy(expr), entities).allowed


@settings(max_examples=150)
@given(CONDITIONS, st.sampled_from(["when", "unless"]), QUESTIONS)
def test_what_is_concluded_from_a_condition_is_so_wherever_cedar_lets_it_hold(
    text: str, clause: str, question: DecideQuestion
) -> None:
    whole = condition(node(text, clause))
    held = holds(text, question) is (clause == "when")
    assert holds(as_cedar(whole), question) is held
    if isinstance(whole, pst.BoolLit):
        assert whole.value is held
    if held:
        assert not contradictory(implied(whole))
        assert all(holds(as_cedar(fact), question) for fact in implied(whole))
    else:
        assert all(holds(as_cedar(fact), question) for fact in implied(whole, False))


@settings(max_examples=150)
@given(CONDITIONS, CONDITIONS, QUESTIONS)
def test_an_entailed_condition_holds_wherever_the_facts_do(first: str, second: str, question: DecideQuestion) -> None:
    facts, then = implied(condition(node(first))), condition(node(second))
    for value in (True, False):
        if holds(first, question) and entails(facts, then, value):
            assert holds(second, question) is value


@settings(max_examples=150)
@given(CONDITIONS, st.sampled_from(["when", "unless"]), QUESTIONS)
def test_a_policy_applies_when_all_the_conditions_that_are_shown_hold(
    text: str, clause: str, question: DecideQuestion
) -> None:
    policies = PolicySet((PolicyFile(name="a.cedar", text=policy(text, clause)),))
    explained = explain(policies, question)
    (say,) = explained.says
    assert say.applies is explained.allowed is policies.ask(question).allowed
    assert [condition.holds for condition in say.conditions] == [
        holds(as_cedar(part), question) for part in conjuncts(node(text, clause))
    ]
