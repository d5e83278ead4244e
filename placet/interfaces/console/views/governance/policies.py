"""A policy set in words, question by question: what may be proposed, who decides, what a mandate clears."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.people.policy_signature import PolicySignature
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import NAME, WORDS, one_line
from placet.contracts.times import minute, moment
from placet.governance.policy.authoring.gate_words import terms_in_words
from placet.governance.policy.question import Action
from placet.governance.policy.scope import actions, roles_in
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import Policy
from placet.governance.policy.terms import may_ask, terms_of
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.console.views.common import Badge, roles_in_words
from placet.interfaces.console.views.statement import Row, ToSign
from placet.service.documents.policy_signatures import ShownSignature, State

_SHOWN: Final = 16
"""Of a digest, in characters."""
_STATES: Final[dict[State, Badge]] = {
    "in_force": Badge("In force", "good"),
    "other_policies": Badge("Other policies are in force", "quiet"),
    "over": Badge("Over", "quiet"),
    "withdrawn": Badge("Withdrawn", "quiet"),
    "does_not_count": Badge("Does not count", "bad"),
}

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
        promotes: Whether a policy of it permits that stages of rollouts begin without a signature on each.
        fault: Why everything is denied; empty where the set is in order.
    """

    agent: str
    digest: str
    questions: tuple[Asked, ...]
    promotes: bool = False
    fault: str = ""


def in_force_of(agent: str, policies: PolicySet) -> InForce:
    """Return a set in words."""
    questions = tuple(_asked(action, policies) for action in _QUESTIONS)
    return InForce(agent, policies.digest, questions, promotes=bool(policies.promoting(agent)))


def unreadable(agent: str, why: str) -> InForce:
    """Return what is shown where there is no set in order; `why` is empty for who may not know more."""
    fault = f"The policies of {agent} are not in order, so that everything is denied"
    return InForce(agent, "", (), fault=f"{fault}: {one_line(why)}" if why else f"{fault}.")


@dataclass(frozen=True, slots=True)
class SignatureShown:
    """A signature on a policy set.

    Attributes:
        open: Whether it can still be withdrawn.
    """

    signature_id: str
    agent: str
    badge: Badge
    detail: str
    policy_set: str
    policies: str
    most: str
    signer: str
    signed_at: datetime
    until: datetime
    reason: str
    open: bool


def signature_of(one: ShownSignature) -> SignatureShown:
    """Return how a signature on a policy set is shown."""
    signed = one.signature
    by = f"by {one.withdrawn_by}" if one.withdrawn_by else ""
    return SignatureShown(
        signature_id=one.signature_id,
        agent=signed.agent,
        badge=_STATES[one.state],
        detail=one_line(one.detail or by, WORDS),
        policy_set=signed.policy_set,
        policies=", ".join(one_line(policy, NAME) for policy in signed.policies),
        most=share_in_words(signed.most),
        signer=signed.signer,
        signed_at=one.signed_at,
        until=signed.valid_until,
        reason=signed.reason,
        open=one.state not in ("withdrawn", "over"),
    )


def signature_to_sign(payload: bytes, signature: PolicySignature, policies: PolicySet) -> ToSign:
    """Return how the signature on a policy set is shown; `policies` is the set in force."""
    most, until = share_in_words(signature.most), minute(signature.valid_until)
    named = {one.id: one for one in policies.policies if one.id in signature.policies}
    notes = () if policies.digest == signature.policy_set else ("Another set is in force: this will not count.",)
    return ToSign(
        title="Let policy begin stages of rollouts?",
        sentence=(
            f"After a look at which all guard rails of a strategy passed, these policies of {signature.agent} may "
            f"begin its next stage without a signature on it, up to {most} of its cohort, until {until}. Once a file "
            "of the set changes, it counts no more."
        ),
        button="Let policy begin them, with your passkey",
        tone="good",
        rows=(
            Row("Application", signature.agent),
            Row("Policy set", f"{signature.policy_set[:_SHOWN]}…"),
            Row("Policies", ", ".join(one_line(policy, NAME) for policy in signature.policies)),
            Row("Largest share", most),
            Row("Until", moment(signature.valid_until)),
            Row("Signed by", signature.signer),
            Row("Signed at", moment(signature.signed_at)),
        ),
        reason=signature.reason,
        digest=sha256_hex(payload),
        back="/governance/policies",
        beside="It names the set by its digest. What the policies say is read from the files in force.",
        notes=notes,
        theirs=tuple((f"Policy {one_line(name, NAME)}", one.text) for name, one in named.items()),
    )


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
