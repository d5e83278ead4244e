"""Months and RFC 3339 timestamps. Derived series end at the sandbox's reference day, `as_of`."""

from calendar import monthrange
from datetime import UTC, date, datetime

_MONTHS = 12


def add_months(day: date, months: int) -> date:
    """Return the same day of another month, or that month's last day where it is shorter."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    return date(year, month + 1, min(day.day, days_in_month(year, month + 1)))


def days_in_month(year: int, month: int) -> int:
    """Return the number of days in a month."""
    return monthrange(year, month)[1]


def midnight(day: date) -> str:
    """Return the start of a day in UTC as an RFC 3339 date-time."""
    return f"{day.isoformat()}T00:00:00Z"


def now() -> str:
    """Return the present in UTC as an RFC 3339 date-time: what the sandbox really does is stamped with real time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
