"""What browsers were asked for a passkey, as rows. What a row is worth is for whoever knows the key of its seal."""

from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import bindparam, delete, func, insert, select

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.sql.reading import read_as
from placet.storage.tables import CONSOLE_PROMPT

_TABLE = CONSOLE_PROMPT
_THIS = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.prompt_sha256 == bindparam("id"))
_ADD = insert(_TABLE)
_GET = select(_TABLE).where(*_THIS)
_TAKE = delete(_TABLE).where(*_THIS)
_FORGET = delete(_TABLE).where(_TABLE.c.expires_at <= bindparam("now"))
_HELD = select(func.count()).where(
    _TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.session_sha256 == bindparam("session")
)


class PromptRow(Frozen):
    """One row.

    Attributes:
        prompt_sha256: SHA-256 of what the browser names it by.
        session_sha256: SHA-256 of the cookie that it was made for.
        purpose: What an answer is for.
        subject: What it is about, as its purpose understands it.
        asked: The statement that is signed, or the challenge.
        seal: Authenticates all other fields.
    """

    tenant: str
    prompt_sha256: bytes
    session_sha256: bytes
    purpose: str
    subject: str
    asked: bytes
    expires_at: AwareDatetime
    seal: bytes


class PromptRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, row: PromptRow) -> None:
        """Keep a new one."""
        self._connection.execute(_ADD, dict(row))

    def get(self, tenant: str, prompt_sha256: bytes) -> PromptRow | None:
        """Return the row; None where there is none."""
        found = self._connection.execute(_GET, {"of_tenant": tenant, "id": prompt_sha256}).mappings().one_or_none()
        return None if found is None else read_as(PromptRow, _TABLE.name, found["subject"], found)

    def take(self, tenant: str, prompt_sha256: bytes) -> bool:
        """Take one away; True for the one who did, of however many try at once."""
        return self._connection.execute(_TAKE, {"of_tenant": tenant, "id": prompt_sha256}).rowcount == 1

    def held(self, tenant: str, session_sha256: bytes) -> int:
        """Return how many there are of one browser."""
        return self._connection.scalar(_HELD, {"of_tenant": tenant, "session": session_sha256}) or 0

    def forget(self, now: datetime) -> None:
        """Take away those that have expired."""
        self._connection.execute(_FORGET, {"now": now})
