"""Why an answer came out as it did: every policy that could have had a say, and which of its conditions held.

Cedar itself evaluates each condition: a policy is taken apart into one `permit` per condition, and Cedar names
those that are satisfied.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import cedarpy
from cedarpy import pst

from placet.contracts.base import Frozen
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import spoken
from placet.errors import PolicyError
from placet.governance.policy.answer import PolicyAnswer
from placet.governance.policy.authoring.gate_words import terms_in_words
from placet.governance.policy.authoring.logic import conjuncts
from placet.governance.policy.authoring.words import in_words, scope_in_words
from placet.governance.policy.facts import ProposalFacts
from placet.governance.policy.question import (
    AgentQuestion,
    AuthoriseQuestion,
    DecideQuestion,
    LiftQuestion,
    MergeQuestion,
    PromoteQuestion,
    Question,
)
from placet.governance.policy.scope import actions
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import Policy
from placet.governance.policy.terms import PermitTerms, may_ask, terms_of


class Condition(Frozen):
    """One condition of a policy in words, and whether it held."""

    words: str
    holds: bool


class Say(Frozen):
    """What one policy had to say to a question.

    Attributes:
        where: `file:line`.
        description: Its author's own words (`@description`), or empty.
        applies: All its conditions held.
        terms: What a permit to propose asks of people, in words; empty for any other.
    """

    policy: str
    effect: Literal["permit", "forbid"]
    where: str
    description: str
    applies: bool
    conditions: tuple[Condition, ...]
    terms: str = ""


class Explained(Frozen):
    """An answer with its reasons.

    Attributes:
        allowed: No as well where policies permit to propose, and contradict each other in what to ask of people.
        says: What decided it, or, where nothing did, every permit that fell short.
        terms: What the permits that let it be proposed ask of people, together.
    """

    question: str
    allowed: bool
    policies: tuple[str, ...]
    detail: str
    says: tuple[Say, ...]
    terms: PermitTerms | None = None


def explain(policies: PolicySet, question: Question) -> Explained:
    """Ask the question, and say which policies decided and why."""
    answer = policies.ask(question)
    terms: PermitTerms | None = None
    if question.action == "propose" and answer.allowed:
        try:
            terms = policies.permit_terms(answer)
        except PolicyError as error:
            answer = PolicyAnswer(False, answer.policies, str(error))
    says = _says(policies, question) if policies.current else ()
    deciding = tuple(say for say in says if say.policy in answer.policies)
    return Explained(
        question=_in_words(question),
        allowed=answer.allowed,
        policies=answer.policies,
        detail=answer.detail,
        says=deciding or tuple(say for say in says if say.effect == "permit"),
        terms=terms,
    )


def _in_words(question: Question) -> str:
    name = question.principal.name
    match question:
        case AgentQuestion():
            alone = " without a person" if question.action == "commit" else ""
            return f"may agent {name} {question.action} a {_told(question.resource)}{alone}?"
        case PromoteQuestion():
            stage = question.resource
            way = f"from {share_in_words(stage.reached)} to {share_in_words(stage.to)}"
            return f"may strategy {stage.strategy} of agent {name} go on {way} without a person's signature?"
        case DecideQuestion():
            return f"may {name} decide a {_told(question.resource)}?"
        case AuthoriseQuestion():
            mandate = question.resource
            return f"may {name} sign mandate {mandate.name} of {mandate.budget} for agent {mandate.agent}?"
        case LiftQuestion():
            halt = question.resource
            of = f"{halt.scope} {spoken(halt.subject)}" if halt.subject else "everything"
            return f"may {name} lift the halt of {of}?"
        case MergeQuestion():
            return f"may {name} {question.resource.change} two customers?"


def _told(proposal: ProposalFacts) -> str:
    return f"{spoken(proposal.treatment)} ({spoken(proposal.kind)}) that costs {proposal.cost}"


def _says(policies: PolicySet, question: Question) -> tuple[Say, ...]:
    relevant = [policy for policy in policies.policies if question.action in actions(policy.node)]
    parts: dict[str, pst.Template] = {}
    for number, policy in enumerate(relevant):
        parts |= _parts(number, policy)
    held = _satisfied(parts, question)
    return tuple(_say(number, policy, question, held) for number, policy in enumerate(relevant))


def _parts(number: int, policy: Policy) -> Mapping[str, pst.Template]:
    bare = replace(policy.node, effect="permit", clauses=(), annotations={})
    anybody = replace(bare, principal=pst.ScopeAny(), resource=pst.ScopeAny())
    heads = {f"{number}.scope": replace(bare, id=f"{number}.scope")}
    for count, expr in enumerate(conjuncts(policy.node)):
        heads[f"{number}.{count}"] = replace(anybody, id=f"{number}.{count}", clauses=(pst.When(expr),))
    return heads


def _satisfied(parts: Mapping[str, pst.Template], question: Question) -> frozenset[str]:
    if not parts:
        return frozenset()
    handle = cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=parts, template_links=()))
    request, entities = question.request()
    return frozenset(cedarpy.is_authorized(request, handle, entities).diagnostics.reasons)


def _say(number: int, policy: Policy, question: Question, held: frozenset[str]) -> Say:
    conditions = [
        Condition(words=in_words(expr, question), holds=f"{number}.{count}" in held)
        for count, expr in enumerate(conjuncts(policy.node))
    ]
    scope = scope_in_words(policy.node, question)
    in_scope = f"{number}.scope" in held
    if scope:
        conditions.insert(0, Condition(words=scope, holds=in_scope))
    return Say(
        policy=policy.id,
        effect=policy.node.effect,
        where=policy.where,
        description=policy.description,
        applies=in_scope and all(condition.holds for condition in conditions),
        conditions=tuple(conditions),
        terms=terms_in_words(terms_of(policy.node)) if question.action == "propose" and may_ask(policy.node) else "",
    )
