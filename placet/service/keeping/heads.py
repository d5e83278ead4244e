"""Accepting a log that does not extend the head kept of it: what a restored backup needs, and only a person may do."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from placet.errors import UsageError
from placet.governance.log.checkpoints import origin_of
from placet.governance.log.kept_head import KeptHeads
from placet.governance.log.key import LogIdentity
from placet.governance.log.notes import VerifierKey
from placet.service.keeping.log import signed_head
from placet.service.keeping.tenant_record import Said
from placet.storage.database import Database
from placet.storage.log.heads import head_fault
from placet.storage.log.verification import verify_log
from placet.storage.projections.verification import check_projections

ACCEPTED: Final = "log.head_accepted"
"""Entry on the tenant's stream: the head that was kept, how the log differs from it, who accepted the log and why."""

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Accepted:
    """A log that was accepted in spite of the head kept of it.

    Attributes:
        fault: How the log differs from that head.
        note: The signed head that is kept from now on.
    """

    fault: str
    note: str


def accept_head(
    database: Database, identity: LogIdentity, heads: KeptHeads, tenant: str, *, by: str, reason: str
) -> Accepted:
    """Keep the head of the log as it is now instead of the one kept before, once the whole record verified.

    The entry comes first, and holds the head that was kept: killed in between, integrators refuse as before.

    Raises:
        UsageError: the name or reason is malformed; no head is kept, or the log extends it.
        GovernanceError: the record itself does not verify; nothing was changed.
        ConfigurationError: the kept head cannot be read or replaced.
    """
    said = Said.read(by, reason)
    if not said.reason.strip():
        raise UsageError("say why: --reason 'restored the backup of …'")
    origin = identity.origin(tenant)
    kept = heads.read(origin)
    keys = identity.verifiers(tenant)
    with database.snapshot() as tx:
        fault = None if kept is None else head_fault(tx, tenant, kept, keys)
        if kept is None or fault is None:
            what = "no head of it is kept here" if kept is None else "it extends the head that is kept"
            raise UsageError(f"nothing to accept about log {origin!r}: {what}", code="nothing_to_accept")
        found = verify_log(tx, tenant, keys)
        check_projections(tx, tenant)
        newest = tx.checkpoints.newest(tenant)
    now = datetime.now(UTC)
    body = {
        "kept": kept[:_LONGEST],
        "fault": fault,
        "size": found.entries,
        "root": found.root.hex(),
        "reason": said.reason,
    }
    with database.transaction() as tx:
        tx.record_act(tenant, ACCEPTED, said.by, now, secrets.token_hex(12), body)
    if newest is None:
        heads.forget(origin)
    else:
        heads.keep(origin, newest)
    return Accepted(fault, signed_head(database, identity, tenant))


def unextended(
    database: Database, heads: KeptHeads, log_name: str, trusted: Sequence[bytes], tenants: Sequence[str]
) -> dict[str, str]:
    """Return of which tenants a head is kept that the log in the database does not extend, and how it differs."""
    faults = {}
    with database.snapshot() as tx:
        for tenant in tenants:
            origin = origin_of(log_name, tenant)
            kept = heads.read(origin)
            keys = [VerifierKey(origin, key) for key in trusted]
            fault = None if kept is None else head_fault(tx, tenant, kept, keys)
            if fault is not None:
                faults[tenant] = fault
    return faults
