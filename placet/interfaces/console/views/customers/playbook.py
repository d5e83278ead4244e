"""The first 90 days as a page shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from placet.interfaces.console.views.common import Badge, Tone
from placet.interfaces.telling.playbook import STATES, day_in_words, phase_in_words, progress
from placet.service.strategies.playbook import Playbook, PlaybookPhase, PlaybookStep, State

_TONES: Final[Mapping[State, Tone]] = {"done": "good", "partly": "waits", "open": "quiet", "unknown": "bad"}
_PLACES: Final[Mapping[str, str]] = {
    "cohorts": "Cohorts",
    "approvers": "Approvers",
    "strategies": "Strategies",
    "rollouts": "Rollouts",
    "inbox": "Inbox",
    "halts": "Halts",
}


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step; `place` is what the page is called where it is done."""

    title: str
    badge: Badge
    found: str
    todo: str
    page: str
    place: str
    command: str


@dataclass(frozen=True, slots=True)
class PhaseShown:
    """Thirty days; `part` of its steps are done, in per cent."""

    title: str
    days: str
    here: bool
    progress: str
    done: int
    many: int
    steps: tuple[StepShown, ...]


@dataclass(frozen=True, slots=True)
class PlaybookShown:
    """Where a tenant stands; `following` is None where all is done."""

    day: str
    stands: str
    following: StepShown | None
    phases: tuple[PhaseShown, ...]


def playbook_of(found: Playbook) -> PlaybookShown:
    """Return how it is shown."""
    return PlaybookShown(
        day=_first_upper(day_in_words(found)),
        stands=_first_upper(phase_in_words(found)),
        following=None if found.next_step is None else _step(found.next_step),
        phases=tuple(_phase(one, found) for one in found.phases),
    )


def _phase(one: PlaybookPhase, found: Playbook) -> PhaseShown:
    here = one.code == found.stands and found.next_step is not None
    return PhaseShown(
        one.title, one.days, here, progress(one), one.done, len(one.steps), tuple(_step(step) for step in one.steps)
    )


def _step(one: PlaybookStep) -> StepShown:
    badge = Badge(_first_upper(STATES[one.state]), _TONES[one.state])
    return StepShown(one.title, badge, _first_upper(one.found), one.todo, one.page, _PLACES[one.page], one.command)


def _first_upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
