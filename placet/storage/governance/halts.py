"""Halts, and the lock that makes them bite at once (docs/adr/0010): once `place` is committed, nothing starts to leave.

A transaction that counts a request about to leave asks `in_force(for_sending=True)` first. On SQLite it and `place` are
writers, of which there is one at a time. On PostgreSQL it holds its tenant's lock shared until it has committed, and
`place` takes the lock alone: every such transaction is either counted before the halt, or sees it.
"""

import hashlib
from datetime import datetime

from sqlalchemy import and_, bindparam, or_, select, text, update

from placet.contracts.people.halt import Halt
from placet.errors import StorageError, UsageError
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import HALT

_ORDER = (HALT.c.placed_at, HALT.c.halt_id)
_GET = select(HALT).where(HALT.c.halt_id == bindparam("id"))
_LIST = select(HALT).where(HALT.c.tenant == bindparam("of_tenant")).order_by(*_ORDER)
_UNLIFTED = _LIST.where(HALT.c.lifted_at.is_(None))
_APPLYING = _UNLIFTED.where(
    or_(
        HALT.c.scope == "tenant",
        and_(HALT.c.scope == "agent", HALT.c.subject == bindparam("agent")),
        and_(HALT.c.scope == "kind", HALT.c.subject == bindparam("kind")),
    )
)
_LIFT = update(HALT).where(HALT.c.halt_id == bindparam("id"), HALT.c.lifted_at.is_(None))
_WIDTH = ("tenant", "agent", "kind")

_SHARED = text("SELECT pg_advisory_xact_lock_shared(:key), current_setting('transaction_isolation') AS isolation")
_ALONE = text("SELECT pg_advisory_xact_lock(:key), current_setting('transaction_isolation') AS isolation")


_PATIENT = text("SELECT set_config('lock_timeout', '75s', true), set_config('statement_timeout', '90s', true)")


class HaltRepository:
    """What is halted. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def place(self, halt: Halt) -> None:
        """Put `halt` in force, after every transaction that is counting a request of this tenant has ended.

        Raises:
            UsageError: code `halt_exists`; another halt has this id.
            StorageError: code `storage_isolation`; in this database a sender could miss it.
        """
        if self._connection.dialect.name == "postgresql":
            # A sender that froze while it counted is thrown out after half a minute: a halt must outlast it.
            self._connection.execute(_PATIENT)
        self._lock(halt.tenant, alone=True)
        if not insert_if_absent(self._connection, HALT, dict(halt)) and self.get(halt.halt_id) != halt:
            raise UsageError(f"halt {halt.halt_id!r} exists already", code="halt_exists")

    def in_force(self, tenant: str, *, agent: str, kind: str, for_sending: bool = False) -> Halt | None:
        """The widest halt that stops `agent` from mutations of `kind`, and the oldest such; None where none does.

        Args:
            tenant: Whose halts.
            agent: Name of the agent.
            kind: Kind of the mutation.
            for_sending: The caller counts a request that is about to leave in this very transaction. Ask before it
                reads anything else it relies on.

        Raises:
            StorageError: `for_sending`, and code `storage_isolation`: in this database a halt could be missed.
        """
        if for_sending:
            self._lock(tenant, alone=False)
        values = {"of_tenant": tenant, "agent": agent, "kind": kind}
        halts = [_halt(row) for row in self._connection.execute(_APPLYING, values).mappings()]
        return min(halts, key=lambda halt: _WIDTH.index(halt.scope), default=None)

    def list(self, tenant: str, *, lifted: bool = False) -> tuple[Halt, ...]:
        """The halts of `tenant` that are in force, oldest first; with `lifted`, those that were as well."""
        query = _LIST if lifted else _UNLIFTED
        return tuple(_halt(row) for row in self._connection.execute(query, {"of_tenant": tenant}).mappings())

    def get(self, halt_id: str) -> Halt | None:
        """One halt, lifted or not; None if it was never placed."""
        row = self._connection.execute(_GET, {"id": halt_id}).mappings().one_or_none()
        return None if row is None else _halt(row)

    def lift(self, halt_id: str, *, by: str, at: datetime, document: str) -> bool:
        """Lift a halt, on the signed document of this digest.

        Returns:
            True when it is lifted now; False when it was before, or there is no such halt.
        """
        values = {"id": halt_id, "lifted_by": by, "lifted_at": at, "lift": document}
        return self._connection.execute(_LIFT, values).rowcount == 1

    def _lock(self, tenant: str, *, alone: bool) -> None:
        if self._connection.dialect.name != "postgresql":
            return
        # A statement of its own: the next one sees what was committed while this one waited, unless the transaction
        # looks at one snapshot for all its time.
        locked = self._connection.execute(_ALONE if alone else _SHARED, {"key": _lock_key(tenant)}).mappings()
        isolation = locked[0]["isolation"]
        if isolation != "read committed":
            raise StorageError(
                f"transactions are {isolation!r} and could miss a halt; "
                "set default_transaction_isolation of the database to 'read committed'",
                code="storage_isolation",
            )


def _lock_key(tenant: str) -> int:
    """The tenant's lock among PostgreSQL's, which are numbered by a signed 64-bit integer."""
    return int.from_bytes(hashlib.sha256(f"placet/halt/{tenant}".encode()).digest()[:8], signed=True)


def _halt(row: Row) -> Halt:
    return Halt(**row)
