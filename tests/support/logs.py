"""A tenant's record and its log, for tests: entries to append, and an integrator of the test's own."""

from datetime import UTC, datetime
from pathlib import Path

from placet.contracts.audit import AuditEvent
from placet.governance.log.key import LogIdentity, load_or_create_log_identity
from placet.storage.database import Database
from placet.storage.log.sequencer import LogSequencer
from placet.storage.log.verification import VerifiedLog, verify_log

TENANT = "acme"
AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def run_id(number: int, tenant: str = TENANT) -> str:
    """The id of a run of `tenant`."""
    return f"run-{tenant.encode().hex()[:8]}{number:012x}"


def record(database: Database, count: int, *, first: int = 0, tenant: str = TENANT, runs: int = 3) -> list[AuditEvent]:
    """Append `count` entries, spread over some runs; `first` keeps their step keys apart from earlier ones."""
    with database.transaction() as tx:
        return [
            tx.audit.append(
                stream=run_id(number % runs, tenant),
                tenant=tenant,
                run_id=run_id(number % runs, tenant),
                kind="plugin.violation",
                actor="agent:retention",
                step_key=f"step-{number}",
                at=AT,
                body={"n": number},
            )
            for number in range(first, first + count)
        ]


def identity(folder: Path, log_name: str = "placet.example") -> LogIdentity:
    """The log key of an installation in `folder`."""
    return load_or_create_log_identity(log_name, folder / "keys" / "log.pem")


def sequencer(database: Database, who: LogIdentity, *, batch: int = 1000, lease_seconds: float = 10.0) -> LogSequencer:
    """An integrator of `TENANT`'s log."""
    return LogSequencer(
        database, who, TENANT, clock=lambda: datetime.now(UTC), batch=batch, lease_seconds=lease_seconds
    )


def verified(database: Database, who: LogIdentity) -> VerifiedLog:
    """The log of `TENANT`, verified from its stored entries."""
    with database.snapshot() as tx:
        return verify_log(tx, TENANT, who.verifiers(TENANT))
