"""The first 90 days, and where a tenant stands in them: each step is derived from the record and the tables.

Nobody ticks anything. What cannot be read is `unknown`, with the reason, and counts as not done.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Final, Literal

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import Frozen
from placet.errors import GovernanceError, StorageError, UsageError
from placet.governance.policy.set import PolicySet
from placet.service.strategies.standing import Standing, standing_now
from placet.service.strategies.steps import CHOOSE, PILOT, SCALE, Done, Step
from placet.storage.database import Database

State = Literal["done", "partly", "open", "unknown"]
Code = Literal["choose", "pilot", "scale"]


class PlaybookStep(Frozen):
    """One step.

    Attributes:
        found: What the record and the tables show, in a sentence.
        todo: What to do next; empty where it is done.
        page: The page of the console where that is done, without the console's own path.
        command: The command that does it, or shows it.
    """

    code: str
    title: str
    state: State
    found: str
    todo: str
    page: str
    command: str


class PlaybookPhase(Frozen):
    """Thirty days of the plan; `done` of its steps are done."""

    code: Code
    days: str
    title: str
    done: StrictInt
    steps: tuple[PlaybookStep, ...]


class Playbook(Frozen):
    """Where a tenant stands.

    Attributes:
        began_at: When the first strategy was signed; None where none was.
        day: Which day that makes today, from 1; None as above.
        stands: The first phase with a step that is not done; the last one where all are done.
        next_step: The first step of it that is not done; None where all are.
    """

    as_of: AwareDatetime
    began_at: AwareDatetime | None
    day: StrictInt | None
    stands: Code
    next_step: PlaybookStep | None
    phases: tuple[PlaybookPhase, ...]


_PHASES: Final[tuple[tuple[Code, str, str, tuple[Step, ...]], ...]] = (
    ("choose", "1 to 30", "Choose journeys", CHOOSE),
    ("pilot", "31 to 60", "Pilot with control groups", PILOT),
    ("scale", "61 to 90", "Scale what works", SCALE),
)


def playbook(
    database: Database,
    tenant: str,
    policies: Callable[[str], PolicySet],
    agents: tuple[str, ...],
    now: datetime,
) -> Playbook:
    """Return where a tenant stands; of one with nothing, that.

    Args:
        database: Where the record and the tables are. Nothing is written.
        tenant: Whose.
        policies: Reads the set in force for an agent.
        agents: The applications that strategies may name.
        now: The current time.
    """
    standing = standing_now(database, tenant, cache(policies), agents, now)
    phases = tuple(_phase(code, days, title, steps, standing) for code, days, title, steps in _PHASES)
    open_ = [(phase, step) for phase in phases for step in phase.steps if step.state != "done"]
    began = _began(standing)
    return Playbook(
        as_of=now,
        began_at=began,
        day=None if began is None else max((now - began).days, 0) + 1,
        stands=open_[0][0].code if open_ else "scale",
        next_step=open_[0][1] if open_ else None,
        phases=phases,
    )


def _began(standing: Standing) -> datetime | None:
    try:
        return standing.began_at
    except (GovernanceError, StorageError, UsageError):
        return None  # the steps say what cannot be read


def _phase(code: Code, days: str, title: str, steps: tuple[Step, ...], standing: Standing) -> PlaybookPhase:
    shown = tuple(_step(step, standing) for step in steps)
    return PlaybookPhase(code=code, days=days, title=title, done=sum(one.state == "done" for one in shown), steps=shown)


def _step(step: Step, standing: Standing) -> PlaybookStep:
    state: State
    try:
        answer: Done = step.ask(standing)
        state, found = answer.state, answer.found
    except (GovernanceError, StorageError, UsageError) as error:  # one that cannot be read must not hide the others
        state, found = "unknown", f"it cannot be read: {error}"
    todo = "" if state == "done" else step.todo
    return PlaybookStep(
        code=step.code, title=step.title, state=state, found=found, todo=todo, page=step.page, command=step.command
    )
