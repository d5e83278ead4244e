"""The figures of the live state that a mapping may have a run read: those that a window has, and no other.

A window says 0 of what did not happen. So a name that no window ever has would be 0 for every customer, unnoticed.
"""

from difflib import get_close_matches

from placet.contracts.money import CURRENCIES
from placet.contracts.state import AMOUNTS, FIGURES

_WHERE = "docs/operations.md lists them"


def figure_fault(read: str) -> str:
    """Say what is wrong with the figure of a `state.DAYS.FIGURE`; empty where nothing is, or it is no such thing."""
    kind, _, rest = read.partition(".")
    if kind != "state":
        return ""
    figure = rest.partition(".")[2]
    name, colon, currency = figure.partition(":")
    if name in AMOUNTS:
        if currency in CURRENCIES:
            return ""
        wrong = f"{currency!r} is no currency" if colon else "an amount needs its currency"
        return f"run reads {read!r}: {wrong}; write it like {name + ':USD'!r}"
    if name in FIGURES:
        return f"run reads {read!r}: {name!r} is no amount; leave {colon + currency!r} out" if colon else ""
    near = get_close_matches(name, [*FIGURES, *AMOUNTS], n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? {_WHERE}" if near else _WHERE
    return f"run reads {read!r}, but no window has a figure {name!r}; {hint}"


def docs_table() -> str:
    """Return the table of figures in docs/operations.md."""
    counts = [f"| `{name}` | {about} |" for name, about in FIGURES.items()]
    amounts = [f"| `{name}:USD` | minor units {about}, in that currency alone |" for name, about in AMOUNTS.items()]
    return "\n".join(["| `FIGURE` | what it is |", "|---|---|", *counts, *amounts])
