"""A stored aggregate as a state. A row that holds what no state can be made from is named in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.state import CustomerState
from placet.contracts.text import one_line
from placet.decisioning.state.aggregate import Aggregate
from placet.decisioning.state.reading import state_as_of
from placet.storage.sql.reading import unreadable
from placet.storage.tables import CUSTOMER_STATE

_SHOWN = 200


def state_told(customer_id: str, aggregate: Aggregate, version: int, as_of: datetime) -> CustomerState:
    """Return the state that a stored aggregate leads to.

    Raises:
        StorageError: code `storage_row`; it leads to none.
    """
    with named(customer_id):
        return state_as_of(customer_id, aggregate, version, as_of)


@contextmanager
def named(customer_id: object) -> Iterator[None]:
    """Name the customer whose row is not what the block takes it for.

    Raises:
        StorageError: code `storage_row`.
    """
    try:
        yield
    except ValidationError as error:
        raise unreadable(CUSTOMER_STATE.name, customer_id, first_fault(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        fault = f"it leads to no state ({type(error).__name__}: {one_line(str(error), _SHOWN)})"
        raise unreadable(CUSTOMER_STATE.name, customer_id, fault) from error
