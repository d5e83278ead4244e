"""What is kept of an aggregate, read back: every type and bound is checked, since a row may be whatever somebody wrote.

A state is made from it without another look. So what passes here has times that there are, figures that have a name,
and words that are as flat as events make them.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

Stamp = tuple[int, str, str]
"""When an event happened (microseconds since 1970), its source, its id: events in one order everywhere."""

_PARTS: Final = frozenset({"events", "newest", "days", "topics", "times"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS: Final = 86_400
_FIRST_DAY: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH).days
_LAST_DAY: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH).days
_FIRST: Final = _FIRST_DAY * _DAY_SECONDS * 1_000_000
_LAST: Final = (_LAST_DAY + 1) * _DAY_SECONDS * 1_000_000 - 1
_FIGURE: Final = re.compile(r"[a-z][a-z0-9_]{0,47}(:[A-Z]{3})?")
_MOST_EVENTS: Final = 2**53 - 1
_LARGEST: Final = 2**127
"""Of a figure of one day: sums may pass 64 bits, but no event's figure comes near this."""

T = TypeVar("T")


def checked_parts(kept: Any) -> dict[str, Any]:
    """Return the parts of an aggregate by name.

    Raises:
        ValueError: something is not as an aggregate writes it.
    """
    if _table(kept, "it").keys() != _PARTS:
        raise ValueError("its parts are not those of an aggregate of events")
    return {
        "events": _whole(kept["events"], 0, _MOST_EVENTS, "events"),
        "newest": None if kept["newest"] is None else _stamp(kept["newest"]),
        "days": {_day(day): _figures(figures) for day, figures in _table(kept["days"], "days").items()},
        "topics": {
            _text(topic): {_text(matter): _word(word) for matter, word in _table(matters, "a topic").items()}
            for topic, matters in _table(kept["topics"], "topics").items()
        },
        "times": {_text(name): _list(times, _stamp) for name, times in _table(kept["times"], "times").items()},
    }


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no table of an aggregate of events")  # noqa: TRY004 - callers ask for one kind
    return value


def _list(value: Any, each: Callable[[Any], T]) -> list[T]:
    if not isinstance(value, list):
        raise ValueError("the times of an aggregate of events are a list")  # noqa: TRY004 - as above
    return [each(one) for one in value]


def _whole(value: Any, least: int, most: int, name: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} is no whole number that an aggregate of events has")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a name in an aggregate of events is no text")  # noqa: TRY004 - as above
    value.encode()  # half a surrogate pair cannot be written again; the error is a ValueError
    return value


def _stamp(value: Any) -> Stamp:
    if not isinstance(value, list) or len(value) != 3:  # noqa: PLR2004 - time, source, id
        raise ValueError("a place of an event is no time, source and id")
    return _whole(value[0], _FIRST, _LAST, "a time"), _text(value[1]), _text(value[2])


@lru_cache(maxsize=4096)
def _day(text: str) -> int:
    day = int(text)
    if str(day) != text:
        raise ValueError("a day of an aggregate of events is no whole number")
    return _whole(day, _FIRST_DAY, _LAST_DAY, "a day")


@lru_cache(maxsize=4096)
def _figure(name: str) -> str:
    if not _FIGURE.fullmatch(name):
        raise ValueError("a day of an aggregate of events has a figure of no such name")
    return name


def _figures(value: Any) -> dict[str, int]:
    return {
        _figure(name): _whole(figure, -_LARGEST, _LARGEST, "a figure")
        for name, figure in _table(value, "a day").items()
    }


def _word(value: Any) -> tuple[Stamp, Any]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - its place, and what it says
        raise ValueError("a word on a matter is no place and what it says")
    said = value[1]
    if isinstance(said, dict):
        return _stamp(value[0]), {_text(name): _flat(part) for name, part in said.items()}
    return _stamp(value[0]), _flat(said)


def _flat(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    return _whole(value, -_LARGEST, _LARGEST, "what is said")
