"""Customer statuses that differ from the opening one."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from placet.sandbox.store import Database
from placet.sandbox.tables import CUSTOMERS as _CUSTOMERS

OPENING = "Active"


@dataclass(frozen=True, slots=True)
class Statuses:
    """The status of each customer."""

    database: Database

    def of(self, customer_id: str) -> str:
        """Return one customer's status."""
        query = select(_CUSTOMERS.c.status).where(_CUSTOMERS.c.id == customer_id)
        with self.database.read() as connection:
            return connection.execute(query).scalar_one_or_none() or OPENING

    def changed(self) -> dict[str, str]:
        """Return the status of every customer whose status is not the opening one."""
        with self.database.read() as connection:
            return {row.id: row.status for row in connection.execute(select(_CUSTOMERS))}

    def put(self, customer_id: str, status: str) -> None:
        """Set a customer's status."""
        values = {"status": status}
        with self.database.write() as connection:
            connection.execute(
                upsert(_CUSTOMERS)
                .values(id=customer_id, **values)
                .on_conflict_do_update(index_elements=["id"], set_=values)
            )
