"""Tell journeys that the state of their customer changed, so that what waits for it looks at once."""

from collections.abc import Callable, Iterable

from placet.contracts.strategies.journey import JourneyAsked
from placet.storage.database import Database


def wake(database: Database, tell: Callable[[JourneyAsked], None], tenant: str, customers: Iterable[str]) -> int:
    """Tell the journeys of customers whose state changed to look again; return how many were told.

    It carries nothing: what is so is read by whoever looks. A journey that is not told finds out by itself, later.

    Args:
        database: Where it is written who is in which strategy.
        tell: Signals the workflow of a journey; it raises nothing where that cannot be reached.
        tenant: Whose customers.
        customers: Their ids.
    """
    with database.reading() as tx:
        found = tx.journeys.to_wake(tenant, customers)
    for customer_id, strategy in found:
        tell(JourneyAsked(tenant=tenant, strategy=strategy, customer_id=customer_id))
    return len(found)
