"""What a policy set's author should be told although the set is in force.

Policies that never have a say, and permits that reach further than their author may have meant.
Every finding is certain from the policies' structure; what cannot be seen there for certain is not reported.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from cedarpy import pst

from placet.contracts.money import minor_digits
from placet.contracts.proposal import MutationKind
from placet.governance.policy_logic import (
    FALSE,
    TRUE,
    Facts,
    at_most,
    attribute,
    condition,
    contradictory,
    entails,
    equal,
    implied,
    membership,
    walk,
)
from placet.governance.policy_question import Action
from placet.governance.policy_scope import actions, covers, unconstrained
from placet.governance.policy_source import Finding, Policy, PolicyFile, parse, shipped_schema

COST = attribute("resource", "cost_minor")
CURRENCY = attribute("resource", "currency")
KIND = attribute("resource", "kind")
LIMIT = attribute("principal", "limit_minor")
LIMIT_CURRENCY = attribute("principal", "limit_currency")
FOUR_EYES = equal(attribute("principal", "name"), attribute("resource", "triggered_by"))


def check(files: Sequence[PolicyFile]) -> tuple[Finding, ...]:
    """Everything to say about a set: the errors for which it would be refused, then the warnings."""
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
    """The warnings about policies that parse."""
    for policy in policies:
        yield from _unknown_values(policy)
        unreachable = [*_never_true(policy), *_overridden(policy, policies)]
        yield from unreachable
        if policy.node.clauses and condition(policy.node) == TRUE:
            yield _warn(policy, "always_true", "has conditions that always hold; leave them out or mend them")
        if policy.node.effect == "permit" and not unreachable:
            yield from {finding.code: finding for finding in _over_broad(policy)}.values()
    yield from _missing(policies)


def _never_true(policy: Policy) -> Iterator[Finding]:
    whole = condition(policy.node)
    if whole == FALSE or contradictory(implied(whole)):
        yield _warn(policy, "never_true", "is unreachable: its conditions can never all hold")


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
        yield _warn(policy, "unreachable", f"is unreachable: whatever it permits is forbidden by {forbids}")


def _unknown_values(policy: Policy) -> Iterator[Finding]:
    for expr in walk(policy.node.clauses):
        compared = membership(expr)
        if compared is None:
            continue
        subject, values = compared
        if subject == KIND:
            for value in sorted(str(value) for value in set(values) - set(get_args(MutationKind))):
                known = ", ".join(get_args(MutationKind))
                yield _warn(
                    policy, "unknown_kind", f"compares with kind {value!r}, which no mutation is; known: {known}"
                )
        elif subject in {CURRENCY, LIMIT_CURRENCY}:
            for value in values:
                if not _is_currency(str(value)):
                    yield _warn(policy, "unknown_currency", f"compares with {value!r}, which is no ISO 4217 currency")


def _over_broad(policy: Policy) -> Iterator[Finding]:
    whole = condition(policy.node)
    asked = actions(policy.node)
    if whole == TRUE and unconstrained(policy.node.principal) and unconstrained(policy.node.resource):
        listed = " and ".join(sorted(asked))
        yield _warn(policy, "over_broad", f"is over-broad: it permits everybody to {listed} everything")
        return
    facts = implied(whole)
    for action in sorted(asked):
        yield from _missing_bounds(policy, action, facts)


def _missing_bounds(policy: Policy, action: Action, facts: Facts) -> Iterator[Finding]:
    if action == "decide" and not _same_tenant(facts):
        message = "is over-broad: it permits deciding without `principal.tenant == resource.tenant`"
        yield _warn(policy, "no_tenant_check", message)
    limited, capped = at_most(COST, LIMIT) in facts or _below(facts, LIMIT), _capped(facts)
    if action == "decide" and not limited and not capped:
        message = "is over-broad: it permits deciding whatever the cost; compare it with `principal.limit_minor`"
        yield _warn(policy, "no_limit_check", message)
    if action == "commit" and not capped:
        message = "is over-broad: it commits without a person whatever the cost; cap `resource.cost_minor`"
        yield _warn(policy, "no_cap", message)
    if limited and equal(LIMIT_CURRENCY, CURRENCY) not in facts and not (_pinned(facts, LIMIT_CURRENCY)):
        message = "compares the cost with a limit that may be in another currency; add `principal.limit_currency == …`"
        yield _warn(policy, "no_currency_check", message)
    if capped and not limited and not _pinned(facts, CURRENCY):
        message = (
            'caps the cost in any currency: 100.00 USD is 10000, and so is 10000 JPY; add `resource.currency == "…"`'
        )
        yield _warn(policy, "no_currency_check", message)


def _missing(policies: Sequence[Policy]) -> Iterator[Finding]:
    permits = [policy for policy in policies if policy.node.effect == "permit"]
    deciding = [policy for policy in permits if "decide" in actions(policy.node)]
    if deciding and not any(_is_four_eyes(policy) for policy in policies):
        message = (
            "permits deciding, and no policy forbids it to who triggered the run (four eyes): "
            "forbid … when { principal.name == resource.triggered_by }"
        )
        yield _warn(deciding[0], "no_four_eyes", message)


def _is_four_eyes(policy: Policy) -> bool:
    node = policy.node
    return (
        node.effect == "forbid"
        and "decide" in actions(node)
        and unconstrained(node.principal)
        and unconstrained(node.resource)
        and entails(frozenset({FOUR_EYES}), condition(node))
    )


def _same_tenant(facts: Facts) -> bool:
    mine, its = attribute("principal", "tenant"), attribute("resource", "tenant")
    return equal(mine, its) in facts or (_pinned(facts, mine) and _pinned(facts, its))


def _pinned(facts: Facts, subject: pst.Expr) -> bool:
    """Whether the facts say which value, or which few, the subject has."""
    return _any(
        facts, lambda fact: (member := membership(fact)) is not None and member[0] == subject and _positive(fact)
    )


def _positive(fact: pst.Expr) -> bool:
    return isinstance(fact, pst.BinaryOp) and fact.op in {"eq", "contains"}


def _capped(facts: Facts) -> bool:
    def caps(fact: pst.Expr) -> bool:
        bounded = isinstance(fact, pst.BinaryOp) and fact.op in {"less", "less_eq"} and fact.left == COST
        return bounded and isinstance(fact, pst.BinaryOp) and isinstance(fact.right, pst.LongLit)

    return _any(facts, caps) or _pinned(facts, COST)


def _below(facts: Facts, bound: pst.Expr) -> bool:
    return pst.BinaryOp("less", COST, bound) in facts


def _any(facts: Facts, holds: Callable[[pst.Expr], bool]) -> bool:
    return any(holds(fact) for fact in facts)


def _is_currency(code: str) -> bool:
    try:
        minor_digits(code)
    except ValueError:
        return False
    return True


def _warn(policy: Policy, code: str, message: str) -> Finding:
    return Finding(
        severity="warning",
        code=code,
        file=policy.file,
        line=policy.line,
        policy=policy.id,
        message=f"{policy.id!r} {message}",
    )
