"""The table of customers whose state changed: a queue of those whom nobody has followed yet."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, select, text

from placet.storage.sql.driver import Connection
from placet.storage.tables import CUSTOMER_CHANGED

_TABLE = CUSTOMER_CHANGED
_OF_TENANT = _TABLE.c.tenant == bindparam("of_tenant")
_NOTE = text(
    "INSERT INTO customer_changed (tenant, customer_id, version, happened_us) "
    "VALUES (:of_tenant, :customer, :of_version, :happened) "
    "ON CONFLICT (tenant, customer_id) DO UPDATE SET version = excluded.version, "
    "happened_us = CASE WHEN excluded.happened_us > customer_changed.happened_us "
    "THEN excluded.happened_us ELSE customer_changed.happened_us END"
)
_NEXT = (
    select(_TABLE.c.customer_id, _TABLE.c.version, _TABLE.c.happened_us)
    .where(_OF_TENANT, _TABLE.c.happened_us <= bindparam("until"))
    .order_by(_TABLE.c.happened_us, _TABLE.c.customer_id)
    .limit(bindparam("limit"))
)
_HAPPENED = select(_TABLE.c.customer_id, _TABLE.c.happened_us).where(
    _OF_TENANT, _TABLE.c.customer_id.in_(bindparam("customers", expanding=True))
)
_FOLLOWED = delete(_TABLE).where(
    _OF_TENANT, _TABLE.c.customer_id == bindparam("customer"), _TABLE.c.version == bindparam("of_version")
)
_SOME = select(_TABLE.c.customer_id).where(_OF_TENANT).order_by(_TABLE.c.customer_id).limit(bindparam("limit"))
_DROP = delete(_TABLE).where(_OF_TENANT, _TABLE.c.customer_id.in_(_SOME))
_ERASE = delete(_TABLE).where(_OF_TENANT, _TABLE.c.customer_id == bindparam("customer"))
_LATER = select(func.count()).select_from(_TABLE).where(_OF_TENANT, _TABLE.c.happened_us > bindparam("until"))


class Changed(NamedTuple):
    """A customer whose state changed.

    Attributes:
        version: Of the state.
        happened_us: When the newest event that was folded since had happened, in microseconds since 1970.
    """

    customer_id: str
    version: int
    happened_us: int


class ChangeRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, tenant: str, changed: Changed) -> None:
        """Note that a customer's state changed; who is noted already stays once, with the newest event."""
        customer_id, version, happened = changed
        values = {"of_tenant": tenant, "customer": customer_id, "of_version": version, "happened": happened}
        self._connection.execute(_NOTE, values)

    def next(self, tenant: str, until_us: int, limit: int) -> Sequence[Changed]:
        """Return who is next, the oldest event first; nobody whose event is of a time to come."""
        values = {"of_tenant": tenant, "until": until_us, "limit": limit}
        return [Changed(*row) for row in self._connection.execute(_NEXT, values)]

    def happened(self, tenant: str, customers: Sequence[str]) -> dict[str, int]:
        """Return when the newest event of some customers had happened, of those who are noted now."""
        values = {"of_tenant": tenant, "customers": list(customers)}
        return dict(tuple(row) for row in self._connection.execute(_HAPPENED, values))

    def followed(self, tenant: str, customers: Sequence[Changed]) -> None:
        """Take customers away who were followed; whose state changed once more meanwhile stays."""
        for one in customers:
            values = {"of_tenant": tenant, "customer": one.customer_id, "of_version": one.version}
            self._connection.execute(_FOLLOWED, values)

    def drop(self, tenant: str, limit: int) -> int:
        """Take some away whom nobody wants to follow; return how many."""
        return self._connection.execute(_DROP, {"of_tenant": tenant, "limit": limit}).rowcount

    def erase(self, tenant: str, customer_id: str) -> None:
        """Take one customer away."""
        self._connection.execute(_ERASE, {"of_tenant": tenant, "customer": customer_id})

    def later(self, tenant: str, until_us: int) -> int:
        """Return how many have an event of a time to come."""
        return int(self._connection.scalar(_LATER, {"of_tenant": tenant, "until": until_us}) or 0)
