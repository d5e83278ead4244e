"""A base of simulated customers in a database."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from placet.service.cohorts import fold_all
from placet.service.state.taking import take_events
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate
from placet.storage.database import Database
from tests.support.databases import STOCKS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = 40


def _joins(customer_id: str) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"h{customer_id}",
        "source": "bss",
        "type": "placet.household.changed.v1",
        "subject": f"customer:{customer_id}",
        "time": NOW.isoformat(),
        "data": {"household_id": "three"},
    }
    return json.dumps(event).encode()


def _fill(database: Database) -> None:
    last = NOW.date() - timedelta(days=1)
    rows = sample_rows(CUSTOMERS)
    events = [json.dumps(one).encode() for one in simulate(rows, last=last, days=40, seed=3)]
    events += [_joins(row["customer_id"]) for row in rows[:3]]
    assert not take_events(database, "demo", events, now=NOW, oldest=NOW - timedelta(days=400)).refused
    fold_all(database, "demo")


STOCKS["base"] = _fill


@pytest.fixture
def base(database: Database) -> Database:
    """Return a database with a base that is folded; three of them are a household."""
    return database
