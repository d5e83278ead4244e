"""Events as a system sends them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from placet.service.state.taking import Taken, take_events
from placet.storage.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLDEST = NOW - timedelta(days=400)


def recharge(number: int, **changes: Any) -> bytes:
    """Make the text of an event."""
    event = {
        "specversion": "1.0",
        "id": f"r{number}",
        "source": "bss",
        "type": "placet.balance.recharged.v1",
        "subject": "customer:C00001",
        "time": (NOW - timedelta(hours=number)).isoformat(),
        "data": {"amount": {"amount_minor": 500, "currency": "USD"}},
        **changes,
    }
    return json.dumps(event).encode()


def correct(number: int, **changes: Any) -> bytes:
    """Make the text of an event that takes another back."""
    data = {"source": "bss", "id": f"r{number}", "reason": "wrong"}
    corrects = {"type": "placet.event.corrected.v1", "data": data, "time": NOW.isoformat()}
    return recharge(5000 + number, **{**corrects, **changes})


def take(database: Database, *texts: bytes) -> Taken:
    """Take events in now."""
    return take_events(database, "demo", texts, now=NOW, oldest=OLDEST)
