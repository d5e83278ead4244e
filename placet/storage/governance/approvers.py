"""Enrolled keys of named approvers. A key is revoked, never deleted: old signatures must stay explainable.

A row by itself entitles to nothing: `get` and `list` know only keys whose signed enrolment verifies
(`placet.storage.governance.enrolment`). A revocation counts when the row says so, and also when only the record does.
"""

from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import bindparam, select, update

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.passkey import Passkey
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.canonical import canonical_bytes
from placet.storage.governance.enrolment import REVOKED, Enrolled, EnrolmentJudge, RevokedEntry, Trust
from placet.storage.governance.withdrawals import with_withdrawal, withdrawal
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.tables import APPROVER

_WITH_RECORD = with_withdrawal(APPROVER, "key_id", REVOKED)
_GET = _WITH_RECORD.where(APPROVER.c.key_id == bindparam("id"))
_OF_TENANT = _WITH_RECORD.where(APPROVER.c.tenant == bindparam("of_tenant"))
_ORDER = PageOrder(APPROVER.c.tenant, (APPROVER.c.name, APPROVER.c.enrolled_at, APPROVER.c.key_id))
_NAMES = (
    select(APPROVER.c.name)
    .distinct()
    .where(APPROVER.c.tenant == bindparam("of_tenant"), APPROVER.c.name > bindparam("after"))
    .order_by(APPROVER.c.name)
    .limit(bindparam("limit"))
)
_REVOKE = update(APPROVER).where(APPROVER.c.key_id == bindparam("id"), APPROVER.c.revoked_at.is_(None))
_COLUMNS = tuple(name for name in EnrolledKey.model_fields if name not in ("limit", "passkey"))


class ListedKey(NamedTuple):
    """A row for people to see.

    Attributes:
        key_id: As the row has it.
        name: As the row has it.
        key: What the row says; None where it cannot be read.
        fault: Why it does not count although it was not revoked; None where it verifies.
    """

    key_id: str
    name: str
    key: EnrolledKey | None
    fault: str | None


