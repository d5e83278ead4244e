"""What is kept of a customer's events: sums by day, the newest word on each matter, the newest times of what recurs.

Each part is a set operation on the events: sums add up, "newest" has a total order (time, then source, then id). So any
order of arrival leads to the same aggregate, and its size is bounded whatever arrives:

    (1) days older than `KEPT_DAYS` before the newest event fall away, whenever they come;
    (2) of the matters of one topic (devices, products) the newest `MOST_MATTERS` are kept;
    (3) of what recurs the newest `MOST_TIMES` are kept.

Nothing here knows a kind of event: `placet.decisioning.state.fold` does.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from placet.contracts.events.envelope import SIMULATED
from placet.decisioning.state.kept import Stamp, checked_parts

__all__ = [
    "DESCRIBED",
    "KEPT_DAYS",
    "MOST_MATTERS",
    "MOST_TIMES",
    "PREDICTED",
    "Aggregate",
    "Stamp",
    "day_of",
    "micros_of",
    "stamp_of",
    "time_of",
    "united",
]

KEPT_DAYS: Final = 100
"""The longest window is 90 days; ten more let a state be shown as of a few days ago."""
MOST_MATTERS: Final = 32
MOST_TIMES: Final = 24
SOURCES: Final = "sources"
"""Topic of the systems that events are from."""
DESCRIBED: Final = "described"
"""Topic of who the customer is."""
PREDICTED: Final = "predicted"
"""Topic of what models expect."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)


def stamp_of(at: datetime, source: str, event_id: str) -> Stamp:
    """Return the place of an event among all."""
    return micros_of(at), source, event_id


def micros_of(at: datetime) -> int:
    """Return a time in microseconds since 1970, as in the first part of a stamp."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def day_of(stamp_or_time: Stamp | datetime) -> int:
    """Return the day, in UTC, as a number since 1970."""
    if isinstance(stamp_or_time, datetime):
        return (stamp_or_time - _EPOCH) // _DAY
    return stamp_or_time[0] // 86_400_000_000


def time_of(micros: int) -> datetime:
    """Return the time of a stamp's first part."""
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(slots=True)
class Aggregate:
    """One customer's events, summed up.

    Attributes:
        events: How many were taken.
        newest: Place of the newest of those that happened to the customer; None without any.
        days: For each day, what was counted: names and whole numbers.
        topics: For each topic, the newest word on each of its matters: its place, and what it says.
        times: For each thing that recurs, the places of the newest times.
    """

    events: int = 0
    newest: Stamp | None = None
    days: dict[int, dict[str, int]] = field(default_factory=dict)
    topics: dict[str, dict[str, tuple[Stamp, Any]]] = field(default_factory=dict)
    times: dict[str, list[Stamp]] = field(default_factory=dict)

    def take(self, at: Stamp, *, happened: bool = True) -> None:
        """Note that an event was taken; one that only says something of the customer moves no window."""
        self.events += 1
        if happened and (self.newest is None or at > self.newest):
            moved = self.newest is None or day_of(at) > day_of(self.newest)
            self.newest = at
            if moved:
                self._let_go()

    def count(self, at: Stamp, name: str, by: int = 1) -> None:
        """Add to a day's figure."""
        day = day_of(at)
        if self.newest is not None and day <= day_of(self.newest) - KEPT_DAYS:
            return
        figures = self.days.setdefault(day, {})
        figures[name] = figures.get(name, 0) + by

    def note(self, at: Stamp, topic: str, matter: str, said: Any, *, keep: str | None = None) -> None:
        """Take the word on a matter, unless a newer one is known; the matter called `keep` never goes."""
        matters = self.topics.setdefault(topic, {})
        known = matters.get(matter)
        if known is None or at > known[0]:
            matters[matter] = (at, said)
            if len(matters) > MOST_MATTERS:
                del matters[min((name for name in matters if name != keep), key=lambda name: (matters[name][0], name))]

    def recur(self, at: Stamp, name: str) -> None:
        """Note that something that recurs happened."""
        times = self.times.setdefault(name, [])
        times.append(at)
        times.sort()
        del times[:-MOST_TIMES]

    @property
    def last(self) -> Stamp | None:
        """Return the place of the newest event or word about the customer; None without any."""
        words = [at for topic in (DESCRIBED, PREDICTED) for at, _ in self.topics.get(topic, {}).values()]
        return max([*words, *([] if self.newest is None else [self.newest])], default=None)

    def _let_go(self) -> None:
        assert self.newest is not None  # noqa: S101 - `take` has just set it
        first = day_of(self.newest) - KEPT_DAYS + 1
        for day in [day for day in self.days if day < first]:
            del self.days[day]

    def dump(self) -> str:
        """Write it as JSON: the same aggregate gives the same text."""
        kept = {
            "events": self.events,
            "newest": self.newest,
            "days": {str(day): self.days[day] for day in self.days if self.days[day]},
            "topics": self.topics,
            "times": self.times,
        }
        return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> Self:
        """Read what `dump` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            return cls(**checked_parts(json.loads(text)))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"not an aggregate of events: {error}") from error


def united(parts: Iterable[Aggregate]) -> Aggregate:
    """Return what the events of several aggregates lead to together; none of them may hold an event of another.

    It is the same as if all events had been taken into one, whatever the order, and the parts are left as they are.
    """
    whole = Aggregate()
    for part in parts:
        whole.events += part.events
        if part.newest is not None and (whole.newest is None or part.newest > whole.newest):
            whole.newest = part.newest
        for day, figures in part.days.items():
            sums = whole.days.setdefault(day, {})
            for name, value in figures.items():
                sums[name] = sums.get(name, 0) + value
        for topic, matters in part.topics.items():
            for matter, (at, said) in matters.items():
                whole.note(at, topic, matter, said, keep=SIMULATED if topic == SOURCES else None)
        for name, times in part.times.items():
            for at in times:
                whole.recur(at, name)
    if whole.newest is not None:
        whole._let_go()  # noqa: SLF001 - its own class
    return whole
