"""Small things that several pages show: states, money with its currency, the colour of a state."""

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from placet.contracts.people.halt import HaltScope
from placet.contracts.run import RunState
from placet.contracts.text import NAME, one_line

Tone = Literal["quiet", "busy", "waits", "good", "bad"]

LEAVING: Final = re.compile(r"(less than 1|\d{1,3}) % of customers like this one leave", re.ASCII)
"""How `placet.decisioning.words` writes a rate of leaving."""

_STATES: Final[dict[RunState, tuple[str, Tone]]] = {
    "analysing": ("Analysing", "busy"),
    "querying": ("Reading billing", "busy"),
    "proposing": ("Weighing", "busy"),
    "awaiting_decision": ("Waits for a decision", "waits"),
    "executing": ("Executing", "busy"),
    "executed": ("Executed", "good"),
    "no_action": ("Nothing proposed", "quiet"),
    "rejected": ("Rejected", "bad"),
    "denied": ("Denied by policy", "bad"),
    "expired": ("Expired undecided", "quiet"),
    "halted": ("Halted", "bad"),
    "failed": ("Failed", "bad"),
    "unknown_outcome": ("Outcome unknown", "waits"),
    "cancelled": ("Cancelled", "quiet"),
}


MUTATIONS: Final[dict[str, str]] = {"adjust_balance": "Credits and debits", "order_product": "Orders of products"}
"""Kinds of mutation, as people call them."""


def kind_in_words(kind: str) -> str:
    """Return a kind of mutation as people call it; one that is not known here, by its code in words."""
    return MUTATIONS.get(kind, one_line(kind, NAME).replace("_", " "))


CONSOLE_ROLES: Final[dict[str, str]] = {
    "operator": "start runs, stop executions",
    "auditor": "read everything, the record and oversight as well",
    "administrator": "invite people, enroll and revoke keys, stop executions",
}
"""Roles that decide nothing, with what they permit in this console."""


class Powers(NamedTuple):
    """What somebody's roles permit.

    Attributes:
        decides: The roles in which they decide, in words; empty where they decide nothing.
        may: Each other role, with what it permits.
    """

    decides: str
    may: tuple[tuple[str, str], ...]


def powers_of(roles: Iterable[str]) -> Powers:
    """Return what roles permit, in words."""
    held = tuple(roles)
    decides = ", ".join(one_line(role, NAME).replace("_", " ") for role in held if role not in CONSOLE_ROLES)
    return Powers(decides, tuple((role, CONSOLE_ROLES[role]) for role in held if role in CONSOLE_ROLES))


class Badge(NamedTuple):
    """A state in words, and how it is coloured; the words alone say it."""

    text: str
    tone: Tone


_REVERSED: Final = Badge("Executed, then reversed", "quiet")


def badge_of(state: RunState, *, taken_back: object = None) -> Badge:
    """Return the badge of a run's state; `taken_back`: whether another run has undone what it did, or which one."""
    if state == "executed" and taken_back:
        return _REVERSED
    return Badge(*_STATES[state])


def state_choices() -> tuple[tuple[str, str], ...]:
    """Return every state with its words, for a list to choose from."""
    return tuple((state, words) for state, (words, _) in _STATES.items())


def in_ten(per_cent: int) -> str:
    """Return a rate as people picture it: `about 4 in 10`."""
    tenths = (per_cent + 5) // 10
    return "fewer than 1 in 10" if tenths < 1 else f"about {tenths} in 10"


def pictured(sentence: str) -> str:
    """Return a sentence of the arithmetic with a rate of leaving as people picture it, and the exact one behind it."""
    found = LEAVING.fullmatch(sentence)
    if found is None:
        return sentence
    rate = in_ten(0 if found[1].startswith("less") else int(found[1]))
    return f"{rate} customers like this one leave ({found[1]} %)"


def treatment_in_words(code: str, name: str | None = "") -> str:
    """Return the one name of a treatment: as its application calls it, or its code in words where that is not known."""
    return one_line(name or code.replace("_", " "), NAME)


def roles_in_words(roles: tuple[str, ...]) -> str:
    """Return roles as people read them: `retention lead or finance`."""
    return " or ".join(one_line(role, NAME).replace("_", " ") for role in roles)


def stopped(scope: HaltScope, subject: str) -> str:
    """Return what a halt stops, in words."""
    if scope == "tenant":
        return "everything"
    name = kind_in_words(subject)
    return f"what {name} proposes" if scope == "agent" else name.lower()


def first_upper(text: str) -> str:
    """Return a sentence with its first letter in upper case; the rest stays as it is."""
    return text[:1].upper() + text[1:]
