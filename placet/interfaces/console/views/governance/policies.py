"""A policy set in words, question by question: what may be proposed, who decides, what a mandate clears."""

from dataclasses import dataclass
from typing import Final

from placet.contracts.text import NAME, WORDS, one_line
from placet.governance.policy.authoring.gate_words import terms_in_words
from placet.governance.policy.question import Action
from placet.governance.policy.scope import actions, roles_in
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import Policy
from placet.governance.policy.terms import may_ask, terms_of
from placet.interfaces.console.views.common import roles_in_words

_QUESTIONS: Final[dict[Action, tuple[str, str]]] = {
    "propose": ("What an agent may put before people", "Nothing: every proposal is denied."),
    "decide": ("Who may decide", "Nobody."),
    "commit": ("What a mandate may clear without a decision each", "Nothing: people decide each proposal."),
    "promote": (
        "Which stages of rollouts may begin without a signature on each",
        "None: a person signs each stage.",
    ),
    "authorise": ("Who may sign a mandate", "Nobody."),
    "lift": ("Who may lift a halt", "Nobody."),
    "merge": ("Who may merge two ids of one customer, or split them", "Nobody."),
}


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One policy.

    Attributes:
        description: Its author's words; empty where there are none.
        asks: What it asks of people before what it permits; empty where it asks nothing by itself.
        roles: The roles that it names, in words.
        text: As it is written.
    """

    name: str
    permits: bool
    description: str
    asks: str
    roles: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and the policies that answer it; what none permits is denied."""

    title: str
    nothing: str
    lines: tuple[PolicyLine, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """The set in force for one agent.

    Attributes:
        digest: Its version; empty where there is none.
        fault: Why everything is denied; empty where the set is in order.
    """

    agent: str
    digest: str
    questions: tuple[Asked, ...]
    fault: str = ""


def in_force_of(agent: str, policies: PolicySet) -> InForce:
    """Return a set in words."""
    return InForce(agent, policies.digest, tuple(_asked(action, policies) for action in _QUESTIONS))


def unreadable(agent: str, why: str) -> InForce:
    """Return what is shown where there is no set in order; `why` is empty for who may not know more."""
    fault = f"The policies of {agent} are not in order, so that everything is denied"
    return InForce(agent, "", (), f"{fault}: {one_line(why)}" if why else f"{fault}.")


def _asked(action: Action, policies: PolicySet) -> Asked:
    lines = [_line(policy, action) for policy in policies.policies if action in actions(policy.node)]
    # Forbids come first: they outrank every permit.
    return Asked(*_QUESTIONS[action], tuple(sorted(lines, key=lambda line: line.permits)))


def _line(policy: Policy, action: Action) -> PolicyLine:
    asks = action == "propose" and may_ask(policy.node)
    return PolicyLine(
        name=one_line(policy.id.replace("_", " ").replace("-", " "), NAME),
        permits=policy.node.effect == "permit",
        description=policy.description,
        asks=one_line(terms_in_words(terms_of(policy.node)).replace("_", " "), WORDS) if asks else "",
        roles=roles_in_words(tuple(sorted(roles_in(policy.text)))),
        where=policy.where,
        text=policy.text,
    )
