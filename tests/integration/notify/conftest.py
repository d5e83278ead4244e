"""Notifiers over a database, at a clock that the test turns."""

from collections.abc import Callable
from typing import Any

import pytest

from placet.notify.channel import Sender
from placet.notify.notifier import Notifier
from placet.storage.database import Database
from placet.storage.notifications import Lane
from tests.integration.notify.sending import LEASE, OURS, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notifier(database: Database, clock: Clock) -> Callable[..., Notifier]:
    """Makes notifiers with senders of the test's choice."""

    def make(senders: dict[Lane, Sender], **options: Any) -> Notifier:
        return Notifier(database, OURS, senders, clock, **{"lease_seconds": LEASE, "interval_seconds": 0.02, **options})

    return make
