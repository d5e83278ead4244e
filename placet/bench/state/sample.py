"""Simulated events of many customers over 90 days, made anew from their numbers: nothing is kept of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

TENANT: Final = "demo"
NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLDEST: Final = NOW - timedelta(days=400)
CUSTOMERS: Final = 5_000
BATCH: Final = 1_000

_DAYS: Final = 90
_STRIDE: Final = 7_919
"""Prime: the times of a customer's events lie all over the days, in no order."""

_KINDS: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    ("placet.usage.recorded.v1", {"service": "data", "quantity": 250}),
    ("placet.app.visited.v1", {"screen": "home"}),
    ("placet.balance.checked.v1", {"channel": "app"}),
    ("placet.balance.recharged.v1", {"amount": {"amount_minor": 1000, "currency": "USD"}, "channel": "app"}),
)


def customer_of(number: int) -> str:
    """Return the id of the customer that an event is about."""
    return f"C{number % CUSTOMERS:05d}"


def event_text(number: int, at: datetime = NOW) -> bytes:
    """Return the event of a number, as a source sends it."""
    kind, data = _KINDS[number % len(_KINDS)]
    ago = timedelta(seconds=number * _STRIDE % (_DAYS * 86_400))
    event = {
        "specversion": "1.0",
        "id": f"bench-{number:012d}",
        "source": "simulated/bench",
        "type": kind,
        "subject": f"customer:{customer_of(number // len(_KINDS))}",
        "time": (at - ago).isoformat(),
        "data": data,
    }
    return json.dumps(event).encode()


def event_texts(first: int, count: int) -> list[bytes]:
    """Return events of consecutive numbers."""
    return [event_text(number) for number in range(first, first + count)]
