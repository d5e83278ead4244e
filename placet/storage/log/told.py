"""Entries as people are shown them: what can be read of each, and what is wrong with it.

Whatever decides, counts or verifies refuses a stream with an entry that cannot be read (`AuditLog`). A page that shows
the record must not: whoever looks for a fault would find the page closed by it. So each entry comes with its fault, and
no content of one that has a fault may be used for anything but to show it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Text, bindparam, cast, select

from placet.contracts.audit import AuditEvent
from placet.errors import GovernanceError, StorageError
from placet.governance.log.body import read_body
from placet.governance.log.bundle import leaf_of
from placet.governance.log.chain import entry_fault, entry_hash
from placet.storage.sql.driver import Row
from placet.storage.sql.reading import pass_on_others
from placet.storage.tables import AUDIT
from placet.storage.transaction import Transaction

_TEXTS: Final = ("stream", "tenant", "run_id", "kind", "actor", "step_key", "body", "prev_hash", "hash", "at")
# As texts, which any value of any column can be read as: SQLite keeps any value in any column.
_RAW: Final = select(
    AUDIT.c.id.label("position"), AUDIT.c.seq, *(cast(AUDIT.c[name], Text).label(name) for name in _TEXTS)
)
_RAW_STREAM: Final = _RAW.where(AUDIT.c.stream == bindparam("stream")).order_by(AUDIT.c.seq)
_RAW_PLACES: Final = _RAW.where(
    AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id.in_(bindparam("positions", expanding=True))
)
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)

CANNOT_BE_READ: Final = "it cannot be read"
NOT_LOGGED: Final = "it is not the entry that was put into the log"


class ToldEntry(NamedTuple):
    """An entry, and why it does not verify; empty where no fault of it was found."""

    entry: AuditEvent
    fault: str


def told_stream(tx: Transaction, stream: str) -> tuple[ToldEntry, ...]:
    """Return every entry of a stream in order, each compared with its hash and with the entry before it."""
    try:
        entries = [ToldEntry(entry, "") for entry in tx.audit.read(stream)]
    except (GovernanceError, StorageError) as error:
        pass_on_others(error)
        rows = tx.connection.execute(_RAW_STREAM, {"stream": stream}).mappings()
        entries = [_told(row) for row in rows]
    return tuple(_chained(entries))


def told_at(tx: Transaction, tenant: str, positions: Sequence[int]) -> Mapping[int, ToldEntry]:
    """Return the entries at positions of the record, each compared with its hash and with its place in the log.

    Raises:
        GovernanceError: code `audit_broken`; a position is in the log twice.
    """
    found: dict[int, ToldEntry] = {}
    for position, told in _at(tx, tenant, positions).items():
        row = tx.log.find(tenant, position)
        fault = told.fault or entry_fault(told.entry)
        if not fault and row is not None and leaf_of(entry_hash(told.entry)) != row.leaf:
            fault = NOT_LOGGED
        found[position] = ToldEntry(told.entry, fault)
    return found


def _at(tx: Transaction, tenant: str, positions: Sequence[int]) -> dict[int, ToldEntry]:
    try:
        return {position: ToldEntry(entry, "") for position, entry in tx.audit.at(tenant, positions).items()}
    except (GovernanceError, StorageError) as error:
        pass_on_others(error)
        rows = tx.connection.execute(_RAW_PLACES, {"tenant": tenant, "positions": positions}).mappings()
        return {row["position"]: _told(row) for row in rows}


def _chained(entries: Sequence[ToldEntry]) -> Iterator[ToldEntry]:
    previous: AuditEvent | None = None
    for entry, fault in entries:
        yield ToldEntry(entry, fault or entry_fault(entry, previous, first=previous is None))
        previous = entry


def _told(row: Row) -> ToldEntry:
    """Read one row; of one that is no entry, return what can be shown."""
    known: dict[str, Any] = {name: row[name] for name in AuditEvent.model_fields}
    faulty = False
    try:
        known["at"] = _time(str(row["at"]))
    except ValueError:
        known["at"], faulty = _NO_TIME, True
    try:
        known["body"] = read_body(str(row["body"]))
        if not faulty:
            return ToldEntry(AuditEvent(**known), "")
    except ValueError:
        pass
    body = known["body"] if isinstance(known["body"], dict) else {}
    texts = {name: "" if row[name] is None else str(row[name]) for name in _TEXTS if name not in ("at", "body")}
    seq = row["seq"] if isinstance(row["seq"], int) else -1
    shown = {**texts, "run_id": texts["run_id"] or None, "seq": seq, "at": known["at"], "body": body}
    return ToldEntry(AuditEvent.model_construct(**shown), CANNOT_BE_READ)


def _time(text: str) -> datetime:
    """Read a time as the databases write it: SQLite without the offset, PostgreSQL in the session's zone."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
