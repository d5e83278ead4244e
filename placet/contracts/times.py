"""Times as text. A time comes with whatever offset its writer had: only here is it labelled as UTC, once it is."""

from datetime import UTC, datetime
from typing import Final

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def moment(at: datetime) -> str:
    """Return a time as people read it: `2026-03-01 12:00:00Z`."""
    return _labelled(at, " ", "seconds")


def minute(at: datetime) -> str:
    """Return a time as people read it, where seconds tell nothing: `2026-03-01 12:00Z`."""
    return _labelled(at, " ", "minutes")


def rfc3339(at: datetime, timespec: str = "auto") -> str:
    """Return a time as machines read it: `2026-03-01T12:00:00.123456Z`."""
    return _labelled(at, "T", timespec)


def _labelled(at: datetime, between: str, timespec: str) -> str:
    return f"{_utc(at).replace(tzinfo=None).isoformat(between, timespec)}Z"


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"time {at.isoformat()!r} has no UTC offset")
    try:
        return at.astimezone(UTC)
    except OverflowError:  # in the first or last hours of the calendar, where nothing is but what somebody made up
        return _FIRST if at.year == _FIRST.year else _LAST
