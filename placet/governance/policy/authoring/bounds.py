"""What a permit ought to bound, and what a set ought to forbid: over-broad permits and missing four eyes."""

from collections.abc import Callable, Iterator, Sequence

from cedarpy import pst

from placet.governance.policy.authoring.logic import (
    TRUE,
    Facts,
    at_most,
    attribute,
    condition,
    entails,
    equal,
    implied,
    membership,
)
from placet.governance.policy.question import Action
from placet.governance.policy.scope import PRINCIPALS, actions, unconstrained
from placet.governance.policy.source import Finding, Policy

LIMIT = attribute("principal", "limit_minor")
LIMIT_CURRENCY = attribute("principal", "limit_currency")
CURRENCY = attribute("resource", "currency")
SHARE = attribute("resource", "to_percent")
ADDED = attribute("resource", "customers_added")

_AMOUNTS: dict[Action, str] = {"commit": "cost_minor", "decide": "cost_minor", "authorise": "budget_minor"}
"""What of the resource each question is about giving away."""

_DOING: dict[Action, str] = {
    "decide": "deciding",
    "authorise": "signing mandates",
    "lift": "lifting halts",
    "merge": "merging customers",
}

_SECOND_EYES: dict[Action, tuple[str, str]] = {
    "decide": ("triggered_by", "triggered the run"),
    "authorise": ("drafted_by", "drafted the mandate"),
    "lift": ("placed_by", "placed the halt"),
    "merge": ("drafted_by", "drafted the merge"),
}
"""Whom four eyes keep from each question: the attribute that names them, and what they did."""


def over_broad(policy: Policy) -> Iterator[Finding]:
    """Report where a permit reaches further than its author may have meant."""
    whole = condition(policy.node)
    asked = actions(policy.node)
    if whole == TRUE and unconstrained(policy.node.principal) and unconstrained(policy.node.resource):
        listed = " and ".join(sorted(asked))
        yield policy.warning("over_broad", f"is over-broad: it permits everybody to {listed} everything")
        return
    facts = implied(whole)
    for action in sorted(asked):
        if PRINCIPALS[action] == "Person" and not _same_tenant(facts):
            message = f"is over-broad: it permits {_DOING[action]} without `principal.tenant == resource.tenant`"
            yield policy.warning("no_tenant_check", message)
        if action == "promote" and not _capped(facts, SHARE) and not _capped(facts, ADDED):
            message = (
                "is over-broad: it lets stages begin without a person whatever their size; cap `resource.to_percent` "
                "or `resource.customers_added`"
            )
            yield policy.warning("no_stage_cap", message)
        if action in _AMOUNTS:
            yield from _missing_bounds(policy, action, facts)


def _missing_bounds(policy: Policy, action: Action, facts: Facts) -> Iterator[Finding]:
    name = _AMOUNTS[action]
    amount, told = attribute("resource", name), name.removesuffix("_minor")
    limited = at_most(amount, LIMIT) in facts or pst.BinaryOp("less", amount, LIMIT) in facts
    capped = _capped(facts, amount)
    if action == "commit" and not capped:
        message = "is over-broad: it commits without a person whatever the cost; cap `resource.cost_minor`"
        yield policy.warning("no_cap", message)
    if action != "commit" and not limited and not capped:
        message = (
            f"is over-broad: it permits {_DOING[action]} whatever the {told}; compare it with `principal.limit_minor`"
        )
        yield policy.warning("no_limit_check", message)
    if limited and equal(LIMIT_CURRENCY, CURRENCY) not in facts and not _pinned(facts, LIMIT_CURRENCY):
        message = (
            f"compares the {told} with a limit that may be in another currency; add `principal.limit_currency == …`"
        )
        yield policy.warning("no_currency_check", message)
    if capped and not limited and not _pinned(facts, CURRENCY):
        message = (
            f'caps the {told} in any currency: 100.00 USD is 10000, and so is 10000 JPY; add `resource.currency == "…"`'
        )
        yield policy.warning("no_currency_check", message)


def missing_four_eyes(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Report each action of persons that is permitted although no policy enforces four eyes for it."""
    for action, (named, did) in _SECOND_EYES.items():
        permits = [policy for policy in policies if policy.node.effect == "permit" and action in actions(policy.node)]
        if permits and not any(_is_four_eyes(policy, action, named) for policy in policies):
            message = (
                f"permits {_DOING[action]}, and no policy forbids it to who {did} (four eyes): "
                f"forbid … when {{ principal.name == resource.{named} }}"
            )
            yield permits[0].warning("no_four_eyes", message)


def _is_four_eyes(policy: Policy, action: Action, named: str) -> bool:
    node = policy.node
    same = equal(attribute("principal", "name"), attribute("resource", named))
    return (
        node.effect == "forbid"
        and action in actions(node)
        and unconstrained(node.principal)
        and unconstrained(node.resource)
        and entails(frozenset({same}), condition(node))
    )


def _same_tenant(facts: Facts) -> bool:
    mine, its = attribute("principal", "tenant"), attribute("resource", "tenant")
    return equal(mine, its) in facts or (_pinned(facts, mine) and _pinned(facts, its))


def _pinned(facts: Facts, subject: pst.Expr) -> bool:
    """Return whether the facts say which value, or which few, the subject has."""
    return _any(
        facts, lambda fact: (member := membership(fact)) is not None and member[0] == subject and _positive(fact)
    )


def _positive(fact: pst.Expr) -> bool:
    return isinstance(fact, pst.BinaryOp) and fact.op in {"eq", "contains"}


def _capped(facts: Facts, amount: pst.Expr) -> bool:
    def caps(fact: pst.Expr) -> bool:
        bounded = isinstance(fact, pst.BinaryOp) and fact.op in {"less", "less_eq"} and fact.left == amount
        return bounded and isinstance(fact, pst.BinaryOp) and isinstance(fact.right, pst.LongLit)

    return _any(facts, caps) or _pinned(facts, amount)


def _any(facts: Facts, holds: Callable[[pst.Expr], bool]) -> bool:
    return any(holds(fact) for fact in facts)
