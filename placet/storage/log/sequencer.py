"""Brings a tenant's log up to the record, and signs its head. Appenders never wait for it.

An integrator
    (1) takes the lease, or leaves the log to who holds it;
    (2) reads what was appended since the log's last entry, and works out the new hashes, holding no lock;
    (3) in one short transaction makes sure that the lease is still its own and the log still where it was, then
        stores the batch: killed anywhere, it has stored it whole or not at all, and the next one goes on from there;
    (4) makes sure that the log extends what was last signed, as the database has it and as this installation kept it
        outside the database, then keeps the new head there and signs it. A log that does not is never signed.
"""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from placet.errors import GovernanceError, StorageError
from placet.governance.log.bundle import leaf_of
from placet.governance.log.chain import BROKEN
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, sign_checkpoint
from placet.governance.log.key import LogIdentity
from placet.governance.log.merkle import Node
from placet.storage.database import Database
from placet.storage.log.heads import check_extends
from placet.storage.log.tree import LogHead, LogRow
from placet.storage.transaction import Transaction

LEASED: Final = "log_leased"
"""Code of the error that another integrator holds the log: nothing is wrong, ask again."""

# A log that grows faster than it can be integrated is signed all the same, now and then.
_BATCHES_PER_CHECKPOINT = 100


@dataclass(frozen=True, slots=True)
class Advance:
    """What became of a log.

    Attributes:
        integrated: Number of entries added to it.
        note: The newest signed checkpoint; None while the log is empty.
    """

    integrated: int
    note: str | None


class LogSequencer:
    """Extends and signs the log of one tenant.

    Args:
        database: Where the record and the log are.
        identity: Who signs.
        tenant: Whose log it is.
        clock: Aware wall-clock time; the clocks of all integrators agree to within the lease.
        batch: Entries stored in one transaction.
        lease_seconds: Longer than storing a batch takes; after a crash the log waits this long.
    """

    def __init__(
        self,
        database: Database,
        identity: LogIdentity,
        tenant: str,
        *,
        clock: Callable[[], datetime],
        batch: int = 1000,
        lease_seconds: float = 10.0,
    ) -> None:
        self._database = database
        self._identity = identity
        self._tenant = tenant
        self._clock = clock
        self._batch = batch
        self._lease = timedelta(seconds=lease_seconds)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def advance(self) -> Advance:
        """Bring the log up to the record and sign its head. Safe to repeat, and to be killed in.

        Raises:
            StorageError: code `log_leased`: another integrator is at it; else the database refused.
            GovernanceError: code `audit_broken`: the log is not the one that was signed last, nothing was signed.
        """
        if self._is_current():
            return Advance(0, self._newest())
        self._take_lease()
        try:
            integrated = 0
            for _ in range(_BATCHES_PER_CHECKPOINT):
                added = self._integrate_batch()
                integrated += added
                if added < self._batch:
                    break
            return Advance(integrated, self._sign_head())
        finally:
            self._release()

    def _must_end_on_record(self, tx: Transaction, head: LogHead) -> None:
        """Refuse a log whose last entry is none of the record: a row somebody put there keeps all that follow out.

        Raises:
            GovernanceError: code `audit_broken`.
        """
        if not tx.log.ends_on_record(self._tenant, head):
            raise GovernanceError(
                f"the log of tenant {self._tenant!r} is broken: the record has no entry at position {head.position}, "
                "where its last one stands",
                code=BROKEN,
            )

    def _is_current(self) -> bool:
        # Read first: an idle log costs no write.
        with self._database.reading() as tx:
            head = tx.log.head(self._tenant)
            self._must_end_on_record(tx, head)
            if tx.audit.tail_hashes(self._tenant, head.position, 1):
                return False
            newest = tx.checkpoints.newest(self._tenant)
        if self._identity.heads is not None and self._kept() != newest:
            return False
        return head.size == 0 if newest is None else self._open(newest).size == head.size

    def _newest(self) -> str | None:
        with self._database.reading() as tx:
            return tx.checkpoints.newest(self._tenant)

    def _integrate_batch(self) -> int:
        with self._database.reading() as tx:
            head = tx.log.head(self._tenant)
            waiting = tx.audit.tail_hashes(self._tenant, head.position, self._batch)
            frontier = tx.log.frontier(self._tenant, head.size)
        entries: list[LogRow] = []
        nodes: list[tuple[Node, bytes]] = []
        for position, digest in waiting:
            leaf = leaf_of(digest)
            entries.append(LogRow(frontier.size, position, leaf))
            nodes.extend(frontier.append(leaf))
        if entries:
            with self._database.transaction() as tx:
                until = self._clock() + self._lease
                held = tx.log_leases.renew(self._tenant, self._holder, until=until)
                if not held or tx.log.head(self._tenant) != head:
                    raise self._leased()
                tx.log.append(self._tenant, entries, nodes)
        return len(entries)

    def _sign_head(self) -> str | None:
        with self._database.snapshot() as tx:
            head = tx.log.head(self._tenant)
            self._must_end_on_record(tx, head)
            newest = tx.checkpoints.newest(self._tenant)
            root = tx.log.frontier(self._tenant, head.size).root()
            for note in (self._kept(), newest):
                if note is not None:
                    self._must_extend(tx, note)
        if newest is not None and self._open(newest).size == head.size:
            self._keep(newest)
            return str(newest)
        if head.size == 0:
            return None
        note = sign_checkpoint(
            Checkpoint(self._identity.origin(self._tenant), head.size, root), self._identity.key.private
        )
        # Kept before it is published: killed in between, it is signed again, to the same bytes.
        self._keep(note)
        with self._database.transaction() as tx:
            return tx.checkpoints.add(self._tenant, head.size, note, self._clock())

    def _must_extend(self, tx: Transaction, note: str) -> None:
        signed = self._open(note)
        try:
            check_extends(tx, self._tenant, signed)
        except GovernanceError as error:
            raise self._broken(f"{error}{self._where()}") from error

    def _kept(self) -> str | None:
        heads = self._identity.heads
        return None if heads is None else heads.read(self._identity.origin(self._tenant))

    def _keep(self, note: str) -> None:
        if self._identity.heads is not None and self._kept() != note:
            self._identity.heads.keep(self._identity.origin(self._tenant), note)

    def _where(self) -> str:
        heads = self._identity.heads
        if heads is None:
            return ""
        place = str(heads.place(self._identity.origin(self._tenant)))
        return f", as the head in {place!r} says; after a restore that was meant: `placet audit accept-head`"

    def _open(self, note: str) -> Checkpoint:
        try:
            return open_checkpoint(note, self._identity.verifiers(self._tenant))
        except GovernanceError as error:
            raise self._broken(
                f"its newest checkpoint does not count: {error}; restore the log key that signed it"
            ) from error

    def _take_lease(self) -> None:
        now = self._clock()
        with self._database.transaction() as tx:
            if not tx.log_leases.take(self._tenant, self._holder, now=now, until=now + self._lease):
                raise self._leased()

    def _release(self) -> None:
        with self._database.transaction() as tx:
            tx.log_leases.renew(self._tenant, self._holder, until=self._clock())

    def _leased(self) -> StorageError:
        return StorageError(f"the log of tenant {self._tenant!r} is being extended by another integrator", code=LEASED)

    def _broken(self, fault: str) -> GovernanceError:
        return GovernanceError(
            f"the log of tenant {self._tenant!r} is broken: {fault}; nothing was signed", code=BROKEN
        )
