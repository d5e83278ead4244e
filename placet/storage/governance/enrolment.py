"""Whether the signed document behind a row of `approver_key` verifies, up to a pinned administrator (docs/adr/0016).

The row is an index. What makes a key count is the document in the artifact store, which the entry `key.enrolled` of the
tenant's stream names. A document that verified is remembered under its digest, so that a run pays for none of it.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from placet.contracts.audit import tenant_stream
from placet.contracts.people.approver import EnrolledKey
from placet.errors import DecisionRefused
from placet.governance.authority.enrolment import check_row, check_was_in_office, enrolled_key, verify_enrolment
from placet.governance.log.key import TrustedLog
from placet.governance.signing.pins import AdministratorsFile, PinnedKey, Pins
from placet.storage.artifacts import ArtifactStore
from placet.storage.log.audit_log import AuditLog
from placet.storage.sql.driver import Connection

ENROLLED: Final = "key.enrolled"
REVOKED: Final = "key.revoked"

_LONGEST_CHAIN = 8
"""Administrators between a pinned one and a key; more is refused, and so is a circle."""


class RevokedEntry(NamedTuple):
    """What the record says of a revocation."""

    seq: int
    at: datetime


class Enrolled(NamedTuple):
    """A row of the table, read and not judged.

    Attributes:
        key: What the row says; revoked when the row or the record says so.
        document: Digest of its signed enrolment; None where there is none.
        revoked: The entry that revoked it; None where there is none.
    """

    key: EnrolledKey
    document: str | None
    revoked: RevokedEntry | None


FindRow = Callable[[str], Enrolled | None]


class Trust:
    """Whom an installation trusts to enroll, and what it verified already. Threads may share it.

    Args:
        administrators: The pinned keys; None pins nobody, so that no key counts.
        log: Whose signatures are this installation's own; None: nobody's are.

    Attributes:
        merged: Digests of signed documents, each with the merge of customers that was verified to be it.
        lifted: Halts, each with the digest of the signed document that was verified to lift it.
    """

    def __init__(self, administrators: Path | None = None, log: TrustedLog | None = None) -> None:
        self.log = log
        self.administrators = AdministratorsFile(administrators)
        self._verified: tuple[Pins, dict[str, EnrolledKey]] = (Pins(), {})
        self.lifted: set[tuple[str, str]] = set()
        self.merged: set[tuple[str, str]] = set()

    def verified(self) -> dict[str, EnrolledKey]:
        """Return what was signed of the keys that verified under the pins of this moment, by document digest."""
        pins = self.administrators.pins()
        if self._verified[0] is not pins:
            self._verified = (pins, {})
        return self._verified[1]

    def pinned(self, tenant: str) -> dict[str, PinnedKey]:
        """Return the tenant's pinned public keys by key id."""
        return self.administrators.pins().keys.get(tenant, {})


class EnrolmentJudge:
    """Judges rows within one transaction.

    Args:
        connection: The transaction.
        trust: Whom to trust.
        find: Reads one row by key id.
    """

    def __init__(self, connection: Connection, trust: Trust, find: FindRow) -> None:
        self._connection, self._trust, self._find = connection, trust, find

    def check(self, row: Enrolled, depth: int = 0) -> None:
        """Check that the row is what an administrator signed.

        Raises:
            DecisionRefused: it is not, and why.
            UsageError: its document was erased.
            GovernanceError: its document was altered.
        """
        if row.document is None:
            raise DecisionRefused("nobody signed this enrolment", code="unsigned_enrolment")
        known = self._trust.verified()
        signed = known.get(row.document)
        if signed is None:
            signed = self._prove(row.key, row.document, depth)
            known[row.document] = signed
        check_row(row.key, signed)

    def _prove(self, key: EnrolledKey, document: str, depth: int) -> EnrolledKey:
        """Verify the document up to a pinned administrator, and find it on the record."""
        if depth > _LONGEST_CHAIN:
            raise DecisionRefused("too many administrators stand between it and a pinned one", code="chain_too_long")
        text = ArtifactStore(self._connection).get(document, tenant=key.tenant).decode(errors="replace")
        entry = AuditLog(self._connection).find(tenant_stream(key.tenant), f"{ENROLLED}.{key.key_id}")
        if entry is None or entry.body.get("document") != document:
            raise DecisionRefused("this enrolment is not on the record", code="unrecorded_enrolment")
        seq = entry.seq

        def find_administrator(key_id: str) -> EnrolledKey | None:
            return self._administrator(key_id, seq, entry.at, depth)

        pinned = self._trust.pinned(key.tenant)
        verified = verify_enrolment(text, tenant=key.tenant, pinned=pinned, find_key=find_administrator)
        return enrolled_key(verified.document)

    def _administrator(self, key_id: str, seq: int, at: datetime, depth: int) -> EnrolledKey | None:
        """Return the key as it was when it enrolled somebody in entry `seq`; a later revocation does not count."""
        row = self._find(key_id)
        if row is None:
            return None
        self.check(row, depth + 1)
        if row.revoked is not None and row.revoked.seq < seq:
            raise DecisionRefused(
                f"the key of {row.key.name!r} was revoked before it enrolled this", code="revoked_key"
            )
        check_was_in_office(row.key, at)
        return row.key.model_copy(update={"revoked_by": None, "revoked_at": None, "revoked_reason": None})
