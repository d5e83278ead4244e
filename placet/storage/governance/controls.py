"""Which runs were seeded as controls: they carry a proposal that must be declined, and can never execute."""

from pydantic import AwareDatetime
from sqlalchemy import bindparam, select

from placet.contracts.base import Frozen, PersonName, RunId, TenantId
from placet.errors import UsageError
from placet.governance.oversight import Flaw
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import CONTROL

_GET = select(CONTROL).where(CONTROL.c.run_id == bindparam("id"))


class ControlRecord(Frozen):
    """A seeded control.

    Attributes:
        flaw: What is wrong with its proposal.
        seeded_by: Who planted it; they know, so that their own decision on it says nothing.
    """

    run_id: RunId
    tenant: TenantId
    flaw: Flaw
    seeded_by: PersonName
    seeded_at: AwareDatetime


class ControlRepository:
    """The controls of all tenants. Rows are never changed. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seed(self, control: ControlRecord) -> None:
        """Mark a run as a control, before it is started.

        Raises:
            UsageError: code `control_exists`; the run is another control.
        """
        if not insert_if_absent(self._connection, CONTROL, dict(control)) and self.get(control.run_id) != control:
            raise UsageError(f"run {control.run_id!r} is a control already", code="control_exists")

    def get(self, run_id: str) -> ControlRecord | None:
        """The control that this run is; None for an ordinary run."""
        row = self._connection.execute(_GET, {"id": run_id}).mappings().one_or_none()
        return None if row is None else ControlRecord(**row)
