"""One database, its transactions, and the repositories that work inside them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from sqlalchemy import Connection as SchemaConnection
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from placet.files import make_own_file
from placet.storage.artifacts import ArtifactStore
from placet.storage.contacts import ContactReader
from placet.storage.effects import EffectLedger
from placet.storage.figures import FigureRepository
from placet.storage.governance.approvers import ApproverRepository
from placet.storage.governance.controls import ControlRepository
from placet.storage.governance.decisions import DecisionRepository
from placet.storage.governance.delegations import DelegationRepository
from placet.storage.governance.enrolment import Trust
from placet.storage.governance.halts import HaltRepository
from placet.storage.governance.mandates import MandateRepository
from placet.storage.inbox import InboxRepository
from placet.storage.log.audit_log import AuditLog
from placet.storage.log.checkpoints import CheckpointRepository
from placet.storage.log.lease import LogLeases
from placet.storage.log.tree import LogTree
from placet.storage.notifications import Outbox
from placet.storage.projections.rows import ProjectionRows
from placet.storage.retention.erasures import Erasures
from placet.storage.runs import RunRepository
from placet.storage.sessions import SessionRepository
from placet.storage.sql import failures, migration
from placet.storage.sql.driver import Connection, Statements
from placet.storage.sql.engines import open_engine, parse_url, sqlite_file

if TYPE_CHECKING:
    import psycopg


class Transaction:
    """The repositories of one unit of work: all they write is committed together, or not at all.

    Attributes:
        connection: What they run on, for tools that copy whole tables.
    """

    __slots__ = (
        "approvers",
        "artifacts",
        "audit",
        "checkpoints",
        "connection",
        "contacts",
        "controls",
        "decisions",
        "delegations",
        "effects",
        "erasures",
        "figures",
        "halts",
        "inbox",
        "log",
        "log_leases",
        "mandates",
        "outbox",
        "projections",
        "runs",
        "sessions",
    )

    def __init__(self, connection: Connection, trust: Trust) -> None:
        self.connection = connection
        self.audit = AuditLog(connection)
        self.runs = RunRepository(connection)
        self.inbox = InboxRepository(connection)
        self.outbox = Outbox(connection)
        self.artifacts = ArtifactStore(connection)
        self.approvers = ApproverRepository(connection, trust)
        self.decisions = DecisionRepository(connection)
        self.effects = EffectLedger(connection)
        self.delegations = DelegationRepository(connection, self.approvers)
        self.halts = HaltRepository(connection, self.approvers)
        self.log = LogTree(connection)
        self.log_leases = LogLeases(connection)
        self.mandates = MandateRepository(connection)
        self.checkpoints = CheckpointRepository(connection)
        self.contacts = ContactReader(connection)
        self.controls = ControlRepository(connection)
        self.erasures = Erasures(connection)
        self.figures = FigureRepository(connection)
        self.projections = ProjectionRows(connection)
        self.sessions = SessionRepository(connection)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when it raises, and raise; what was written before stays in the transaction."""
        with self.connection.begin_nested():
            yield


