"""Monthly usage: data where there is internet, voice and SMS where there is a phone; up to twelve months."""

from dataclasses import dataclass
from datetime import date, timedelta

from placet.sandbox.derived.calendar import add_months, days_in_month
from placet.sandbox.derived.draw import draw
from placet.sandbox.seed import Customer

UNITS = {"data": "MB", "voice": "min", "sms": "SMS"}
_HISTORY_MONTHS = 12
_STREAMING = frozenset({"streaming_tv", "streaming_movies"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What one customer used of one kind in the calendar month that starts on `month`."""

    customer: Customer
    kind: str
    month: date
    quantity: int


def kinds(customer: Customer) -> list[str]:
    """Return the kinds of usage that this customer's services can cause."""
    data = [] if customer.internet_service == "No" else ["data"]
    return data + (["voice", "sms"] if customer.phone_service else [])


def usage(customer: Customer, as_of: date) -> list[Usage]:
    """Return the usage of every complete month within tenure, newest first."""
    this_month = as_of.replace(day=1)
    months = (add_months(this_month, -back) for back in range(1, min(customer.tenure, _HISTORY_MONTHS) + 1))
    return [
        Usage(customer, kind, month, _quantity(customer, kind, month)) for month in months for kind in kinds(customer)
    ]


def month_to_date(customer: Customer, as_of: date) -> list[Usage]:
    """Return the usage of the month that is under way, in proportion to its days gone."""
    month = as_of.replace(day=1)
    days = days_in_month(month.year, month.month)
    return [
        Usage(customer, kind, month, _quantity(customer, kind, month) * as_of.day // days) for kind in kinds(customer)
    ]


def last_day(month: date) -> date:
    """Return the last day of the month that starts on `month`."""
    return add_months(month, 1) - timedelta(days=1)


def _quantity(customer: Customer, kind: str, month: date) -> int:
    """Vary a customer's own level by up to a tenth from month to month."""
    percent = 90 + draw(customer.id, f"{kind}-{month:%Y-%m}", 21)
    return _level(customer, kind) * percent // 100


def _level(customer: Customer, kind: str) -> int:
    if kind == "voice":
        return (80 + draw(customer.id, "voice", 400)) * (2 if customer.multiple_lines else 1)
    if kind == "sms":
        return 5 + draw(customer.id, "sms", 120)
    base = 90_000 if customer.internet_service == "Fiber optic" else 30_000
    streaming = 60_000 * len(customer.add_ons & _STREAMING)
    return base + streaming + draw(customer.id, "data", base)
