"""What strategies would do for one customer now, on their live state."""

from collections.abc import Sequence
from datetime import datetime

from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.decision import NextBestAction
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.errors import UsageError
from placet.gate.context import LiveCustomer
from placet.governance.signing.canonical import digest
from placet.service.state.current import state_of
from placet.service.state.people import counted_as
from placet.storage.database import Database


def decide_for(
    database: Database,
    tenant: str,
    customer_id: str,
    strategies: Sequence[Strategy],
    *,
    channel: Channel,
    at: datetime,
) -> NextBestAction:
    """Return the next best action for a customer, as if all strategies had reached everybody.

    It is told of the id under which the base counts them.

    Args:
        database: Where their state is.
        tenant: Whose customer.
        customer_id: Who.
        strategies: Sound ones.
        channel: Where they would be told.
        at: The time of the decision; the state is as of then.

    Raises:
        UsageError: code `unknown_customer`; no event of them is known. Code `strategy_twice`; one is given twice.
        StorageError: the database does not answer, or their row is unreadable.
    """
    ready = prepare([Live(one, digest(one)) for one in strategies], channel, at)
    state, drawn_by, members = live_customer(database, tenant, customer_id, at)
    if state.newest is None:
        raise UsageError(
            f"no event of customer {customer_id!r} is known, so nothing can be decided", code="unknown_customer"
        )
    row = row_of(state, members) | {"customer_id": drawn_by}
    return decide(ready, row, as_of=state.as_of, state_version=state.version, channel=channel, at=at)


def live_customer(database: Database, tenant: str, customer_id: str, at: datetime) -> LiveCustomer:
    """Return a customer as of a time, with what their own state cannot say.

    Raises:
        StorageError: the database does not answer, or their row is unreadable.
    """
    state, members = state_of(database, tenant, customer_id, at), None
    with database.reading() as tx:
        # A person is drawn by one id, whichever of theirs is asked for.
        drawn_by = counted_as(tx, tenant, customer_id)
        if state.household_id is not None:
            members = tx.states.household_size(tenant, state.household_id)
    return LiveCustomer(state, drawn_by, members)