class Database:
    """Placet's record in SQLite or PostgreSQL, shared by threads. Nothing connects until it is used.

    Every write is idempotent under its own key (step key, effect key, decision id, digest). When the answer
    to a COMMIT is lost, run the same unit of work again: it finds what it wrote.

    Args:
        url: `sqlite:////path/to/file.db` or `postgresql+psycopg://user:password@host/name`.
        pool_size: Most connections open at once; one per thread that writes is enough.
        lock_timeout_s: Seconds to wait for another writer before giving up.
        statement_timeout_s: Seconds one statement may take on PostgreSQL.
        trust: Who may enroll keys; without it no enrolled key counts.

    Raises:
        ConfigurationError: `url` is not a database Placet can use.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        lock_timeout_s: float = 5.0,
        statement_timeout_s: float = 30.0,
        trust: Trust | None = None,
    ) -> None:
        parsed = parse_url(url)
        self._url = parsed
        self.name = parsed.render_as_string(hide_password=True)
        self._file = sqlite_file(parsed)
        self._lock_timeout_s = lock_timeout_s
        self.trust = trust or Trust()
        limits: dict[str, Any] = {
            "pool_size": pool_size,
            "lock_timeout_s": lock_timeout_s,
            "statement_timeout_s": statement_timeout_s,
        }
        self._engine = open_engine(parsed, **limits)
        # SQLite says for a whole connection that it must not write, PostgreSQL for one transaction.
        self._reader = self._engine if self._file is None else open_engine(parsed, reading=True, **limits)
        self._statements = Statements.of(self._engine.dialect)
        # SQLite has one writer. Threads of this process queue here and do not poll the lock of the file.
        self._turn = threading.Lock() if self._file is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections; the next use opens new ones."""
        self._engine.dispose()
        self._reader.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One unit of work: committed when the block ends, rolled back when it raises.

        Raises:
            StorageError: the database refused; nothing was written, or the answer to COMMIT was lost.
            GovernanceError: a guard of the schema refused the write.
        """
        with failures.one_clear_line(self.name), self._in_turn(), self._connected(self._engine) as connection:
            yield Transaction(connection, self.trust)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """The same repositories where the database refuses every write.

        Raises:
            StorageError: the database refused, or the block tried to write.
        """
        with failures.one_clear_line(self.name), self._connected(self._reader, reading=True) as connection:
            yield Transaction(connection, self.trust)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """As `reading`, with every statement seeing the database as it was at one moment.

        For whatever compares or counts over several statements: under traffic, each statement of `reading` sees more
        on PostgreSQL than the one before it. On SQLite any transaction sees one moment.

        Raises:
            StorageError: the database refused, or the block tried to write.
        """
        with failures.one_clear_line(self.name), self._connected(self._reader, reading=True, moment=True) as connection:
            yield Transaction(connection, self.trust)

    def migrate(self) -> None:
        """Create the database file if need be and bring the schema to the revision this version needs.

        Raises:
            StorageError: the database refused, or another process is migrating it for too long.
        """
        if self._file is not None:
            try:
                # The file will hold customers' data: only its owner may read it.
                make_own_file(self._file)
            except OSError as error:
                raise failures.storage_error(self.name, failures.UNREACHABLE, str(error)) from error
        # Another process may be at it: that takes longer than any wait that suits a run's small transactions.
        patient = open_engine(
            self._url,
            pool_size=1,
            lock_timeout_s=migration.LOCK_TIMEOUT_S,
            statement_timeout_s=migration.LOCK_TIMEOUT_S,
        )
        try:
            with (
                failures.one_clear_line(self.name),
                self._in_turn(),
                patient.connect() as connection,
                connection.begin(),
            ):
                migration.upgrade(connection)
        finally:
            patient.dispose()

    def downgrade(self, revision: str) -> None:
        """Take the schema back to `revision`, dropping what later ones added with its rows (`base`: all)."""
        with self._schema() as connection:
            migration.downgrade(connection, revision)

    def revision(self) -> str | None:
        """The schema revision the database is at; None when it was never migrated.

        Raises:
            StorageError: the database refused.
        """
        with self._schema() as connection:
            return migration.current(connection)

    def check(self) -> None:
        """Make sure that the database can be reached and written, and has the schema this version needs.

        Raises:
            StorageError: one line saying what is wrong and what to do; `code` tells the cases apart.
        """
        with self._schema() as connection:
            found, needed = migration.current(connection), migration.HEAD
            if found != needed:
                raise failures.storage_error(
                    self.name, failures.NOT_MIGRATED, f"schema revision {found!r}, this version needs {needed!r}"
                )
            # A statement that writes nothing, but that a read-only database refuses all the same.
            connection.execute(text("DELETE FROM alembic_version WHERE 1 = 0"))

    def weakened(self) -> tuple[str, ...]:
        """What the schema would let pass that it refuses as this version makes it; see `placet.storage.sql.guards`.

        Raises:
            StorageError: the database refused.
        """
        from placet.storage.sql.guards import weakened  # noqa: PLC0415 - only who asks waits for SQLAlchemy's inspector

        with self._schema() as connection:
            return tuple(weakened(connection))

    @contextmanager
    def _connected(self, engine: Engine, *, reading: bool = False, moment: bool = False) -> Iterator[Connection]:
        """One transaction on a connection of the pool; with `moment`, all of it sees one snapshot."""
        try:
            pooled = engine.raw_connection()
        except engine.dialect.loaded_dbapi.Error as error:
            raise DBAPIError("", None, error) from error
        try:
            begin = ""
            if self._file is not None:
                # A writer takes the write lock at once: of two deferred ones one would fail when it upgrades its lock.
                begin = "BEGIN" if reading else "BEGIN IMMEDIATE"
            else:
                driver = cast("psycopg.Connection", pooled.driver_connection)
                driver.read_only = reading
                if moment or driver.isolation_level is not None:
                    driver.isolation_level = _repeatable_read() if moment else None
            connection = Connection(engine, pooled, self._statements, begin)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        finally:
            pooled.close()

    @contextmanager
    def _schema(self) -> Iterator[SchemaConnection]:
        """A transaction of SQLAlchemy's own, in which Alembic looks at the schema."""
        with (
            failures.one_clear_line(self.name),
            self._in_turn(),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=self._lock_timeout_s):
            raise failures.storage_error(
                self.name,
                failures.LOCKED,
                f"a transaction of this process holds it for over {self._lock_timeout_s} s",
            )
        try:
            yield
        finally:
            self._turn.release()


def _repeatable_read() -> "psycopg.IsolationLevel":
    from psycopg import IsolationLevel  # noqa: PLC0415 - whoever uses SQLite need not have it

    return IsolationLevel.REPEATABLE_READ
