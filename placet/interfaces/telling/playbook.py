"""Where a tenant stands in its first 90 days, in words that every face shows."""

from collections.abc import Iterator, Mapping
from typing import Final

from placet.contracts.text import counted
from placet.contracts.times import minute
from placet.service.strategies.playbook import Playbook, PlaybookPhase, State

STATES: Final[Mapping[State, str]] = {
    "done": "done",
    "partly": "begun",
    "open": "not done",
    "unknown": "not known",
}


def playbook_lines(found: Playbook) -> Iterator[tuple[str, str, str]]:
    """Say each step, what shows it, and what to do next, as groups, headings and sentences."""
    yield "where you stand", "as of", minute(found.as_of)
    yield "where you stand", "day", day_in_words(found)
    yield "where you stand", "phase", phase_in_words(found)
    if found.next_step is not None:
        yield "where you stand", "next", f"{found.next_step.todo}: `{found.next_step.command}`"
    for phase in found.phases:
        group = f"days {phase.days}: {phase.title.lower()} ({progress(phase)})"
        for step in phase.steps:
            yield group, STATES[step.state], f"{step.title}: {step.found}"


def day_in_words(found: Playbook) -> str:
    """Say which day it is."""
    if found.began_at is None or found.day is None:
        return "not begun: day 1 is when the first strategy is signed"
    return f"{found.day}, since the first strategy was signed on {minute(found.began_at)}"


def phase_in_words(found: Playbook) -> str:
    """Say which phase has the next step."""
    if found.next_step is None:
        return "all steps are done"
    phase = next(one for one in found.phases if one.code == found.stands)
    return f"{phase.title.lower()}, days {phase.days}"


def progress(phase: PlaybookPhase) -> str:
    """Say how many steps of a phase are done."""
    return f"{phase.done} of {counted(len(phase.steps), 'step')} done"
