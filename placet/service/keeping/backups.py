"""Taking a backup of everything in the database, and restoring one that proves itself.

A backup is of one moment and holds every table: the record, artifacts, runs, enrolments, decisions, effects, mandates,
the outbox, logs and checkpoints. It does not hold Temporal's state, the policy files or approvers' private keys; the
installation's own keys only when asked for, encrypted. A restore goes into an empty database, in one transaction, and
commits only after every stream, log, checkpoint and artifact was verified there, and every table compared with the
record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from placet.contracts.times import minute
from placet.errors import ConfigurationError, GovernanceError, UsageError
from placet.files import make_folders, open_fresh, write_once
from placet.governance.log.key import LogIdentity
from placet.governance.log.notes import VerifierKey, open_note, sign_note
from placet.governance.signing.canonical import sha256_hex
from placet.service.documents.halts import place_halt
from placet.service.keeping.backup_file import MALFORMED, VERSION, BackupWriter, read_lines, verify_file
from placet.storage.copying import (
    check_empty,
    copied_tables,
    go_on_counting,
    read_rows,
    take_time,
    write_rows,
)
from placet.storage.database import Database
from placet.storage.log.verification import verify_log
from placet.storage.projections.verification import check_projections
from placet.storage.sql.driver import Connection
from placet.storage.tables import ARTIFACT, AUDIT
from placet.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was written.

    Attributes:
        digest: SHA-256 of its content.
        rows: How many rows it holds.
        heads: Each tenant's newest signed checkpoint; None where none was signed yet.
    """

    digest: str
    rows: int
    heads: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore found whole.

    Attributes:
        digest: SHA-256 of the backup's content.
        made_at: When the backup was taken.
        tenants: Whose records it holds.
        rows, streams, entries, checkpoints, artifacts: How many were verified.
    """

    digest: str
    made_at: datetime
    tenants: tuple[str, ...]
    rows: int
    streams: int
    entries: int
    checkpoints: int
    artifacts: int


def take_backup(database: Database, path: Path, identity: LogIdentity, sealed_keys: Mapping[str, str] | None) -> Taken:
    """Write a backup of `database` to `path`, which must not exist yet.

    Raises:
        ConfigurationError: the file exists, or cannot be written.
        GovernanceError: an artifact or table was altered so that it cannot be copied.
    """
    with open_fresh(path) as file:
        writer = BackupWriter(file)
        with database.snapshot() as tx:
            connection = tx.connection
            take_time(connection)
            tenants = _tenants(connection)
            heads = {tenant: tx.checkpoints.newest(tenant) for tenant in tenants}
            writer.write(
                {
                    "placet_backup": VERSION,
                    "made_at": datetime.now(UTC).isoformat(),
                    "revision": database.revision(),
                    "log_name": identity.log_name,
                }
            )
            counts = {name: _copy_out(connection, table, writer) for name, table in copied_tables().items()}
        writer.write({"summary": {"rows": counts, "heads": heads, "keys": sealed_keys}})
        digest = writer.close(lambda text: sign_note(text, _signer(identity.log_name), identity.key.private))
    return Taken(digest, sum(counts.values()), heads)


def restore_backup(database: Database, path: Path, log_name: str, trusted: Sequence[bytes]) -> Restored:
    """Restore a backup into `database`, which must be empty and of the same schema, and verify all of it.

    Args:
        database: Migrated and empty.
        path: The file.
        log_name: This installation's name in its checkpoints.
        trusted: Public keys of the installation's log, whose signatures count.

    Raises:
        ConfigurationError: the file cannot be read.
        UsageError: it is no whole backup, is of another version or installation, or the database is not empty.
        GovernanceError: the file was changed, or the record in it does not verify. Nothing was restored.
    """
    signers = [VerifierKey(_signer(log_name), key) for key in trusted]
    first, summary, digest = verify_file(path, lambda note: open_note(note, signers))
    needed = database.revision()
    if first.get("revision") != needed:
        raise UsageError(
            f"the backup has schema revision {first.get('revision')!r}, this version needs {needed!r}; "
            "restore it with the version that took it, then migrate",
            code=MALFORMED,
        )
    if first.get("log_name") != log_name:
        raise UsageError(
            f"the backup is of installation {first.get('log_name')!r}, this is {log_name!r} (PLACET_LOG_NAME)",
            code=MALFORMED,
        )
    with database.transaction() as tx:
        connection = tx.connection
        take_time(connection)
        check_empty(connection)
        counts = _copy_in(connection, path, digest)
        if counts != summary["rows"]:
            raise GovernanceError("the backup does not hold the rows it says", code=MALFORMED)
        go_on_counting(connection)
        return _verified(tx, first, summary, digest, log_name, trusted)


def _verified(
    tx: Transaction,
    first: Mapping[str, Any],
    summary: Mapping[str, Any],
    digest: str,
    log_name: str,
    trusted: Sequence[bytes],
) -> Restored:
    tenants = _tenants(tx.connection)
    if {tenant: tx.checkpoints.newest(tenant) for tenant in tenants} != summary["heads"]:
        raise GovernanceError("the logs do not end where the backup says", code=MALFORMED)
    logs = [verify_log(tx, tenant, [VerifierKey(f"{log_name}/{tenant}", key) for key in trusted]) for tenant in tenants]
    for tenant in tenants:
        check_projections(tx, tenant)
    return Restored(
        digest=digest,
        made_at=datetime.fromisoformat(str(first["made_at"])),
        tenants=tenants,
        rows=sum(summary["rows"].values()),
        streams=sum(log.streams for log in logs),
        entries=sum(log.entries + log.pending for log in logs),
        checkpoints=sum(log.checkpoints for log in logs),
        artifacts=_verify_artifacts(tx.connection),
    )


def _verify_artifacts(connection: Connection) -> int:
    verified = 0
    for digest, data in connection.stream(select(ARTIFACT.c.digest, ARTIFACT.c.data)):
        if sha256_hex(data) != digest:
            raise GovernanceError(f"artifact {digest!r} was altered: its bytes have another digest", code=MALFORMED)
        verified += 1
    return verified


def _copy_out(connection: Connection, table: Table, writer: BackupWriter) -> int:
    writer.write({"table": table.name, "columns": [column.name for column in table.columns]})
    rows = 0
    for row in read_rows(connection, table):
        writer.write(row)
        rows += 1
    return rows


def _copy_in(connection: Connection, path: Path, digest: str) -> dict[str, int]:
    tables, counts = copied_tables(), {}
    lines = read_lines(path, digest)
    line = next(lines, None)
    while line is not None:
        if not (isinstance(line, dict) and "table" in line):
            line = next(lines, None)
            continue
        table = tables.get(str(line["table"]))
        if table is None:
            raise UsageError(
                f"the backup has a table {line['table']!r:.60}, which this version has not", code=MALFORMED
            )
        rows = _Rows(lines)
        counts[table.name] = write_rows(connection, table, line["columns"], rows)
        line = rows.following
    return counts


class _Rows:
    """The rows that follow a table's head, and the line after them."""

    def __init__(self, lines: Iterator[Any]) -> None:
        self._lines = lines
        self.following: Any = None

    def __iter__(self) -> Iterator[list[Any]]:
        return self

    def __next__(self) -> list[Any]:
        line = next(self._lines, None)
        if not isinstance(line, list):
            self.following = line
            raise StopIteration
        return line


