"""Telling who wants to know that a customer's state changed: each change at least once, however often a worker dies.

Whoever folds a state notes the customer in the same transaction. A loop beside the worker tells those who listen, and
takes the customer off the list when all of them have heard. So a listener may hear of a change twice, and must come to
the same then. What it costs depends on how many customers changed, not on how many there are.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from placet.decisioning.state.aggregate import micros_of
from placet.storage.database import Database
from placet.storage.state.changes import Changed

Hears = Callable[[str, Sequence[Changed]], None]
"""Is told of which tenant's customers the state changed. What it raises leaves all of them on the list."""

AT_ONCE: Final = 200
"""Customers that are told of in one call."""


def follow_changes(
    database: Database, tenant: str, hearers: Sequence[Hears], now: datetime, limit: int = AT_ONCE
) -> int:
    """Tell of the customers who are next, and take them off the list; return how many they were.

    Whose newest event is of a time to come waits until then: their state as of now has it not yet.

    Raises:
        PlacetError: a listener could not do its part; the customers stay on the list.
    """
    with database.reading() as tx:
        changed = tx.changes.next(tenant, micros_of(now), limit)
    if changed:
        for hears in hearers:
            hears(tenant, changed)
        with database.transaction() as tx:
            tx.changes.followed(tenant, changed)
    return len(changed)


def still_to_come(database: Database, tenant: str, now: datetime) -> int:
    """Return how many customers wait since their newest event is later than now: many, where the clock went back."""
    with database.reading() as tx:
        return tx.changes.later(tenant, micros_of(now))
