"""A household's state, folded up to now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from placet.contracts.state import CustomerState, HouseholdState
from placet.decisioning.state.household import MOST_MEMBERS, household_as_of
from placet.errors import StorageError
from placet.service.state.current import fold_pending, state_of
from placet.service.state.people import ids_of
from placet.storage.database import Database
from placet.storage.sql.reading import pass_on_others
from placet.storage.transaction import Transaction

_MOVES: Final = ("placet.household.changed.v1", "placet.event.corrected.v1")
"""Kinds of event after which another household may be somebody's."""

_MOST_MOVING: Final = 200
"""Customers who are folded first, because an event of theirs that waits may say so. A loop folds the rest."""

_MOST_LOOKED_AT: Final = 200
"""Members of now who are asked whether they were members at an earlier time."""


def household_of(database: Database, tenant: str, household_id: str, as_of: datetime) -> HouseholdState:
    """Return a household's state as of a time; of which no member is known, it is empty.

    Its members are those of now who were members at that time too.

    Raises:
        StorageError: the database does not answer, or a member's row is unreadable.
        UsageError: code `too_old`; events of a member from after that time were taken away by retention.
    """
    with database.reading() as tx:
        moving = tx.events.waiting_of_kinds(tenant, _MOVES, _MOST_MOVING)
    for customer_id in moving:
        try:
            with database.transaction() as tx:
                fold_pending(tx, tenant, customer_id)
        except StorageError as error:
            pass_on_others(error)  # a row of somebody else that cannot be read is for the loop to tell
    with database.reading() as tx:
        known = tx.states.members(tenant, household_id, _MOST_LOOKED_AT + 1)
        members = _once(tx, tenant, known[:_MOST_LOOKED_AT])
    of_it: list[CustomerState] = []
    for customer_id in members:
        state = state_of(database, tenant, customer_id, as_of)
        if state.household_id == household_id:
            of_it.append(state)
        if len(of_it) > MOST_MEMBERS:
            break
    # Of a household without any member then, those of now who were not looked at say nothing.
    return household_as_of(household_id, of_it, as_of, more=bool(of_it) and len(known) > _MOST_LOOKED_AT)


def _once(tx: Transaction, tenant: str, members: Sequence[str]) -> list[str]:
    """Return the members, each person once: of ids that are merged, the first."""
    merged = {member: ids_of(tx, tenant, member) for member in members} if tx.merges.naming(tenant, members) else {}
    seen, found = set[str](), list[str]()
    for member in members:
        if member not in seen:
            found.append(member)
        seen.update(merged.get(member, (member,)))
    return found
