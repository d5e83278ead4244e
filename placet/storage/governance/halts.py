"""Halts, and the lock that makes them bite at once (docs/adr/0010): once `place` is committed, nothing starts to leave.

A transaction that counts a request about to leave asks `in_force(for_sending=True)` first. On SQLite it and `place` are
writers, of which there is one at a time. On PostgreSQL it holds its tenant's lock shared until it has committed, and
`place` takes the lock alone: every such transaction is either counted before the halt, or sees it.

A halt ends by what an entitled person signed, not by its row: one whose lift does not verify is in force. Whoever sends
also asks the record: what it says was placed is in force as it was placed, whatever became of the row. Whoever is shown
a halt, or lifts one, gets what the record says as well: a row could name another subject, or another person.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select, text, update

from placet.contracts.audit import tenant_stream
from placet.contracts.people.halt import Halt, Lift
from placet.errors import GovernanceError, StorageError, UsageError
from placet.governance.halts import PLACED, check_lift, stops
from placet.governance.log.body import read_body
from placet.governance.signing.signed import unverified_document, verify_document
from placet.storage.artifacts import ArtifactStore
from placet.storage.governance.approvers import ApproverRepository
from placet.storage.log.audit_log import AuditLog
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as, unreadable
from placet.storage.tables import AUDIT, HALT
from placet.storage.tables.record import PLACED_HALT

_ORDER = PageOrder(HALT.c.tenant, (HALT.c.placed_at, HALT.c.halt_id))
_GET = select(HALT).where(HALT.c.halt_id == bindparam("id"))
_OF_TENANT = select(HALT).where(HALT.c.tenant == bindparam("of_tenant"))
_APPLYING = _OF_TENANT.order_by(*_ORDER.place).where(
    or_(
        HALT.c.scope == "tenant",
        and_(HALT.c.scope == "agent", HALT.c.subject == bindparam("agent")),
        and_(HALT.c.scope == "kind", HALT.c.subject == bindparam("kind")),
    )
)
_LIFTED = ("lifted_by", "lifted_at", "lift")
_PLACED = (
    select(AUDIT.c.step_key, AUDIT.c.actor, AUDIT.c.at, AUDIT.c.body, HALT.c.halt_id, *(HALT.c[n] for n in _LIFTED))
    .select_from(
        AUDIT.outerjoin(
            HALT,
            and_(
                HALT.c.halt_id == func.substr(AUDIT.c.step_key, len(PLACED) + 2),
                HALT.c.tenant == bindparam("of_tenant"),
            ),
        )
    )
    .where(AUDIT.c.stream == bindparam("of_stream"), text(f"audit_event.{PLACED_HALT}"))
)
_LIFT = update(HALT).where(HALT.c.halt_id == bindparam("id"), HALT.c.lifted_at.is_(None))
_PLACING = ("scope", "subject", "reason")
_WIDTH = ("tenant", "agent", "kind")

_SHARED = text("SELECT pg_advisory_xact_lock_shared(:key), current_setting('transaction_isolation') AS isolation")
_ALONE = text("SELECT pg_advisory_xact_lock(:key), current_setting('transaction_isolation') AS isolation")


_PATIENT = text("SELECT set_config('lock_timeout', '75s', true), set_config('statement_timeout', '90s', true)")


class HaltRepository:
    """What is halted. Use it inside a transaction."""

    __slots__ = ("_approvers", "_connection")

    def __init__(self, connection: Connection, approvers: ApproverRepository) -> None:
        self._connection, self._approvers = connection, approvers

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
        if (
            not insert_if_absent(self._connection, HALT, halt.model_dump(exclude={"doubt"}))
            and self.get(halt.halt_id) != halt
        ):
            raise UsageError(f"halt {halt.halt_id!r} exists already", code="halt_exists")

    def in_force(self, tenant: str, *, agent: str, kind: str, for_sending: bool = False) -> Halt | None:
        """Return the widest halt that stops `agent` from mutations of `kind`; None if none does.

        Of equally wide ones it is the oldest.

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
        rows = self._connection.execute(_APPLYING, values).mappings()
        halts = [halt for row in rows if (halt := self._judged(row)).lifted_at is None]
        placed = (halt for halt in self._recorded(tenant) if halt.lifted_at is None)
        halts += [halt for halt in placed if stops(halt.scope, halt.subject, agent=agent, kind=kind)]
        return min(halts, key=lambda halt: _WIDTH.index(halt.scope), default=None)

    def list(
        self, tenant: str, *, lifted: bool = False, after: str | None = None, limit: int | None = None
    ) -> tuple[Halt, ...]:
        """List the halts of `tenant` that are in force, oldest first.

        Args:
            tenant: Whose halts.
            lifted: Those that were lifted as well.
            after: The halt that ended the previous page.
            limit: Most that are returned; None: all.

        Raises:
            UsageError: code `unknown_cursor`.
        """

        def meant(row: Row) -> Halt | None:
            halt = self._as_placed(row)
            return halt if lifted or halt.lifted_at is None else None

        return _ORDER.read(self._connection, _OF_TENANT, tenant, meant, after=after, limit=limit, of_tenant=tenant)

    def standing(self, tenant: str) -> tuple[Halt, ...]:
        """Return all halts that are in force: those of rows, and those on the record whatever became of their rows."""
        found = {halt.halt_id: halt for halt in self._recorded(tenant) if halt.lifted_at is None}
        return tuple({**found, **{halt.halt_id: halt for halt in self.list(tenant)}}.values())

    def get(self, halt_id: str) -> Halt | None:
        """Return one halt, lifted or not; None if it was never placed."""
        row = self._connection.execute(_GET, {"id": halt_id}).mappings().one_or_none()
        return None if row is None else self._as_placed(row)

    def lift(self, halt_id: str, *, by: str, at: datetime, document: str) -> bool:
        """Lift a halt, on the signed document of this digest.

        Returns:
            True when it is lifted now; False when it was before, or there is no such halt.
        """
        values = {"id": halt_id, "lifted_by": by, "lifted_at": at, "lift": document}
        return self._connection.execute(_LIFT, values).rowcount == 1

    def _recorded(self, tenant: str) -> Iterator[Halt]:
        """Yield every halt on the record as it was placed; lifted only where a signed document lifts it."""
        entries = self._connection.execute(
            _PLACED, {"of_tenant": tenant, "of_stream": tenant_stream(tenant)}
        ).mappings()
        for entry in entries:
            halt, lifted = _placed(tenant, entry), {name: entry[name] for name in _LIFTED}
            yield halt if lifted["lifted_at"] is None else self._judged({**halt.model_dump(), **lifted})

    def _as_placed(self, row: Row) -> Halt:
        """Return the halt of a row as the record says that it was placed; lifted only where a signed document does."""
        halt = read_as(Halt, HALT.name, row["halt_id"], row)
        entry = AuditLog(self._connection).find(tenant_stream(halt.tenant), f"{PLACED}.{halt.halt_id}")
        if entry is None:
            return self._unless_lifted(
                halt.model_copy(update={"doubt": "nothing on the record says that it was placed"})
            )
        said = {name: entry.body.get(name) for name in _PLACING} | {"placed_by": entry.actor, "placed_at": entry.at}
        if all(getattr(halt, name) == value for name, value in said.items()):
            return self._unless_lifted(halt)
        doubt = "its row says otherwise than the record; what the record says is shown, and counts"
        return self._unless_lifted(read_as(Halt, AUDIT.name, entry.step_key, {**row, **said, "doubt": doubt}))

    def _judged(self, row: Row) -> Halt:
        """Return the halt of a row; lifted only where a signed document lifts it."""
        return self._unless_lifted(read_as(Halt, HALT.name, row["halt_id"], row))

    def _unless_lifted(self, halt: Halt) -> Halt:
        """Return `halt`, which stands unless a signed document lifts it, whatever its row says."""
        if halt.lifted_at is None or self._signed(halt):
            return halt
        doubt = f"its row says that {halt.lifted_by} lifted it, which nobody signed"
        return halt.model_copy(update={"lifted_by": None, "lifted_at": None, "lift": None, "doubt": doubt})

    def _signed(self, halt: Halt) -> bool:
        """Return whether the document that the row names lifts it, signed by a key that counted then."""
        seen, this = self._approvers.trust.lifted, (halt.halt_id, str(halt.lift))
        if this in seen:
            return True
        try:
            text = ArtifactStore(self._connection).get(this[1], tenant=halt.tenant).decode(errors="replace")
            at = unverified_document(text, Lift)[0].signed_at
            found = verify_document(
                text, Lift, tenant=halt.tenant, now=at, find_key=lambda key_id: self._approvers.get_at(key_id, at)
            )
            placed = halt.model_copy(update={"lifted_by": None, "lifted_at": None, "lift": None})
            check_lift(found.document, placed, at)
        except (GovernanceError, UsageError):
            return False
        if (found.document.signer, found.digest) != (halt.lifted_by, halt.lift):
            return False
        seen.add(this)
        return True

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
    """Return the number of the tenant's lock in PostgreSQL: a signed 64-bit integer."""
    return int.from_bytes(hashlib.sha256(f"placet/halt/{tenant}".encode()).digest()[:8], signed=True)


def _placed(tenant: str, row: Row) -> Halt:
    """Return the halt that an entry of the record placed."""
    try:
        said = read_body(row["body"])
        values = {name: said.get(name) for name in ("halt_id", *_PLACING)}
    except (ValueError, AttributeError) as error:
        raise unreadable(AUDIT.name, row["step_key"], "its body is no document") from error
    doubt = "the record has it, its row was taken away" if row["halt_id"] is None else ""
    placed = {**values, "tenant": tenant, "placed_by": row["actor"], "placed_at": row["at"], "doubt": doubt}
    return read_as(Halt, AUDIT.name, row["step_key"], placed)