def _tenants(connection: Connection) -> tuple[str, ...]:
    return tuple(sorted(connection.scalars(select(AUDIT.c.tenant).distinct())))


def _signer(log_name: str) -> str:
    return f"{log_name}/backup"


def installation_keys(files: Sequence[Path]) -> dict[str, bytes]:
    """Read the key files of the installation, by name.

    Raises:
        ConfigurationError: one cannot be read.
    """
    try:
        return {file.name: file.read_bytes() for file in files if file.exists()}
    except OSError as error:
        raise ConfigurationError(f"cannot read key file {error.filename!r}: {error.strerror}") from error


def put_keys(keys: Mapping[str, bytes], places: Sequence[Path]) -> None:
    """Write keys that came with a backup to their places; one that is there already stays.

    Raises:
        ConfigurationError: one cannot be written.
    """
    folder = {place.name: place for place in places}
    beside = places[1].parent  # the log key's folder, for retired public halves
    for name, data in keys.items():
        place = folder.get(name, beside / Path(name).name)
        try:
            make_folders(place.parent)
            write_once(place, data)
        except OSError as error:
            raise ConfigurationError(f"cannot write key file {str(place)!r}: {error.strerror}") from error


def mark_restored(database: Database, restored: Restored, *, by: str, halt: bool, agents: tuple[str, ...]) -> None:
    """Put on the record of each tenant that it was restored, and halt executions.

    What was approved and sent since the backup is not known to the restored record: nothing more may leave until a
    person has looked and lifts the halt with a signature.
    """
    now = datetime.now(UTC)
    for tenant in restored.tenants:
        with database.transaction() as tx:
            body = {"backup": restored.digest, "made_at": restored.made_at.isoformat(), "entries": restored.entries}
            tx.record_act(tenant, "record.restored", by, now, f"{restored.digest}.{now.isoformat()}", body)
        if halt:
            reason = f"restored from a backup of {minute(restored.made_at)}: what was sent since is not known"
            place_halt(database, tenant=tenant, scope="tenant", subject="", by=by, reason=reason, agents=agents)
