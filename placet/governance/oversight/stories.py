"""What a run's record says of how people decided: who looked, for how long, what they said. No I/O.

The story of one gate is on its run's own stream: opened, seen, decided, ended. A look (`approve.seen`) is recorded on
the word of who looks. It says something together with the signed decision that follows it: the time in between is the
most that person can have spent on the evidence, not what they did spend.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import TypeAdapter

from placet.contracts.audit import AuditEvent

Flaw = Literal["too_much", "ineligible"]
"""What is wrong with a control proposal: a credit several times too large, or a treatment that is not eligible."""

ControlOutcome = Literal["caught", "missed", "undecided"]
"""Declined; approved, as it was or amended; or nobody decided it."""

OPENED: Final = "approve.opened"
SEEN: Final = "approve.seen"
SEEDED: Final = "control.seeded"
OUTCOME: Final = "control.outcome"
"""Begins the step key of what became of a control, whichever kind of entry it is: there is one outcome."""


_MINUTE: Final = 60
_EXACT: Final = 10 * _MINUTE
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


def seen_key(name: str, proposal: str) -> str:
    """Return the step key of a person's first look at a proposal."""
    return f"{SEEN}.{name}.{proposal}"


def outcome_key(run_id: str) -> str:
    """Return the step key, on the tenant's stream, of what became of a control."""
    return f"{OUTCOME}.{run_id}"


def outcome_from(entry: AuditEvent | None) -> ControlOutcome | None:
    """Read what the entry under `outcome_key` says; return None where there is none yet."""
    return None if entry is None else TypeAdapter(ControlOutcome).validate_python(entry.kind.removeprefix("control."))


@dataclass(frozen=True, slots=True)
class Vote:
    """One accepted decision.

    Attributes:
        open_seconds: Whole seconds from the approver's first look at what they decided to their signature; None where
            no look is on record that came first.
    """

    approver: str
    verdict: str
    open_seconds: int | None
    delegated: bool
    batched: bool


@dataclass(frozen=True, slots=True)
class GateStory:
    """What became of one gate that asked people.

    Attributes:
        state: `decided` once the question is answered; `expired` undecided; `ended` without an answer for another
            reason; `waiting`.
        decision_seconds: Whole seconds from the gate's opening to the signature that answered it.
        refused: Decisions that did not count. Who sent them is not known.
    """

    state: Literal["waiting", "decided", "expired", "ended"]
    seen_by: frozenset[str]
    decision_seconds: int | None
    votes: tuple[Vote, ...]
    refused: int


def read_gate(events: Sequence[AuditEvent]) -> GateStory | None:
    """Read the story that a run's stream tells; return None where no gate asked people."""
    by_kind: dict[str, list[AuditEvent]] = {}
    for event in events:
        by_kind.setdefault(event.kind, []).append(event)
    opened = by_kind.get(OPENED)
    if opened is None or opened[0].body["gate"]["verdict"] != "human":
        return None
    opened_at = datetime.fromisoformat(opened[0].body["gate"]["opened_at"])
    seen = {(look.actor, str(look.body["proposal"])): look.at for look in reversed(by_kind.get(SEEN, []))}
    amends = {str(entry.body["proposal"]): str(entry.body["amends"]) for entry in by_kind.get("approve.amended", ())}
    accepted = by_kind.get("approve.decided", ())
    decided = [(entry, datetime.fromisoformat(entry.body["decided_at"])) for entry in accepted]
    answered = [signed_at for entry, signed_at in decided if entry.body.get("missing", 0) == 0]
    decision_seconds = max(0, _seconds(answered[0] - opened_at)) if answered else None
    ends = [str(entry.body["state"]) for entry in by_kind.get("run.ended", ())]
    return GateStory(
        state=_state(decision_seconds, ends),
        seen_by=frozenset(name for name, _ in seen),
        decision_seconds=decision_seconds,
        votes=tuple(_vote(entry, signed_at, seen, amends) for entry, signed_at in decided),
        refused=len(by_kind.get("approve.refused", ())),
    )


def _state(decision_seconds: int | None, ends: Sequence[str]) -> Literal["waiting", "decided", "expired", "ended"]:
    if decision_seconds is not None:
        return "decided"
    if "expired" in ends:
        return "expired"
    return "ended" if ends else "waiting"


def _vote(
    entry: AuditEvent, signed_at: datetime, seen: Mapping[tuple[str, str], datetime], amends: Mapping[str, str]
) -> Vote:
    body, decided = entry.body, str(entry.body["proposal"])
    # Who amends has looked at the proposal as it was; the amended one did not exist before the signature.
    looked_at = amends.get(decided, decided) if body["verdict"] == "amend" else decided
    first = seen.get((entry.actor, looked_at))
    return Vote(
        approver=entry.actor,
        verdict=str(body["verdict"]),
        open_seconds=None if first is None or first > signed_at else _seconds(signed_at - first),
        delegated=body.get("delegated_by") is not None,
        batched=body.get("batch") is not None,
    )


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)


class Durations:
    """How often which duration occurred, in bounded memory whatever is added.

    Exact to the second below ten minutes; from there to the minute, and from a day on to the hour, rounded down.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: int) -> None:
        """Count one duration of `seconds`, not negative."""
        unit = 1 if seconds < _EXACT else _MINUTE if seconds < _DAY else _HOUR
        self._counts[seconds - seconds % unit] += 1

    @property
    def count(self) -> int:
        """How many were added."""
        return self._counts.total()

    def within(self, seconds: int) -> int:
        """Count those of at most `seconds`, which is below ten minutes."""
        return sum(count for value, count in self._counts.items() if value <= seconds)

    def percentile(self, percent: int) -> int | None:
        """Return the nearest-rank percentile in seconds; None without any.

        It is the smallest value that `percent` % do not exceed.
        """
        rank, passed = -(-self.count * percent // 100), 0
        for value in sorted(self._counts):
            passed += self._counts[value]
            if passed >= rank:
                return value
        return None
