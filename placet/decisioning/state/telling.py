"""What a run says of the live state that it read: in a proposal, and without figures to strangers."""

import re
from typing import Final

from placet.contracts.proposal import Reason
from placet.contracts.state import StateRead
from placet.contracts.text import counted, shortened
from placet.contracts.times import minute

STATE: Final = "live_state"
STANDS_OUT: Final = "stands_out"

MOST_SIGNALS: Final = 6
"""Shown to people and to the model; the most urgent come first."""

_DETAIL: Final = 160

# The sentences of `signals`, and what of each a stranger may be told. A sentence that is none of them is not told.
_WITHOUT_FIGURES: Final = tuple(
    (re.compile(pattern, re.ASCII), told)
    for pattern, told in (
        (
            r"a (competitor's|code to take the number away) .{1,60} in the last 30 days",
            "signs of a competitor were seen",
        ),
        (r"\d+ support tickets? (is|are) open", "a support ticket is open"),
        (r"\d+ bills? (was|were) disputed in the last 30 days", "a bill was disputed"),
        (r"the (recharge|payment) is late: .{1,60}", "a recharge or payment is late"),
        (r"the balance was asked for \d+ times in a week", "the balance was asked for often"),
        (r".{1,40} fell by \d+ % against the two months before", "something is used less than before"),
        (r"the network failed for .{1,30} in the last 30 days", "the network had failed"),
        (r"\d+ devices at home have no line of ours", "devices at home have no line of the operator's"),
        (r"the customer was .{1,20} this week", "the customer was away from home"),
    )
)


def stood_out(read: StateRead | None) -> tuple[Reason, ...]:
    """Return the live state that a run read as sentences of its proposal; none where no event is known."""
    if read is None or not read.version or read.newest is None:
        return ()
    about = f"live state as of {minute(read.as_of)}, from {counted(read.version, 'event')}{_not_real(read)}"
    said = read.signals[:MOST_SIGNALS] or ("nothing stands out in it",)
    return (
        Reason(code=STATE, detail=shortened(about, _DETAIL)),
        *(Reason(code=STANDS_OUT, detail=shortened(text, _DETAIL)) for text in said),
    )


def for_the_model(read: StateRead | None) -> str:
    """Return what stands out, as a passage of a prompt; empty where nothing does.

    The sentences are made here, of numbers and closed words: no text of another system is in them.
    """
    if read is None or not read.signals:
        return ""
    said = "; ".join(read.signals[:MOST_SIGNALS])
    return f"Lately, according to recorded events{_not_real(read)}: {said}."


def without_figures(read: StateRead) -> tuple[str, ...]:
    """Return what stood out, in words that a stranger may read: no figure, and no text but what is written here."""
    told = [
        words for text in read.signals[:MOST_SIGNALS] for pattern, words in _WITHOUT_FIGURES if pattern.fullmatch(text)
    ]
    return tuple(dict.fromkeys(told))


def _not_real(read: StateRead) -> str:
    return ", some of which are simulated" if read.simulated else ""
