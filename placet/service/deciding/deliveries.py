"""Batches that somebody handed in to a server: they are delivered though the server stops in the middle.

A batch that a server took is its own to deliver: the person has closed the page. So
 (1) the shares are a row before the first of them is sent, and until the last was;
 (2) the process that delivers them says from time to time that it is at it;
 (3) where it was not heard of for a while, a worker's reconciler goes on, which sends what no run has answered.
Of two processes one holds the row. A share that is sent twice all the same is answered once: it is for one run, and its
decision is used once. A row entitles to nothing: every share is signed, and the run reviews it.
"""

import json
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from placet.contracts.text import counted, one_line
from placet.errors import DecisionRefused, GovernanceError, PlacetError, StorageError, UsageError
from placet.governance.batches import signed_part
from placet.governance.signing.canonical import sha256_hex
from placet.service.deciding.batches import MemberOutcome, deliver_batch, record_batch, take_shares
from placet.service.runs import find_run
from placet.storage.console.deliveries import DeliveryRow
from placet.storage.database import Database
from placet.storage.records import RunRecord
from placet.storage.sql.reading import pass_on_others

if TYPE_CHECKING:  # what reads alone need not load Temporal's SDK
    from placet.engine.client import Engine

_HEARD: Final = timedelta(seconds=10)
"""How often the holder says that it is at it: well within the reconciler's grace."""

_LOG = logging.getLogger(__name__)


class Delivery:
    """A batch that this process delivers.

    Attributes:
        batch: SHA-256 of the signed batch.
        records: The runs.
    """

    def __init__(self, database: Database, tenant: str, shares: Mapping[str, str]) -> None:
        self.records: Sequence[RunRecord] = [find_run(database, run_id, tenant) for run_id in shares]
        self.batch = number_of(shares)
        self._database, self._tenant, self._shares = database, tenant, dict(shares)
        self._holder = secrets.token_hex(8)
        self._heard = datetime.now(UTC)

    @classmethod
    def begin(cls, database: Database, tenant: str, shares: Mapping[str, str]) -> "Delivery":
        """Keep what is to be delivered, and put the signed batch on the record.

        Raises:
            UsageError: there is no such run.
            DecisionRefused: the batch's signature does not count here; nothing is kept.
        """
        made = cls(database, tenant, shares)
        row = DeliveryRow(
            tenant=tenant,
            batch=made.batch,
            shares=json.dumps(made._shares),
            holder=made._holder,
            moved_at=made._heard,
        )
        with database.transaction() as tx:
            tx.deliveries.add(row)
        try:
            record_batch(database, tenant, next(iter(shares.values())))
        except DecisionRefused:
            made.end()
            raise
        return made

    async def deliver(self, engine: "Engine", wait: float) -> tuple[MemberOutcome, ...]:
        """Send every run its share, then wait for the reviews, as `deliver_batch` does."""
        records = self.records if self._is_ours() else ()  # another process went on with it: only its answers are read
        return await deliver_batch(
            self._database, engine, records, self._shares, wait, sent=self._sent, all_sent=self.end
        )

    def failed(self, error: PlacetError) -> tuple[MemberOutcome, ...]:
        """Return that nothing was sent, which the person is told: they decide again."""
        self.end()
        return tuple(MemberOutcome(run_id, error.code, str(error), delivered=False) for run_id in self._shares)

    def end(self) -> None:
        """Keep it no longer: each share was sent, or the person is told that it was not.

        Where another process went on with it, that one keeps it.
        """
        _end(self._database, self._tenant, self.batch, self._holder)

    def _sent(self) -> None:
        if datetime.now(UTC) - self._heard > _HEARD:
            self._is_ours()

    def _is_ours(self) -> bool:
        self._heard = datetime.now(UTC)
        with self._database.transaction() as tx:
            return tx.deliveries.moved(self._tenant, self.batch, self._holder, self._heard)


def number_of(shares: Mapping[str, str]) -> str:
    """Return what a batch is called: the SHA-256 of what was signed."""
    return sha256_hex(signed_part(next(iter(shares.values()))).encode())


async def go_on_delivering(
    database: Database, engine: "Engine", tenants: Iterable[str], *, before: datetime, now: datetime
) -> tuple[str, ...]:
    """Deliver the rest of the batches whose process was not heard of since `before`; returns a line for each.

    Raises:
        StorageError: the database does not answer.
    """
    said = []
    for tenant in tenants:
        with database.reading() as tx:
            resting = tx.deliveries.resting(tenant, before)
        for batch in resting:
            holder = secrets.token_hex(8)
            with database.transaction() as tx:
                taken = tx.deliveries.take(tenant, batch, holder, before=before, at=now)
            if not taken:
                continue
            try:
                said.append(await _go_on(database, engine, tenant, batch, holder))
            except (DecisionRefused, GovernanceError, UsageError) as error:
                _end(database, tenant, batch, holder)
                said.append(f"batch {batch[:16]}: it is not delivered: {one_line(str(error))}")
    return tuple(said)


async def _go_on(database: Database, engine: "Engine", tenant: str, batch: str, holder: str) -> str:
    shares, waiting = _kept_shares(database, tenant, batch)
    left = f"; {counted(waiting, 'share')} will be tried again: rows of their runs cannot be read" if waiting else ""
    if not shares:
        if not waiting:
            _end(database, tenant, batch, holder)
        return f"batch {batch[:16]}: nothing of what was kept can be delivered{left}"
    record_batch(database, tenant, next(iter(shares.values())))
    records = [find_run(database, run_id, tenant) for run_id in shares]
    outcomes = await deliver_batch(database, engine, records, shares, 0)
    missed = [one for one in outcomes if not one.delivered]
    if missed:  # Temporal is down: the next pass goes on
        return f"batch {batch[:16]}: {len(missed)} of {len(records)} shares did not reach their run: {missed[0].detail}"
    if not waiting:
        _end(database, tenant, batch, holder)
    return f"batch {batch[:16]}: the rest of its {len(records)} shares was delivered{left}"


def _end(database: Database, tenant: str, batch: str, holder: str) -> None:
    with database.transaction() as tx:
        tx.deliveries.end(tenant, batch, holder)


def _kept_shares(database: Database, tenant: str, batch: str) -> tuple[dict[str, str], int]:
    """Return the shares of a row that somebody enrolled signed for their runs; whoever writes rows signs none.

    Beside them, how many nobody can judge now, because a row that they rest on cannot be read.

    Raises:
        StorageError: the database does not answer; the row stays for the next pass.
    """
    try:
        with database.reading() as tx:
            row = tx.deliveries.get(tenant, batch)
        kept: Any = {} if row is None else json.loads(row.shares)
    except (StorageError, ValueError, RecursionError) as error:
        pass_on_others(error)
        _LOG.error("the shares of batch %s cannot be read: %s", batch, one_line(str(error)))
        return {}, 0
    found, waiting = dict[str, str](), 0
    for run_id, text in kept.items() if isinstance(kept, dict) else ():
        try:
            found |= take_shares(database, tenant, {run_id: text})
        except (DecisionRefused, GovernanceError, StorageError, UsageError, ValueError, RecursionError) as error:
            pass_on_others(error)
            waiting += isinstance(error, StorageError)
            _LOG.warning("a share of batch %s is not delivered: %s", batch, one_line(str(error)))
    return {run_id: text for run_id, text in found.items() if number_of({run_id: text}) == batch}, waiting
