"""What a gate asks of people, in plain words."""

from collections.abc import Sequence
from datetime import timedelta

from placet.contracts.base import Frozen
from placet.contracts.gate import Gate
from placet.contracts.text import counted, spoken, spoken_list
from placet.governance.policy.source import PolicyFile, parse, shipped_schema
from placet.governance.policy.terms import PermitTerms, may_ask, terms_of

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class PermitGate(Frozen):
    """What one permit to propose asks of people, as `placet policy check` shows it."""

    policy: str
    where: str
    terms: PermitTerms
    words: str


def gates(files: Sequence[PolicyFile]) -> tuple[PermitGate, ...]:
    """Return what each permit to propose in `files` asks for; of a set with errors, only those that can be read."""
    policies, _ = parse(files, shipped_schema())
    asking = [(policy, terms_of(policy.node)) for policy in policies if may_ask(policy.node)]
    return tuple(
        PermitGate(policy=policy.id, where=policy.where, terms=terms, words=terms_in_words(terms))
        for policy, terms in asking
    )


def terms_in_words(terms: PermitTerms) -> str:
    """Describe the terms of a permit: `1 person holding retention lead must approve; closes after 3 days`."""
    parts = [
        _people(terms),
        "each in another of these roles" if terms.distinct_roles else "",
        f"reminder after {duration_in_words(terms.remind_after)}" if terms.remind_after is not None else "",
        f"after {duration_in_words(terms.escalate_after)} {spoken(terms.escalate_to or '')} may decide as well"
        if terms.escalate_after is not None
        else "",
        f"closes after {duration_in_words(terms.expire_after)}" if terms.expire_after is not None else "",
    ]
    return "; ".join(part for part in parts if part) or "whatever the application asks by itself"


def gate_in_words(gate: Gate) -> str:
    """Describe what a recorded gate asks for; return nothing where it asks nobody."""
    if gate.verdict == "cleared" and gate.clearance is not None:
        clearance = gate.clearance
        return (
            f"nobody; mandate {clearance.name}, signed by {clearance.signer}, gives {clearance.consumed} of its budget"
        )
    if gate.verdict != "human":
        return ""
    # An amended gate keeps the first one's times, which may lie before it was opened.
    after = {
        name: None if due is None else max((due - gate.opened_at) // timedelta(seconds=1), 0)
        for name, due in (("remind", gate.remind_at), ("escalate", gate.escalate_at), ("expire", gate.expires_at))
    }
    return terms_in_words(
        PermitTerms(
            roles=gate.roles,
            quorum=gate.quorum,
            distinct_roles=gate.distinct_roles,
            remind_after=after["remind"],
            escalate_after=after["escalate"],
            escalate_to=gate.escalate_to,
            expire_after=after["expire"],
        )
    )


def duration_in_words(seconds: int) -> str:
    """Write a duration in the largest unit that is exact: `2 days`, `90 minutes`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0 and (seconds or size == 1))
    return counted(seconds // size, unit)


def _people(terms: PermitTerms) -> str:
    if terms.roles is None and terms.quorum is None:
        return ""
    holding = f" holding {spoken_list(terms.roles, ' or ')}" if terms.roles else ""
    if terms.quorum is None:
        return f"people{holding} must approve, as many as the application says"
    return f"{counted(terms.quorum, 'person', 'people')}{holding} must approve"