class ApproverRepository:
    """Who may sign. Use it inside a transaction."""

    __slots__ = ("_connection", "_judge", "_read_rows", "_trust")

    def __init__(self, connection: Connection, trust: Trust) -> None:
        self._connection, self._trust = connection, trust
        # A review asks for the same key three times, and a transaction is one moment.
        self._read_rows: dict[str, Enrolled | None] = {}
        self._judge = EnrolmentJudge(connection, trust, self._row)

    @property
    def trust(self) -> Trust:
        """Whom this installation trusts to enroll."""
        return self._trust

    def enroll(self, key: EnrolledKey, document: str) -> bool:
        """Keep the row of an enrolment whose signed document has this digest.

        Returns:
            True when it is new, False when exactly this enrolment is already there.

        Raises:
            UsageError: code `key_already_enrolled`; the key is enrolled, or was revoked since.
                Code `key_revoked`; `key` itself comes revoked.
        """
        if key.revoked_at is not None:
            raise UsageError(f"key {key.key_id!r} is revoked; make a new key pair", code="key_revoked")
        self._read_rows.clear()
        if insert_if_absent(self._connection, APPROVER, _values(key, document)):
            return True
        found = self._row(key.key_id)
        if found is not None and (found.key, found.document) == (key, document):
            return False
        if found is None:
            raise UsageError(f"key {key.key_id!r} has a row that cannot be read", code="key_already_enrolled")
        if found.key.tenant != key.tenant:
            # Nothing of another tenant is told, not even who holds its key.
            raise UsageError(
                f"key {key.key_id!r} is enrolled elsewhere; make a new key pair", code="key_already_enrolled"
            )
        since = "" if found.key.revoked_at is None else ", and revoked since"
        raise UsageError(
            f"key {key.key_id!r} is already enrolled for {found.key.name!r} of tenant {key.tenant!r}{since}; "
            "an enrolment is never changed: make a new key pair",
            code="key_already_enrolled",
        )

    def revoke(self, key_id: str, *, by: str, at: datetime, reason: str, document: str) -> None:
        """Withdraw a key from `at` on, by the signed document of this digest; the first revocation stands.

        Raises:
            UsageError: code `unknown_key`.
        """
        self._read_rows.clear()
        values = {"revoked_by": by, "revoked_at": at, "revoked_reason": reason, "revocation": document}
        changed = self._connection.execute(_REVOKE, {"id": key_id, **values}).rowcount
        if not changed and self._row(key_id) is None:
            raise UsageError(f"key {key_id!r} is not enrolled", code="unknown_key")

    def get(self, key_id: str) -> EnrolledKey | None:
        """Return the key, revoked or not; None if no enrolment of it verifies."""
        row = self._row(key_id)
        return row.key if row is not None and self._fault(row) is None else None

    def by_credential(self, tenant: str, credential_id: str) -> tuple[EnrolledKey, ...]:
        """Return the passkeys of `tenant` with this credential id whose enrolment verifies, revoked ones included.

        One is expected: authenticators draw the ids at random. The caller's signature check decides which it is.
        """
        named = APPROVER.c.passkey.contains(f'"credential_id":"{credential_id}"', autoescape=True)
        rows = self._connection.execute(_OF_TENANT.where(named), {"of_tenant": tenant}).mappings()
        found = (one for one in map(_read, rows) if one is not None and one.key.passkey is not None)
        named_so = (one for one in found if one.key.passkey and one.key.passkey.credential_id == credential_id)
        return tuple(one.key for one in named_so if self._fault(one) is None)

    def tenant_of(self, key_id: str) -> str | None:
        """Return the tenant for which a row has this key, whether it counts or not; None where there is none."""
        row = self._row(key_id)
        return None if row is None else row.key.tenant

    def get_at(self, key_id: str, at: datetime) -> EnrolledKey | None:
        """Return the key as it was at `at`, without a revocation that came later."""
        key = self.get(key_id)
        if key is None or key.revoked_at is None or key.revoked_at <= at:
            return key
        return key.model_copy(update={"revoked_by": None, "revoked_at": None, "revoked_reason": None})

    def list(self, tenant: str) -> tuple[EnrolledKey, ...]:
        """Return the keys of `tenant` whose enrolment verifies, revoked ones included, by person and then by age."""
        return tuple(one.key for one in self.listed(tenant) if one.key is not None and one.fault is None)

    def listed(
        self, tenant: str, *, name: str | None = None, after: str | None = None, limit: int | None = None
    ) -> tuple[ListedKey, ...]:
        """List the rows of `tenant`, by person and then by age, with the reason why one does not count.

        Args:
            tenant: Whose keys.
            name: Only this person's.
            after: The key that ended the previous page.
            limit: Most that are returned; None: all.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = _OF_TENANT if name is None else _OF_TENANT.where(APPROVER.c.name == name)
        return _ORDER.read(self._connection, query, tenant, self._listed, after=after, limit=limit, of_tenant=tenant)

    def names(self, tenant: str, *, after: str = "", limit: int = 50) -> tuple[str, ...]:
        """Return the people for whom `tenant` has rows, by name; `after` ended the previous page."""
        values = {"of_tenant": tenant, "after": after, "limit": limit}
        return tuple(self._connection.scalars(_NAMES, values))

    def _listed(self, row: Row) -> ListedKey:
        found = _read(row)
        if found is None:
            return ListedKey(str(row["key_id"]), str(row["name"]), None, "the row cannot be read")
        return ListedKey(found.key.key_id, found.key.name, found.key, self._fault(found))

    def _row(self, key_id: str) -> Enrolled | None:
        if key_id not in self._read_rows:
            row = self._connection.execute(_GET, {"id": key_id}).mappings().one_or_none()
            self._read_rows[key_id] = None if row is None else _read(row)
        return self._read_rows[key_id]

    def _fault(self, row: Enrolled) -> str | None:
        try:
            self._judge.check(row)
        except (GovernanceError, UsageError) as error:
            return str(error)
        return None


def _values(key: EnrolledKey, document: str) -> dict[str, object]:
    values = dict(key)
    limit = values.pop("limit")
    return {
        **values,
        "roles": " ".join(key.roles),
        "limit_minor": None if limit is None else limit.amount_minor,
        "limit_currency": None if limit is None else limit.currency,
        "document": document,
        "revocation": None,
        "passkey": None if key.passkey is None else canonical_bytes(key.passkey).decode(),
    }


def _passkey(text: str | None) -> Passkey | None:
    return None if text is None else Passkey.model_validate_json(text)


def _read(row: Row) -> Enrolled | None:
    """Return what the row says; None if it is not a valid key."""
    minor, currency = row["limit_minor"], row["limit_currency"]
    try:
        limit = None if minor is None and currency is None else Money(amount_minor=minor, currency=currency)
        values = {**{name: row[name] for name in _COLUMNS}, **withdrawal(row)}
        values["passkey"] = _passkey(row["passkey"])
        key = EnrolledKey(**{**values, "roles": tuple(row["roles"].split()), "limit": limit})
    except (ValidationError, AttributeError, TypeError):
        return None
    if row["entry_seq"] is None:
        return Enrolled(key, row["document"], None)
    return Enrolled(key, row["document"], RevokedEntry(row["entry_seq"], row["entry_at"]))
