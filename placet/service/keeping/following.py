"""A tenant's record, entry by entry, under numbers of its own.

The database numbers the entries of all tenants together: from those numbers one tenant could count what the others do.
Here an entry has its place in its tenant's log, from 1 without gaps. One that is not in the log yet has the place that
it will get: an integrator takes entries in the order in which `AuditLog.tail` has them.
"""

from placet.contracts.audit import AuditEvent
from placet.errors import GovernanceError, UsageError
from placet.governance.log.bundle import ProofBundle
from placet.governance.log.chain import BROKEN
from placet.service.keeping.log import NOT_COVERED, prove_entry
from placet.storage.transaction import Transaction

MOST_PENDING = 100_000
"""Entries outside the log among which one is looked for: where no integrator runs, nobody reads on for ever."""


def read_record(tx: Transaction, tenant: str, after: int, limit: int) -> list[tuple[int, AuditEvent]]:
    """Return the entries after number `after`, in order, each with its number; at most `limit`.

    `tx` must be a snapshot: an integrator that comes between two statements would have entries listed twice.

    Raises:
        GovernanceError: code `audit_broken`; an entry cannot be read, or the log has one that the record has not.
        UsageError: code `log_behind`; too many entries wait to be put into the log.
    """
    head = tx.log.head(tenant)
    rows = tx.log.page(tenant, after, limit) if after < head.size else []
    events = tx.audit.at(tenant, [row.position for row in rows])
    found = [(row.index + 1, _there(events.get(row.position), tenant, row.index + 1)) for row in rows]
    if len(found) == limit:
        return found
    skipped = max(0, after - head.size)
    if skipped > MOST_PENDING:
        if skipped >= tx.log.pending(tenant, head):
            return []
        raise UsageError(
            f"{MOST_PENDING} entries and more are not in the log yet; a worker puts them there", code="log_behind"
        )
    first = head.size + skipped + 1
    waiting = tx.audit.tail(tenant, head.position, limit - len(found), skip=skipped)
    return found + [(first + place, event) for place, (_, event) in enumerate(waiting)]


def prove_number(tx: Transaction, tenant: str, number: int, note: str) -> ProofBundle:
    """Prove one entry, given by its number in the tenant's record, under a checkpoint.

    Raises:
        UsageError: code `unknown_entry`: there is none of this number; `not_covered`: the checkpoint is older.
        GovernanceError: code `audit_broken`.
    """
    rows = tx.log.page(tenant, number - 1, 1)
    if rows:
        return prove_entry(tx, tenant, rows[0].position, note)
    if read_record(tx, tenant, number - 1, 1):
        raise UsageError(f"entry {number} of the record is newer than the checkpoint", code=NOT_COVERED)
    raise UsageError(f"the record of tenant {tenant!r} has no entry {number}", code="unknown_entry")


def _there(event: AuditEvent | None, tenant: str, number: int) -> AuditEvent:
    if event is None:
        raise GovernanceError(
            f"the record of tenant {tenant!r} is broken: entry {number} of its log is gone", code=BROKEN
        )
    return event
