"""Notifiers over a database, at a clock that the test turns."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from placet.notify.channel import Sender
from placet.notify.notifier import Notifier
from placet.storage.database import Database
from placet.storage.notifications import Lane
from tests.integration.notify.sending import LEASE, OURS, Clock
from tests.support.guard import GUARD


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database that refuses nobody's turn: no test here is about locks, and a busy machine is slow."""
    with Database(database_url, pool_size=20, lock_timeout_s=GUARD) as opened:
        yield opened


@pytest.fixture
def notifier(database: Database, clock: Clock) -> Callable[..., Notifier]:
    """Makes notifiers with senders of the test's choice."""

    def make(senders: dict[Lane, Sender], **options: Any) -> Notifier:
        return Notifier(database, OURS, senders, clock, **{"lease_seconds": LEASE, "interval_seconds": 0.02, **options})

    return make
