"""What a policy set's author should be told although the set is in force.

Policies that never have a say, permits that reach further than their author may have meant, and gate terms that cannot
be met. Every finding is certain from the policies' structure; what cannot be seen there for certain is not reported.
"""

from collections.abc import Iterator, Sequence
from typing import get_args

from placet.contracts.money import minor_digits
from placet.contracts.people.halt import HaltScope
from placet.contracts.proposal import MutationKind
from placet.contracts.strategies.rollout import Measure
from placet.errors import PolicyError
from placet.governance.policy.authoring.bounds import missing_four_eyes, over_broad
from placet.governance.policy.authoring.logic import (
    FALSE,
    TRUE,
    attribute,
    condition,
    contradictory,
    entails,
    implied,
    inclusion,
    membership,
    walk,
)
from placet.governance.policy.scope import actions, covers
from placet.governance.policy.source import Finding, Policy, PolicyFile, parse, shipped_schema
from placet.governance.policy.terms import combined, may_ask, terms_of

_CURRENCIES = {attribute("resource", "currency"), attribute("principal", "limit_currency")}
_KINDS = {attribute("resource", "kind"), attribute("resource", "kinds")}
_SCOPE = attribute("resource", "scope")
_PASSED = attribute("resource", "passed")


def check(files: Sequence[PolicyFile]) -> tuple[Finding, ...]:
    """List everything to say about a set: the errors for which it would be refused, then the warnings."""
    policies, faults = parse(files, shipped_schema())
    order = [file.name for file in files]
    warnings = sorted(lint(policies), key=lambda finding: (order.index(finding.file), finding.line))
    if not faults and not any(policy.node.effect == "permit" for policy in policies):
        message = "the set has no permit: everything is denied"
        warnings.append(
            Finding(severity="warning", code="no_permit", file=order[0], line=1, policy=None, message=message)
        )
    return (*faults, *warnings)


def lint(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Yield the warnings about policies that parse."""
    for policy in policies:
        yield from _unknown_values(policy)
        unreachable = [*_never_true(policy), *_overridden(policy, policies)]
        yield from unreachable
        if policy.node.clauses and condition(policy.node) == TRUE:
            yield policy.warning("always_true", "has conditions that always hold; leave them out or mend them")
        if policy.node.effect == "permit" and not unreachable:
            yield from {finding.code: finding for finding in over_broad(policy)}.values()
            yield from _terms(policy, policies)
    yield from missing_four_eyes(policies)


def _never_true(policy: Policy) -> Iterator[Finding]:
    whole = condition(policy.node)
    if whole == FALSE or contradictory(implied(whole)):
        yield policy.warning("never_true", "is unreachable: its conditions can never all hold")


def _overridden(policy: Policy, policies: Sequence[Policy]) -> Iterator[Finding]:
    if policy.node.effect == "forbid":
        return
    mine, facts = actions(policy.node), implied(condition(policy.node))
    left = set(mine)
    by: list[Policy] = []
    for other in policies:
        shared = left & actions(other.node)
        applies = other.node.effect == "forbid" and shared and covers(other.node, policy.node)
        if applies and entails(facts, condition(other.node)):
            left -= shared
            by.append(other)
    if mine and not left:
        forbids = ", ".join(f"{other.id!r} ({other.where})" for other in by)
        yield policy.warning("unreachable", f"is unreachable: whatever it permits is forbidden by {forbids}")


def _terms(policy: Policy, policies: Sequence[Policy]) -> Iterator[Finding]:
    """Report gate terms that cannot be met with those of permits that hold whenever this one does.

    Report also a reminder or an escalation that may never come, since the gate may close before it.
    """
    if not may_ask(policy.node):
        return
    terms, facts = terms_of(policy.node), implied(condition(policy.node))
    for other in policies:
        if other is policy or not may_ask(other.node) or not covers(other.node, policy.node):
            continue
        if entails(facts, condition(other.node)):
            try:
                combined({policy.id: terms, other.id: terms_of(other.node)})
            except PolicyError as error:
                message = f"lets nothing be proposed: {other.id!r} ({other.where}) holds whenever it does, and {error}"
                yield policy.warning("gate_conflict", message)
    if terms.expire_after is None and (terms.remind_after or terms.escalate_after):
        message = "names a reminder or an escalation but no @gate_expire_after: the application's may come before it"
        yield policy.warning("gate_open_end", message)


def _unknown_values(policy: Policy) -> Iterator[Finding]:
    for expr in walk(policy.node.clauses):
        compared = membership(expr) or inclusion(expr)
        if compared is None:
            continue
        subject, values = compared
        if subject in _KINDS:
            yield from _unknown(policy, "kind", values, get_args(MutationKind), "which no mutation is")
        elif subject == _PASSED:
            yield from _unknown(policy, "measure", values, get_args(Measure), "which no guard rail has")
        elif subject == _SCOPE:
            yield from _unknown(policy, "scope", values, get_args(HaltScope), "which no halt has")
        elif subject in _CURRENCIES:
            for value in values:
                if not _is_currency(str(value)):
                    message = f"compares with {value!r}, which is no ISO 4217 currency"
                    yield policy.warning("unknown_currency", message)


def _unknown(
    policy: Policy, what: str, values: Sequence[object], known: Sequence[str], because: str
) -> Iterator[Finding]:
    for value in sorted({str(value) for value in values} - set(known)):
        message = f"compares with {what} {value!r}, {because}; known: {', '.join(known)}"
        yield policy.warning(f"unknown_{what}", message)


def _is_currency(code: str) -> bool:
    try:
        minor_digits(code)
    except ValueError:
        return False
    return True
