"""When a customer accepted what a journey told them of: the last leg of its velocity."""

from collections.abc import Callable, Iterable
from typing import Final

from placet.contracts.state import CustomerState
from placet.contracts.strategies.journey import JourneyAsked
from placet.gate.context import LiveCustomer
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_ACCEPTED: Final = "accepted"


def note_conversions(
    database: Database, live_customer: Callable[[str, str], LiveCustomer], tenant: str, customers: Iterable[str]
) -> None:
    """Note who of some customers accepted what they were told of in a journey, whether or not it is over by now."""
    with database.reading() as tx:
        told = tx.journeys.told(tenant, customers)
    for customer_id, strategies in told.items():
        state = live_customer(tenant, customer_id).state
        with database.transaction() as tx:
            for strategy in strategies:
                asked = JourneyAsked(tenant=tenant, strategy=strategy, customer_id=customer_id)
                note_conversion(tx, asked, state)


def note_conversion(tx: Transaction, of: JourneyAsked, state: CustomerState) -> None:
    """Note that a customer accepted what they were told of, at the time of their answer."""
    contact = state.last_contact
    if contact is None or contact.answer != _ACCEPTED:
        return
    row = tx.journeys.get(of.tenant, of.customer_id, of.strategy)
    if row is not None and row.converted_at is None and row.told_at is not None and contact.at >= row.told_at:
        tx.journeys.put(of.tenant, of.customer_id, of.strategy, converted_at=contact.at)
