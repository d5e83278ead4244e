"""Enrolled keys of named approvers. A key is revoked, never deleted: old signatures must stay explainable."""

from datetime import datetime

from sqlalchemy import bindparam, select, update

from placet.contracts.approver import EnrolledKey
from placet.contracts.money import Money
from placet.errors import UsageError
from placet.storage.driver import Connection, Row
from placet.storage.inserts import insert_if_absent
from placet.storage.tables import APPROVER

_GET = select(APPROVER).where(APPROVER.c.key_id == bindparam("id"))
_LIST = (
    select(APPROVER)
    .where(APPROVER.c.tenant == bindparam("tenant"))
    .order_by(APPROVER.c.name, APPROVER.c.enrolled_at, APPROVER.c.key_id)
)
_REVOKE = update(APPROVER).where(APPROVER.c.key_id == bindparam("id"), APPROVER.c.revoked_at.is_(None))


class ApproverRepository:
    """Who may sign. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enroll(self, key: EnrolledKey) -> bool:
        """Enrol `key`; True when it is new, False when exactly this enrolment is already there.

        Raises:
            UsageError: code `key_already_enrolled`; the key is enrolled on other terms, or was revoked since.
                Code `key_revoked`; `key` itself comes revoked.
        """
        if key.revoked_at is not None:
            raise UsageError(f"key {key.key_id!r} is revoked; make a new key pair", code="key_revoked")
        if insert_if_absent(self._connection, APPROVER, _row(key)):
            return True
        found = self.get(key.key_id)
        if found is None or found == key:
            return False
        state = "on other terms" if found.revoked_at is None else "and revoked since"
        raise UsageError(
            f"key {key.key_id!r} is already enrolled for {found.name!r} of tenant {found.tenant!r}, {state}; "
            "make a new key pair",
            code="key_already_enrolled",
        )

    def revoke(self, key_id: str, *, by: str, at: datetime, reason: str) -> EnrolledKey:
        """Withdraw a key from `at` on and return it; the first revocation stands.

        Raises:
            UsageError: code `unknown_key`.
        """
        values = {"revoked_by": by, "revoked_at": at, "revoked_reason": reason}
        self._connection.execute(_REVOKE, {"id": key_id, **values})
        key = self.get(key_id)
        if key is None:
            raise UsageError(f"key {key_id!r} is not enrolled", code="unknown_key")
        return key

    def get(self, key_id: str) -> EnrolledKey | None:
        """The key, revoked or not; None if it was never enrolled."""
        row = self._connection.execute(_GET, {"id": key_id}).mappings().one_or_none()
        return None if row is None else _key(row)

    def list(self, tenant: str) -> tuple[EnrolledKey, ...]:
        """Every key ever enrolled for `tenant`, by person and then by age."""
        return tuple(_key(row) for row in self._connection.execute(_LIST, {"tenant": tenant}).mappings())


def _row(key: EnrolledKey) -> dict[str, object]:
    values = dict(key)
    limit = values.pop("limit")
    return {
        **values,
        "roles": " ".join(key.roles),
        "limit_minor": None if limit is None else limit.amount_minor,
        "limit_currency": None if limit is None else limit.currency,
    }


def _key(row: Row) -> EnrolledKey:
    values = dict(row)
    minor, currency = values.pop("limit_minor"), values.pop("limit_currency")
    limit = None if minor is None and currency is None else Money(amount_minor=minor, currency=currency)
    return EnrolledKey(**{**values, "roles": tuple(row["roles"].split()), "limit": limit})
