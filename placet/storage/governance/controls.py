"""Which runs were seeded as controls: they carry a proposal that must be declined, and can never execute.

What makes a run a control is the entry on its tenant's stream. A row alone stops no run, and a row that was taken away
lets no control execute.
"""

from pydantic import AwareDatetime, ValidationError
from sqlalchemy import bindparam, select

from placet.contracts.audit import tenant_stream
from placet.contracts.base import Frozen, PersonName, RunId, TenantId
from placet.errors import GovernanceError, UsageError
from placet.governance.oversight.stories import SEEDED, Flaw
from placet.storage.log.audit_log import AuditLog
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
        if insert_if_absent(self._connection, CONTROL, dict(control)):
            return
        row = self._connection.execute(_GET, {"id": control.run_id}).mappings().one_or_none()
        if row is None or dict(row) != dict(control):
            raise UsageError(f"run {control.run_id!r} is a control already", code="control_exists")

    def get(self, tenant: str, run_id: str) -> ControlRecord | None:
        """Return the control that the record says this run is; None for an ordinary run.

        Raises:
            GovernanceError: code `audit_broken`; its entry cannot be read.
        """
        entry = AuditLog(self._connection).find(tenant_stream(tenant), f"{SEEDED}.{run_id}")
        if entry is None:
            return None
        try:
            return ControlRecord(
                run_id=run_id, tenant=tenant, flaw=entry.body["flaw"], seeded_by=entry.actor, seeded_at=entry.at
            )
        except (KeyError, ValidationError) as error:
            raise GovernanceError(f"that run {run_id!r} is a control cannot be read", code="audit_broken") from error
