"""Times as text and back. A time comes with whatever offset its writer had: only as UTC is it labelled so."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def moment(at: datetime) -> str:
    """Return a time as people read it: `2026-03-01 12:00:00Z`."""
    return _labelled(at, " ", "seconds")


def minute(at: datetime) -> str:
    """Return a time as people read it, where seconds tell nothing: `2026-03-01 12:00Z`."""
    return _labelled(at, " ", "minutes")


def day(at: datetime) -> str:
    """Return the day of a time, in UTC: `2026-03-01`."""
    return _utc(at).date().isoformat()


def clock(at: datetime) -> str:
    """Return the time of day where `at` is, for a sentence that says where: `21:30`."""
    return f"{at:%H:%M}"


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


_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


def _written_out(value: object) -> object:
    # Pydantic would take a number as well, for seconds since 1970, and a date without a time.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("write a time with its offset, such as 2026-03-01T09:30:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the calendar") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""A time with its offset (RFC 3339), taken to UTC."""


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _written_as_day(value: object) -> object:
    """Refuse what pydantic would take for a day too: seconds since 1970, and times."""
    if type(value) is date or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("write a day, such as 2026-03-01")


Day = Annotated[date, BeforeValidator(_written_as_day)]
"""A day of the calendar."""
