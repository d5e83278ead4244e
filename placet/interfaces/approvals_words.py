"""How far the approvals of a gate have come, and who could still decide, in words."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from placet.contracts.people.decision import Verdict
from placet.contracts.run import RunState
from placet.contracts.text import NAME, one_line
from placet.contracts.times import minute
from placet.governance.policy.authoring.explain import Approver
from placet.governance.policy.authoring.so_far import Approval, SoFar
from placet.governance.policy.authoring.why import Explained

_OURS: Final = re.compile(r"[0-9]{1,2} more must approve")


class Person(NamedTuple):
    """Whether somebody could approve now, whatever keys and delegations they have.

    Attributes:
        stead: In whose stead they could; empty for their own name, and where they could not.
        explained: What policy says where it says no.
    """

    name: str
    allowed: bool
    stead: str
    because: str
    explained: tuple[Explained, ...]


def people_of(ways: Sequence[Approver]) -> tuple[Person, ...]:
    """Return each person once: by the first way in which they could approve, or with every reason why not."""
    return tuple(
        _person(name, [way for way in ways if way.name == name]) for name in dict.fromkeys(w.name for w in ways)
    )


def own_approval(known: SoFar | None, name: str, you: str = "You") -> str:
    """Tell somebody that they have acted in an approval that counts; empty where they have not.

    Args:
        known: How far the approvals have come.
        name: Who would decide.
        you: What they are called.
    """
    found = known.of(name) if known is not None else None
    if found is None:
        return ""
    at, stead = minute(found.at), f" in the stead of {found.delegated_by}" if found.delegated_by else ""
    did = f"{you} approved it{stead}" if found.approver == name else f"{found.approver} approved it{stead}"
    missing = known.missing if known is not None else 0
    return f"{did} at {at}; {'somebody else must sign as well' if missing else 'nobody is missing any more'}"


def before_signing(known: SoFar | None, verdict: Verdict, name: str) -> str:
    """Say what the signature of `name` does where several must approve; empty where one suffices, or it says no."""
    if known is None or known.quorum == 1 or verdict not in ("approve", "amend"):
        return ""
    if verdict == "approve" and (own := own_approval(known, name)):
        return f"{own}."
    must = f"{known.quorum} people must approve{', each in another role' if known.distinct_roles else ''}"
    names = [_acted(one) for one in known.approvals]
    have = f"{_joined(names)} {'have' if len(names) > 1 else 'has'}" if names else "nobody has yet"
    if verdict == "amend":
        return (
            f"{must}; {have}. Your change makes another proposal: earlier approvals count no longer, and policy is "
            "asked again how many must approve it."
        )
    after = known.missing - 1
    then = "with this signature it goes to execution, after the last checks"
    if after > 0:
        then = f"{'one' if after == 1 else after} more must sign after you"
    return f"{must}; {have}; {then}."


def _acted(one: Approval) -> str:
    stead = f" in the stead of {one_line(one.delegated_by, NAME)}" if one.delegated_by else ""
    return f"{one_line(one.approver, NAME)}{stead}"


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def ours(state: RunState, detail: str | None) -> str:
    """Return a run's detail as a sentence where it is our own; empty where it may hold words of others."""
    told = state == "awaiting_decision" and detail is not None and _OURS.fullmatch(detail)
    return f"{detail}." if told else ""


def _person(name: str, ways: Sequence[Approver]) -> Person:
    could = next((way for way in ways if way.allowed), None)
    if could is not None:
        return Person(name, True, could.delegated_by or "", could.because, ())
    # Of a key that counts no longer nobody need hear where another one of theirs was asked about.
    asked = [way for way in ways if way.explained is not None] or ways
    told = dict.fromkeys((f"in the stead of {w.delegated_by}: " if w.delegated_by else "") + w.because for w in asked)
    unlike: list[Explained] = []
    for way in asked:
        if way.explained is not None and not way.could_reject and way.explained not in unlike:
            unlike.append(way.explained)
    return Person(name, False, "", "; ".join(told), tuple(unlike))
