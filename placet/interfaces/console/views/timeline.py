"""A run told as its four steps: what has happened in each, who did it, and what it waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from placet.contracts.audit import BESIDES, AuditEvent
from placet.contracts.run import END_STATES, RunState
from placet.contracts.text import NAME, one_line
from placet.interfaces.record_words import in_words

Progress = Literal["done", "under way", "waits for people", "stopped", "not reached"]

_TITLES: Final = ("Analyse the history", "Read billing", "Propose one change", "Decide and execute")
_TITLES_BACK: Final = ("Look at what was done", "Read billing", "Propose to take it back", "Decide and execute")
_STEP: Final = {"analyse": 1, "query_billing": 2, "propose": 3}
_LAST: Final = 4
MOST_LINES: Final = 100
"""Of a step: whoever sends thousands of signals must not make a page that no browser bears."""

_AT: Final[dict[RunState, int]] = {
    "analysing": 1,
    "querying": 2,
    "proposing": 3,
    "awaiting_decision": 4,
    "executing": 4,
    "unknown_outcome": 4,
}
_REACHED: Final = {"analyse.completed": 2, "query_billing.completed": 3, "propose.completed": 4}
_GOOD: Final = frozenset({"executed"})


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the record in words; `kind` and `digest` are for engineers."""

    number: int
    at: datetime
    actor: str
    words: str
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four steps.

    Attributes:
        lines: `MOST_LINES` of its entries: the newest of the run's own, then of what was added beside them.
        left_out: How many others there are.
    """

    number: int
    title: str
    progress: Progress
    lines: tuple[Line, ...]
    left_out: int = 0


def timeline(
    state: RunState, events: Sequence[AuditEvent], faults: Mapping[int, str] = MappingProxyType({})
) -> tuple[Step, ...]:
    """Return the steps of a run, each with its entries of the record; `faults` by number says which do not verify."""
    back = any(event.kind == "run.requested" and event.body.get("reverses") for event in events)
    lines: dict[int, list[Line]] = {number: [] for number in range(1, _LAST + 1)}
    at = 1
    for event in events:
        step = _STEP.get(event.kind.partition(".")[0])
        if step is None:
            step = at if event.kind.startswith("run.") else _LAST
        fault = faults.get(event.seq, "")
        line = line_of(event, fault)
        lines[step].append(_of_reversal(event, line) if back and not fault else line)
        at = at if fault else max(at, _REACHED.get(event.kind, at))
    proposed = _proposed([event for event in events if event.seq not in faults])
    return tuple(
        Step(number, title, _progress(number, state, at, proposed=proposed), *_newest(lines[number]))
        for number, title in enumerate(_TITLES_BACK if back else _TITLES, 1)
    )


def line_of(event: AuditEvent, fault: str = "") -> Line:
    """Return one entry of the record as a line."""
    actor = one_line(event.actor, NAME)
    return Line(event.seq, event.at, actor, words_of(event, fault), one_line(event.kind, NAME), event.hash)


def words_of(event: AuditEvent, fault: str) -> str:
    """Return what an entry says; of one that does not verify, that first, since anybody may have written its words."""
    words = in_words(event)
    return f"This entry does not verify: {one_line(fault)}. As it stands now it says: {words}" if fault else words


def _of_reversal(event: AuditEvent, line: Line) -> Line:
    """Return the line of a reversal's entry: nobody assesses a risk to take something back."""
    if event.kind != "analyse.completed":
        return line
    return replace(line, words="looked at what the run that is to be taken back had done; no risk is assessed for it")


def _newest(lines: Sequence[Line]) -> tuple[tuple[Line, ...], int]:
    """Return the lines that are shown: however often somebody looked at or shared a run, its own steps are."""
    own = [place for place, line in enumerate(lines) if line.kind not in BESIDES][-MOST_LINES:]
    beside = [place for place, line in enumerate(lines) if line.kind in BESIDES]
    room = MOST_LINES - len(own)
    shown = sorted([*own, *(beside[-room:] if room else ())])
    return tuple(lines[place] for place in shown), len(lines) - len(shown)


def _proposed(events: Sequence[AuditEvent]) -> bool:
    return any(event.kind == "propose.completed" and event.body.get("proposal") for event in events)


def _progress(number: int, state: RunState, at: int, *, proposed: bool) -> Progress:
    if state in END_STATES:
        return _ended(number, state, at, proposed=proposed)
    here = _AT[state]
    if number != here:
        return "done" if number < here else "not reached"
    return "waits for people" if state in ("awaiting_decision", "unknown_outcome") else "under way"


def _ended(number: int, state: RunState, at: int, *, proposed: bool) -> Progress:
    if state in _GOOD:
        return "done"
    if state == "no_action" and not proposed:
        return "done" if number < _LAST else "not reached"
    if number == at:
        return "stopped"
    return "done" if number < at else "not reached"
