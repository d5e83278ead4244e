"""Counting what became of the members of rollouts: each member once for each horizon, when their window is over.

    (1) Take the next members who entered so long ago, by the draw and the record, and who were not counted yet.
    (2) Read their events, outside any lock.
    (3) In one transaction: lock the rollout, leave out whoever was erased meanwhile, seal and insert the rows, and put
        the digest of their seals on the record.

Whoever is killed leaves whole batches. Several workers may count: who comes second finds the members counted.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from placet.contracts.outcomes.windows import HORIZONS, Days, MemberOutcome, NotKnown
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.state.aggregate import micros_of, time_of
from placet.decisioning.windows.sealing import digest_of, member_seal, seal_of
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.service.outcomes.entering import RolledOut, entered_at, entry_of, reached_by, rolled_out
from placet.service.outcomes.measuring import Entered, outcomes_of
from placet.service.outcomes.reading import COUNTED
from placet.service.outcomes.reporting import LATE, keep_report
from placet.storage.database import Database
from placet.storage.strategies.outcomes import Member
from placet.storage.strategies.rollouts import AlteredRollout, RolloutRow
from placet.storage.transaction import Transaction

AT_ONCE: Final = 1_000
"""Members of one batch."""
_SETTLED: Final = timedelta(minutes=5)
"""An event that was taken in before is there for all to see."""
_WORKER: Final = "worker"
_MOST: Final = 200
"""Rollouts of a tenant that are counted: the newest."""


def count_all(database: Database, tenant: str, now: datetime, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Count what is due of all rollouts of a tenant, and report of those that gained; returns how many members.

    A rollout whose text or record does not stand up is passed over, and the first such fault is raised at the end.

    Raises:
        GovernanceError, UsageError: see `rolled_out`; the others were counted.
    """
    with database.reading() as tx:
        rows = tx.rollouts.list(tenant, _MOST)
    faults = list[GovernanceError | UsageError](
        GovernanceError(one.fault, code="rollout_altered") for one in rows if isinstance(one, AlteredRollout)
    )
    versions, counted = [one.asked.version for one in rows if isinstance(one, RolloutRow)], 0
    for version in versions:
        try:
            with database.reading() as tx:
                it = rolled_out(tx, tenant, version)
            for days in HORIZONS:
                found = count_due(database, tenant, it, days, now, stopping=stopping)
                if found:
                    keep_report(database, tenant, it, days, now)
                counted += found
        except (GovernanceError, DecisionRefused, UsageError) as error:
            faults.append(error)
    if faults:
        raise faults[0]
    return counted


def count_due(
    database: Database,
    tenant: str,
    it: RolledOut,
    days: Days,
    now: datetime,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Count the members whose window of so many days is over; returns how many."""
    until = now - timedelta(days=days) - LATE
    reached, after, counted = reached_by(it.reaches, until), "", 0
    while reached and not stopping():
        with database.reading() as tx:
            page = tx.outcomes.due(tenant, it.version, days, reached=reached, until=until, after=after, limit=AT_ONCE)
        members = [one for one in entered(it, page) if one.at <= until]
        if members:
            counted += _batch(database, tenant, it, days, members, now)
        if len(page) < AT_ONCE:
            break
        after = page[-1].customer_id
    return counted


def entered(it: RolledOut, page: Sequence[Member]) -> list[Entered]:
    """Return which members entered and when. Their bucket is drawn again: a row that was altered moves nobody."""
    if not page:
        return []
    ids = pl.Series([one.customer_id for one in page], dtype=pl.String)
    drawn = assign_all(it.strategy.name, ids, holdout_bp=it.strategy.holdout, weights={})
    found = []
    for member, bucket in zip(page, drawn["rollout_bucket"].to_list(), strict=True):
        at = entered_at(it.reaches, bucket, member.enrolled_at)
        if at is None:
            continue
        segments = None if member.segments is None else tuple(member.segments.split())
        unknown: NotKnown | None = "erased" if member.erased else "altered" if not sealed(it, member) else None
        found.append(Entered(member.customer_id, at, segments, unknown))
    return found


def sealed(it: RolledOut, member: Member) -> bool:
    """Say whether a member's row bears its own seal; whether that is the one of the record, `verifying` asks."""
    if member.seal is None or member.nonce is None:
        return member.nonce is None and (member.seal is not None or not it.sealed)
    segments, enrolled_us = (member.segments or "").split(), micros_of(member.enrolled_at)
    return member.seal == member_seal(it.version, member.customer_id, enrolled_us, segments, member.nonce)


def _batch(
    database: Database, tenant: str, it: RolledOut, days: Days, members: Sequence[Entered], now: datetime
) -> int:
    until_us = micros_of(now - _SETTLED)
    with database.reading() as tx:
        found = outcomes_of(tx, tenant, it, days, members, until_us)
    ids = [one.customer_id for one in members]
    with database.transaction() as tx:
        tx.outcomes.lock(tenant, it.version)
        if tx.outcomes.counted(tenant, it.version, days, ids):
            return 0  # another worker did
        erased = {one.customer_id for one in tx.outcomes.lock_members(tenant, it.version, ids) if one.erased}
        number = _next(tx, tenant, it.version, days)
        rows = [_sealed(it.version, _without(one) if one.customer_id in erased else one, number) for one in found]
        tx.outcomes.add(tenant, it.version, rows)
        body = {
            "strategy": it.strategy.name,
            "version": it.version,
            "days": days,
            "batch": number,
            "members": len(rows),
            "unknown": sum(row.unknown is not None for row in rows),
            "until": time_of(until_us).isoformat(),
            "digest": digest_of((row.customer_id, row.seal) for row in rows),
        }
        tx.record_act(tenant, COUNTED, _WORKER, now, batch_name(it.version, days, number), body)
    return len(rows)


def batch_name(version: str, days: Days, number: int) -> str:
    """Return what the entry of a batch is about."""
    return f"{version}.{days}.{number}"


def _next(tx: Transaction, tenant: str, version: str, days: Days) -> int:
    number = tx.outcomes.batches(tenant, version, days) + 1
    while entry_of(tx, tenant, f"{COUNTED}.{batch_name(version, days, number)}") is not None:
        number += 1  # rows of a batch were taken away
    return number


def _sealed(version: str, one: MemberOutcome, number: int) -> MemberOutcome:
    row = one.model_copy(update={"batch": number, "nonce": secrets.token_hex(8)})
    return row.model_copy(update={"seal": seal_of(version, row)})


def _without(one: MemberOutcome) -> MemberOutcome:
    gone = {"unknown": "erased", "after": None, "before": None, "given": None, "segments": None}
    return one.model_copy(update=gone)
