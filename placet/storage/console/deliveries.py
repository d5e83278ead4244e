"""Signed batches that are being delivered, as rows: one is there from before the first share is sent until the last."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import bindparam, delete, insert, select, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.sql.reading import read_as
from placet.storage.tables import DELIVERY

_TABLE = DELIVERY
_THIS = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.batch == bindparam("of_batch"))
_ADD = insert(_TABLE)
_GET = select(_TABLE).where(*_THIS)
_REPLACE = delete(_TABLE).where(*_THIS)
_END = _REPLACE.where(_TABLE.c.holder == bindparam("of_holder"))
_MOVED = update(_TABLE).where(*_THIS, _TABLE.c.holder == bindparam("of_holder"))
_TAKE = update(_TABLE).where(*_THIS, _TABLE.c.moved_at <= bindparam("before"))
_RESTING = (
    select(_TABLE.c.batch)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.moved_at <= bindparam("before"))
    .order_by(_TABLE.c.moved_at)
)


class DeliveryRow(Frozen):
    """One row.

    Attributes:
        batch: SHA-256 of the signed batch.
        shares: What each run is sent, as a JSON object by run id.
        holder: The process that delivers it.
        moved_at: When that process was heard of last.
    """

    tenant: str
    batch: str
    shares: str
    holder: str
    moved_at: AwareDatetime


class DeliveryRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: DeliveryRow) -> None:
        """Keep a new one, in place of one of the same batch."""
        self._connection.execute(_REPLACE, {"of_tenant": row.tenant, "of_batch": row.batch})
        self._connection.execute(_ADD, dict(row))

    def get(self, tenant: str, batch: str) -> DeliveryRow | None:
        """Return a row; None where there is none.

        Raises:
            StorageError: code `storage_row`; it is no such row.
        """
        found = self._connection.execute(_GET, {"of_tenant": tenant, "of_batch": batch}).mappings().one_or_none()
        return None if found is None else read_as(DeliveryRow, _TABLE.name, batch, found)

    def resting(self, tenant: str, before: datetime) -> tuple[str, ...]:
        """Return the batches whose holder was not heard of since a time, oldest first."""
        found: Iterable[str] = self._connection.scalars(_RESTING, {"of_tenant": tenant, "before": before})
        return tuple(found)

    def take(self, tenant: str, batch: str, holder: str, *, before: datetime, at: datetime) -> bool:
        """Let another process go on with one that rests; True for the one who does, of however many try at once."""
        place = {"of_tenant": tenant, "of_batch": batch, "before": before}
        return self._connection.execute(_TAKE, {**place, "holder": holder, "moved_at": at}).rowcount == 1

    def moved(self, tenant: str, batch: str, holder: str, at: datetime) -> bool:
        """Note that its holder is at it; False where another process took it, or it is over."""
        place = {"of_tenant": tenant, "of_batch": batch, "of_holder": holder}
        return self._connection.execute(_MOVED, {**place, "moved_at": at}).rowcount == 1

    def end(self, tenant: str, batch: str, holder: str) -> None:
        """Take it away, unless another process holds it; one that is not there is no fault."""
        self._connection.execute(_END, {"of_tenant": tenant, "of_batch": batch, "of_holder": holder})
