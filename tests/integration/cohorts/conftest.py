"""A base of simulated customers in a database."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from placet.service.cohorts import fold_all
from placet.service.state.taking import take_events
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate
from placet.storage.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = 40


@pytest.fixture
def base(database: Database) -> Database:
    """Return a database with a base that is folded; some of it are families."""
    last = NOW.date() - timedelta(days=1)
    events = [json.dumps(one).encode() for one in simulate(sample_rows(CUSTOMERS), last=last, days=40, seed=3)]
    assert not take_events(database, "demo", events, now=NOW, oldest=NOW - timedelta(days=400)).refused
    fold_all(database, "demo")
    return database
