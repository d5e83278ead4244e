"""Whether every policy set that is asked permits what somebody signed."""

from collections.abc import Callable, Iterable

from placet.contracts.people.approver import EnrolledKey
from placet.errors import DecisionRefused
from placet.governance.policy.answer import PolicyAnswer
from placet.governance.policy.question import Action
from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.storage.transaction import Transaction

Permitting = dict[PolicySet, tuple[str, ...]]
"""Maps each set that was asked to the policies of it that permit."""


def entitle(
    key: EnrolledKey, asked: Iterable[PolicySet], ask: Callable[[PolicySet], PolicyAnswer], *, action: Action, to: str
) -> Permitting:
    """Return the policies of each set that permit the holder of `key` to do something; every set must.

    Args:
        key: What was signed with.
        asked: The sets.
        ask: Asks one of them.
        action: The action's name in policies.
        to: What is to be done, for people: "lift halt-1".

    Raises:
        DecisionRefused: code `unentitled`; a set does not permit it, or there is none.
    """
    permitting: Permitting = {}
    for policy_set in {one.digest: one for one in asked}.values():
        answer = ask(policy_set)
        if not answer.allowed:
            because = f" by {', '.join(answer.policies)}" if answer.policies else ""
            raise DecisionRefused(
                f"{key.name!r} may not {to}: {answer.detail}{because} (policy set {policy_set.digest[:16]}); "
                f"{policy_set.asks(action, key)}",
                code="unentitled",
            )
        permitting[policy_set] = answer.policies
    if not permitting:
        raise DecisionRefused(f"no policy set is in force, so that nobody may {to}", code="unentitled")
    return permitting


def keep_entitling(tx: Transaction, tenant: str, permitting: Permitting) -> dict[str, list[str]]:
    """Keep the sets that were asked; return what the record says: the permitting policies by the set's digest."""
    for policy_set in permitting:
        tx.artifacts.put(tenant, POLICY_SET_MEDIA_TYPE, policy_set.document)
    return {policy_set.digest: list(policies) for policy_set, policies in permitting.items()}
