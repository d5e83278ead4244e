"""Taking down who takes part in a rollout: in passes over the base, in bounded memory, and on the record."""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import polars as pl

from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.segments import asked
from placet.decisioning.next_best_action.hurdles import other_currency
from placet.decisioning.state.aggregate import micros_of
from placet.decisioning.windows.sealing import digest_of, member_seal
from placet.governance.membership import Membership
from placet.service.cohorts import LeftOut, base_frames, fold_all
from placet.storage.database import Database
from placet.storage.strategies.outcomes import Member
from placet.storage.strategies.rollouts import MemberRow

_CUSTOMER: Final = "customer_id"
_PAGE: Final = 5_000


def enrol(database: Database, tenant: str, strategy: Strategy, version: str, at: datetime, drawing: int) -> Membership:
    """Take down who is in the cohort now, control group or not; who is there already stays. Returns who is new.

    Members are fixed when a stage begins, before anybody is treated: a cohort that is asked again afterwards would
    leave out exactly those on whom a treatment worked. So are the named segments that they are in.
    """
    cohort, paying = cohort_of(strategy.cohort), cohort_of(other_currency(strategy.market.currency))
    weights = {arm.name: arm.share for arm in strategy.arms}
    taken, enrolled_us = Membership(), micros_of(at)
    fold_all(database, tenant)
    for frame in base_frames(database, tenant, at, LeftOut()):
        inside = cohort.members(frame).fill_null(value=False) & paying.members(frame).fill_null(value=False)
        theirs = frame.filter(inside)
        if theirs.is_empty():
            continue
        drawn = assign_all(strategy.name, theirs[_CUSTOMER], holdout_bp=strategy.holdout, weights=weights)
        rows = []
        places = drawn.select(_CUSTOMER, "held_out", "rollout_bucket").iter_rows()
        for (customer, held, bucket), segments in zip(places, _segments(theirs), strict=True):
            nonce = secrets.token_hex(8)
            rows.append(
                MemberRow(
                    customer_id=customer,
                    control=held,
                    bucket=bucket,
                    drawing=drawing,
                    segments=" ".join(segments),
                    nonce=nonce,
                    seal=member_seal(version, customer, enrolled_us, segments, nonce),
                )
            )
        with database.transaction() as tx:
            new = tx.rollouts.enrol(tenant, version, rows, at)
        for one in new:
            taken.add(one.customer_id, one.bucket, control=one.control)
    return taken


def _segments(frame: pl.DataFrame) -> list[list[str]]:
    """Return the named segments of each row."""
    found: list[list[str]] = [[] for _ in range(frame.height)]
    for segment, cohort in asked():
        for row in cohort.members(frame).fill_null(value=False).arg_true():
            found[row].append(segment.name)
    return found


def all_members(database: Database, tenant: str, version: str) -> Iterator[Member]:
    """Yield the members of a rollout, a page at a time."""
    after = ""
    while True:
        with database.reading() as tx:
            page = tx.outcomes.members(tenant, version, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].customer_id


def members_digest(database: Database, tenant: str, version: str, until: datetime) -> tuple[int, str]:
    """Return how many members were taken down by a time, and the digest of their seals: the record names both."""
    seals = [
        (one.customer_id, one.seal or "") for one in all_members(database, tenant, version) if one.enrolled_at <= until
    ]
    return len(seals), digest_of(seals)
