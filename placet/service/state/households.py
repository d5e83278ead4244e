"""A household's state, folded up to now."""

from datetime import datetime
from typing import Final

from placet.contracts.state import HouseholdState
from placet.decisioning.state.household import MOST_MEMBERS, household_as_of
from placet.decisioning.state.reading import state_as_of
from placet.service.state.current import aggregate_of, fold_pending
from placet.storage.database import Database

_MOVES: Final = ("placet.household.changed.v1", "placet.event.corrected.v1")
"""Kinds of event after which another household may be somebody's."""

_MOST_JOINING: Final = 200
"""Customers who are folded first, because an event that waits says which household is theirs. A loop folds the rest."""


def household_of(database: Database, tenant: str, household_id: str, as_of: datetime) -> HouseholdState:
    """Return a household's state as of a time; of which no member is known, it is empty.

    Customers are locked in the order of their ids, as whoever folds locks them.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
    """
    with database.transaction() as tx:
        joining = tx.events.waiting_of_kinds(tenant, _MOVES, _MOST_JOINING)
        for customer_id in sorted(joining):
            fold_pending(tx, tenant, customer_id)
    with database.transaction() as tx:
        members = tx.states.members(tenant, household_id, MOST_MEMBERS + 1)
        rows = [fold_pending(tx, tenant, customer_id) for customer_id in members[:MOST_MEMBERS]]
    states = [
        state_as_of(row.customer_id, aggregate_of(row), row.version, as_of)
        for row in rows
        # Of a member whose newest word was folded just now: they may have left.
        if row.household_id == household_id
    ]
    return household_as_of(household_id, states, as_of, more=len(members) > MOST_MEMBERS)
