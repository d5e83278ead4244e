"""Small things that several pages show: states, money with its currency, the colour of a state."""

from typing import Final, Literal, NamedTuple

from placet.contracts.run import RunState
from placet.contracts.text import NAME, one_line

Tone = Literal["quiet", "busy", "waits", "good", "bad"]

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


class Badge(NamedTuple):
    """A state in words, and how it is coloured; the words alone say it."""

    text: str
    tone: Tone


def badge_of(state: RunState) -> Badge:
    """Return the badge of a run's state."""
    return Badge(*_STATES[state])


def state_choices() -> tuple[tuple[str, str], ...]:
    """Return every state with its words, for a list to choose from."""
    return tuple((state, words) for state, (words, _) in _STATES.items())


def roles_in_words(roles: tuple[str, ...]) -> str:
    """Return roles as people read them: `retention lead or finance`."""
    return " or ".join(one_line(role, NAME).replace("_", " ") for role in roles)
