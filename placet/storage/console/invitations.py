"""Invitations to register a passkey, as rows. What a row is worth is for whoever knows the key of its seal."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime
from sqlalchemy import bindparam, delete, insert, select, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as
from placet.storage.tables import INVITATION

T = TypeVar("T")

_TABLE = INVITATION
_OF_TENANT = _TABLE.c.tenant == bindparam("of_tenant")
_THIS = (_OF_TENANT, _TABLE.c.invitation_id == bindparam("id"))
_ADD = insert(_TABLE)
_GET = select(_TABLE).where(*_THIS)
_BY_CODE = select(_TABLE).where(_OF_TENANT, _TABLE.c.code_sha256 == bindparam("code"))
_LIST = select(_TABLE).where(_OF_TENANT)
_NEWEST_FIRST = PageOrder(_TABLE.c.tenant, (_TABLE.c.invited_at, _TABLE.c.invitation_id), descending=True)
_ANSWER = update(_TABLE).where(*_THIS, _TABLE.c.request.is_(None))
_END = delete(_TABLE).where(*_THIS)
_FORGET = delete(_TABLE).where(_OF_TENANT, _TABLE.c.invited_at < bindparam("before"))


class InvitationRow(Frozen):
    """One row.

    Attributes:
        code_sha256: SHA-256 of the code in the link.
        roles: Separated by spaces.
        days: How long the key will count.
        request: What the invited person registered, as JSON; None until they have.
        seal: Authenticates all other fields.
    """

    tenant: str
    invitation_id: str
    code_sha256: bytes
    name: str
    roles: str
    limit_minor: int | None
    limit_currency: str | None
    days: int
    invited_by: str
    invited_at: AwareDatetime
    expires_at: AwareDatetime
    request: str | None = None
    seal: bytes = b""


class InvitationRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: InvitationRow) -> None:
        """Keep a new one."""
        self._connection.execute(_ADD, dict(row))

    def get(self, tenant: str, invitation_id: str) -> InvitationRow | None:
        """Return the row; None where there is none."""
        found = self._connection.execute(_GET, {"of_tenant": tenant, "id": invitation_id}).mappings().one_or_none()
        return None if found is None else read_as(InvitationRow, _TABLE.name, found["invitation_id"], found)

    def by_code(self, tenant: str, code_sha256: bytes) -> InvitationRow | None:
        """Return the row of a code; None where there is none."""
        found = self._connection.execute(_BY_CODE, {"of_tenant": tenant, "code": code_sha256}).mappings().one_or_none()
        return None if found is None else read_as(InvitationRow, _TABLE.name, found["invitation_id"], found)

    def list(
        self, tenant: str, keep: Callable[[InvitationRow], T | None], *, after: str | None, limit: int
    ) -> tuple[T, ...]:
        """Return a page of what `keep` makes of the rows, newest first; those it answers None for are left out.

        Args:
            tenant: Whose.
            keep: Judges one row.
            after: The invitation that ended the previous page.
            limit: Most that are returned.

        Raises:
            UsageError: code `unknown_cursor`.
        """

        def read(row: Row) -> T | None:
            return keep(read_as(InvitationRow, _TABLE.name, row["invitation_id"], row))

        return _NEWEST_FIRST.read(self._connection, _LIST, tenant, read, after=after, limit=limit, of_tenant=tenant)

    def answer(self, row: InvitationRow) -> bool:
        """Keep what was registered; True for the one who did, of however many try at once."""
        values = {"of_tenant": row.tenant, "id": row.invitation_id, "request": row.request, "seal": row.seal}
        return self._connection.execute(_ANSWER, values).rowcount == 1

    def forget(self, tenant: str, before: datetime) -> None:
        """Take away those that were made before a time."""
        self._connection.execute(_FORGET, {"of_tenant": tenant, "before": before})

    def end(self, tenant: str, invitation_id: str) -> bool:
        """Take one away; True for the one who did."""
        return self._connection.execute(_END, {"of_tenant": tenant, "id": invitation_id}).rowcount == 1
