"""Signed delegations. They are never deleted, and revoked once: what was decided under them must stay explainable.

The table is an index. What confers anything is the signed document in the artifact store: a row that somebody wrote
without the delegator's signature is not there for those who ask what counts.
"""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from placet.contracts.delegation import Delegation, DelegationRecord
from placet.errors import GovernanceError, UsageError
from placet.governance.signed import verify_document
from placet.storage.approvers import ApproverRepository
from placet.storage.artifacts import ArtifactStore
from placet.storage.inserts import insert_if_absent
from placet.storage.tables import DELEGATION

_THIS = (DELEGATION.c.tenant == bindparam("of_tenant"), DELEGATION.c.delegation_id == bindparam("id"))
_GET = select(DELEGATION).where(*_THIS)
_LIST = (
    select(DELEGATION)
    .where(DELEGATION.c.tenant == bindparam("of_tenant"))
    .order_by(DELEGATION.c.valid_until, DELEGATION.c.delegation_id)
)
_ACTIVE = _LIST.where(
    DELEGATION.c.delegate == bindparam("to"),
    DELEGATION.c.valid_until > bindparam("now"),
    DELEGATION.c.revoked_at.is_(None),
)
_REVOKE = update(DELEGATION).where(*_THIS, DELEGATION.c.revoked_at.is_(None))


class DelegationRepository:
    """Who may decide in whose stead. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: DelegationRecord) -> bool:
        """Keep a signed delegation.

        Returns:
            True when it is new. False when a delegation of this identity is there, revoked or not; it stands as it is.
        """
        delegation = record.delegation
        values: dict[str, object] = {
            **dict(record),
            "tenant": delegation.tenant,
            "delegation_id": delegation.document_id,
            "delegate": delegation.delegate,
            "valid_until": delegation.valid_until,
            "delegation": delegation.model_dump_json(),
        }
        return insert_if_absent(self._connection, DELEGATION, values)

    def active(self, tenant: str, delegate: str, now: datetime) -> tuple[DelegationRecord, ...]:
        """What `delegate` was conferred and has at `now`, where the document says so over a good key's signature."""
        values = {"of_tenant": tenant, "to": delegate, "now": now}
        found = [_record(row) for row in self._connection.execute(_ACTIVE, values).mappings()]
        return tuple(each for each in found if each.delegation.valid_from <= now and self._signed(each, now))

    def list(self, tenant: str) -> tuple[DelegationRecord, ...]:
        """Every delegation of `tenant`, by the date on which it ends."""
        return tuple(_record(row) for row in self._connection.execute(_LIST, {"of_tenant": tenant}).mappings())

    def get(self, tenant: str, delegation_id: str) -> DelegationRecord | None:
        """One delegation, revoked or not; None if there is none."""
        row = self._connection.execute(_GET, {"of_tenant": tenant, "id": delegation_id}).mappings().one_or_none()
        return None if row is None else _record(row)

    def revoke(self, tenant: str, delegation_id: str, *, by: str, at: datetime, reason: str) -> DelegationRecord:
        """Withdraw a delegation and return it; the first revocation stands.

        Raises:
            UsageError: code `unknown_delegation`.
        """
        values = {"revoked_by": by, "revoked_at": at, "revoked_reason": reason}
        self._connection.execute(_REVOKE, {"of_tenant": tenant, "id": delegation_id, **values})
        record = self.get(tenant, delegation_id)
        if record is None:
            raise UsageError(
                f"no delegation {delegation_id!r}; see `placet delegation list`", code="unknown_delegation"
            )
        return record

    def _signed(self, record: DelegationRecord, now: datetime) -> bool:
        """Whether the stored document is this delegation, and its signature counts at `now`."""
        tenant = record.delegation.tenant
        try:
            text = ArtifactStore(self._connection).get(record.document, tenant=tenant).decode(errors="replace")
            find_key = ApproverRepository(self._connection).get
            verified = verify_document(text, Delegation, tenant=tenant, now=now, find_key=find_key)
        except (GovernanceError, UsageError):  # altered, erased, or signed with a key that no longer counts
            return False
        return (verified.document, verified.key.key_id) == (record.delegation, record.key_id)


def _record(row: RowMapping) -> DelegationRecord:
    fields = {name: row[name] for name in DelegationRecord.model_fields}
    return DelegationRecord(**{**fields, "delegation": Delegation.model_validate_json(row["delegation"])})
