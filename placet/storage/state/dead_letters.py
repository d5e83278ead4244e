"""The table of what could not be taken."""

from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import bindparam, delete, exists, func, select, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as
from placet.storage.tables import CUSTOMER_KEY, DEAD_LETTER

_TABLE = DEAD_LETTER
_THIS = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.letter_id == bindparam("id"))
_GET = select(_TABLE).where(*_THIS)
_OF_TENANT = select(_TABLE).where(_TABLE.c.tenant == bindparam("of_tenant"))
_OF_CODE = _OF_TENANT.where(_TABLE.c.code == bindparam("of_code"))
_SAY = update(_TABLE).where(*_THIS)
_DROP = delete(_TABLE).where(*_THIS)
_OLD = (
    select(_TABLE.c.letter_id)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.received_at < bindparam("before"))
    .order_by(_TABLE.c.received_at)
    .limit(bindparam("limit"))
)
_LET_GO = delete(_TABLE).where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.letter_id.in_(_OLD))
_HELD_BY_ONE = (
    select(CUSTOMER_KEY.c.key)
    .where(CUSTOMER_KEY.c.tenant == _TABLE.c.tenant, CUSTOMER_KEY.c.key == _TABLE.c.subject, CUSTOMER_KEY.c.held)
    .group_by(CUSTOMER_KEY.c.key)
    .having(func.count() == 1)
)
_MENDED = (
    select(_TABLE)
    .where(
        _TABLE.c.tenant == bindparam("of_tenant"),
        _TABLE.c.subject.is_not(None),
        _TABLE.c.code.in_(("unknown_subject", "ambiguous_subject")),
        exists(_HELD_BY_ONE),
    )
    .order_by(_TABLE.c.letter_id)
    .limit(bindparam("limit"))
)
_COUNT = select(_TABLE.c.code, func.count()).where(_TABLE.c.tenant == bindparam("of_tenant")).group_by(_TABLE.c.code)
_ORDER = PageOrder(_TABLE.c.tenant, (_TABLE.c.received_at, _TABLE.c.letter_id), descending=True)


class DeadLetter(Frozen):
    """What arrived and could not be taken.

    Attributes:
        letter_id: The SHA-256 of the content, its first 32 digits: the same content is one letter.
        code: Why, as a code; `reason`: why, as a line.
        content: What arrived, cut at the bound of an event.
        subject: The key that it names, where it could not be taken because of that.
    """

    tenant: str
    letter_id: str
    received_at: AwareDatetime
    code: str
    reason: str
    content: bytes
    subject: str | None = None


class DeadLetterRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, letter: DeadLetter) -> None:
        """Keep a letter; one that is there keeps its place and gets the newest reason."""
        if not insert_if_absent(self._connection, _TABLE, dict(letter)):
            self.say(letter)

    def say(self, letter: DeadLetter) -> None:
        """Give a letter that is there the newest reason; nothing happens where it is gone."""
        values = {"of_tenant": letter.tenant, "id": letter.letter_id}
        said = {"code": letter.code, "reason": letter.reason, "subject": letter.subject}
        self._connection.execute(_SAY, {**values, **said})

    def get(self, tenant: str, letter_id: str) -> DeadLetter | None:
        """Return a letter."""
        found = self._connection.execute(_GET, {"of_tenant": tenant, "id": letter_id}).mappings().one_or_none()
        return None if found is None else read_as(DeadLetter, _TABLE.name, letter_id, found)

    def list(self, tenant: str, *, code: str | None, after: str | None, limit: int) -> tuple[DeadLetter, ...]:
        """Return a page of letters, newest first; `code` names one reason.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = _OF_TENANT if code is None else _OF_CODE
        values = {"of_tenant": tenant} if code is None else {"of_tenant": tenant, "of_code": code}
        page = _ORDER.page(self._connection, query, tenant, after=after, limit=limit)
        return tuple(
            read_as(DeadLetter, _TABLE.name, row["letter_id"], row)
            for row in self._connection.execute(page, values).mappings()
        )

    def drop(self, tenant: str, letter_id: str) -> bool:
        """Take a letter away; return whether it was there."""
        return self._connection.execute(_DROP, {"of_tenant": tenant, "id": letter_id}).rowcount == 1

    def let_go(self, tenant: str, before: datetime, limit: int) -> int:
        """Take letters away that arrived before a time, the oldest first; return how many."""
        values = {"of_tenant": tenant, "before": before, "limit": limit}
        return self._connection.execute(_LET_GO, values).rowcount

    def mended(self, tenant: str, limit: int) -> tuple[DeadLetter, ...]:
        """Return letters that waited for a key of which exactly one customer is known now."""
        rows = self._connection.execute(_MENDED, {"of_tenant": tenant, "limit": limit}).mappings()
        return tuple(read_as(DeadLetter, _TABLE.name, row["letter_id"], row) for row in rows)

    def counts(self, tenant: str) -> dict[str, int]:
        """Return how many letters there are of each code."""
        return dict(self._connection.execute(_COUNT, {"of_tenant": tenant}).all())
