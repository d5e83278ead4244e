"""Signed delegations. They are never deleted, and revoked once: what was decided under them must stay explainable.

The table is an index. What confers anything is the signed document in the artifact store: whoever acts on a record asks
`signed` first, which a row that somebody wrote without the delegator's signature does not pass. A row that is not even
the shape of a delegation is not there for anybody, and keeps nothing from its neighbours. A revocation counts when the
row says so, and also when only the record does.
"""

from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import bindparam, update

from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.errors import GovernanceError, UsageError
from placet.governance.authority.delegations import in_turn
from placet.governance.signing.signed import verify_document
from placet.storage.artifacts import ArtifactStore
from placet.storage.governance.approvers import ApproverRepository
from placet.storage.governance.withdrawals import NOT_WITHDRAWN, with_withdrawal, withdrawal
from placet.storage.sql.driver import Connection, Row, Rows
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.tables import DELEGATION

_THIS = (DELEGATION.c.tenant == bindparam("of_tenant"), DELEGATION.c.delegation_id == bindparam("id"))
_FIELDS = ("document", "key_id")
_WITH_RECORD = with_withdrawal(DELEGATION, "delegation_id", "delegation.revoked")
_GET = _WITH_RECORD.where(*_THIS)
_OF_TENANT = _WITH_RECORD.where(DELEGATION.c.tenant == bindparam("of_tenant"))
_ORDER = PageOrder(DELEGATION.c.tenant, (DELEGATION.c.valid_until, DELEGATION.c.delegation_id))
_STANDING = _OF_TENANT.order_by(*_ORDER.place).where(
    DELEGATION.c.delegate == bindparam("to"),
    DELEGATION.c.valid_until > bindparam("now"),
    DELEGATION.c.revoked_at.is_(None),
    NOT_WITHDRAWN,
)
_REVOKE = update(DELEGATION).where(*_THIS, DELEGATION.c.revoked_at.is_(None))


class DelegationRepository:
    """Who may decide in whose stead. Use it inside a transaction."""

    __slots__ = ("_approvers", "_connection")

    def __init__(self, connection: Connection, approvers: ApproverRepository) -> None:
        self._connection, self._approvers = connection, approvers

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
        """Return the delegations that the table says `delegate` has at `now`.

        They are unverified: ask `signed` of each that matters.

        Bounded and ordered by `placet.governance.authority.delegations.in_turn`: at most 50, everyone's newest first.
        """
        return in_turn(one for one in self.standing(tenant, delegate, now) if one.delegation.valid_from <= now)

    def standing(self, tenant: str, delegate: str, now: datetime) -> tuple[DelegationRecord, ...]:
        """Return the delegations to `delegate` that neither ended nor were revoked, also those that begin later."""
        return _records(self._connection.execute(_STANDING, {"of_tenant": tenant, "to": delegate, "now": now}))

    def signed(self, record: DelegationRecord, now: datetime) -> bool:
        """Return whether the stored document is this very delegation and its signature counts at `now`."""
        tenant = record.delegation.tenant
        try:
            text = ArtifactStore(self._connection).get(record.document, tenant=tenant).decode(errors="replace")
            verified = verify_document(text, Delegation, tenant=tenant, now=now, find_key=self._approvers.get)
        except (GovernanceError, UsageError):  # altered, erased, or signed with a key that no longer counts
            return False
        return (verified.document, verified.key.key_id) == (record.delegation, record.key_id)

    def list(self, tenant: str, *, after: str | None = None, limit: int | None = None) -> tuple[DelegationRecord, ...]:
        """List the delegations of `tenant`, by the date on which they end; unverified.

        Args:
            tenant: Whose delegations.
            after: The one that ended the previous page.
            limit: Most that are returned; None: all.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        return _ORDER.read(self._connection, _OF_TENANT, tenant, _record, after=after, limit=limit, of_tenant=tenant)

    def get(self, tenant: str, delegation_id: str) -> DelegationRecord | None:
        """Return one delegation, revoked or not, unverified; None if there is none."""
        found = _records(self._connection.execute(_GET, {"of_tenant": tenant, "id": delegation_id}))
        return found[0] if found else None

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


def _records(rows: Rows) -> tuple[DelegationRecord, ...]:
    """Return the rows that are valid delegations; skip the others."""
    return tuple(record for row in rows.mappings() if (record := _record(row)) is not None)


def _record(row: Row) -> DelegationRecord | None:
    """Read a row; None for a malformed one, which confers nothing and must not end the review of whom it names."""
    try:
        delegation = Delegation.model_validate_json(row["delegation"])
        return DelegationRecord(delegation=delegation, **{name: row[name] for name in _FIELDS}, **withdrawal(row))
    except ValidationError:
        return None
