"""Outcomes that were counted, read back: a batch is believed when it is what the record says, and not before."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from placet.contracts.outcomes.windows import Days, MemberOutcome
from placet.contracts.times import moment
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.outcomes.groups import MOST_AMOUNT
from placet.decisioning.windows.counting import OF_SIMULATION
from placet.decisioning.windows.sealing import digest_of, seal_of
from placet.errors import GovernanceError
from placet.service.outcomes.entering import RolledOut, entry_of
from placet.storage.database import Database

COUNTED: Final = "outcomes.counted"
_PAGE: Final = 5_000
_MOST_BATCHES: Final = 1_000_000

FRAME: Final[dict[str, pl.DataType]] = {
    "customer_id": pl.String(),
    "unknown": pl.String(),
    "spend": pl.Int64(),
    "marks": pl.Int64(),
    "spend_before": pl.Int64(),
    "marks_before": pl.Int64(),
    "given": pl.Int64(),
    "segments": pl.List(pl.String),
}


class Batch(NamedTuple):
    """What was counted together.

    Attributes:
        at: When, by the record.
    """

    number: int
    digest: str
    members: int
    at: datetime


class CountedOnce(NamedTuple):
    """The outcomes of a version at one horizon.

    Attributes:
        frame: With the columns of `FRAME`, `control` and `arm` as the draw has them.
    """

    frame: pl.DataFrame
    batches: tuple[Batch, ...]

    @property
    def simulated(self) -> int:
        """Members who have an event that is not real."""
        return int(((self.frame["marks"] | self.frame["marks_before"].fill_null(0)) & OF_SIMULATION != 0).sum())


def batches_of(database: Database, tenant: str, version: str, days: Days) -> tuple[Batch, ...]:
    """Return the batches that were counted, by the record.

    Raises:
        GovernanceError: code `audit_broken`; an entry is not what was written.
    """
    found: list[Batch] = []
    with database.reading() as tx:
        for number in range(1, _MOST_BATCHES):
            entry = entry_of(tx, tenant, f"{COUNTED}.{version}.{days}.{number}")
            if entry is None:
                return tuple(found)
            body = entry.body
            found.append(Batch(number, str(body.get("digest")), int(body.get("members", 0)), entry.at))
    return tuple(found)


def all_outcomes(database: Database, tenant: str, version: str, days: Days) -> Iterator[MemberOutcome]:
    """Yield the rows of a version at one horizon, a page at a time.

    Raises:
        StorageError: code `storage_row`; one cannot be read.
    """
    after = ""
    while True:
        with database.reading() as tx:
            page = tx.outcomes.page(tenant, version, days, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].customer_id


def read_outcomes(database: Database, tenant: str, it: RolledOut, days: Days, now: datetime) -> CountedOnce:
    """Return what was counted, when all of it is what the record says.

    Raises:
        GovernanceError: code `outcomes_altered`; rows are not those of their batch, or were counted at a time that is
            still to come. Code `audit_broken`.
        StorageError: code `storage_row`; a row cannot be read.
    """
    batches = batches_of(database, tenant, it.version, days)
    seals: dict[int, list[tuple[str, str]]] = defaultdict(list)
    columns: dict[str, list[object]] = {name: [] for name in FRAME}
    for row in all_outcomes(database, tenant, it.version, days):
        if row.nonce is not None and seal_of(it.version, row) != row.seal:
            raise _altered(it, days, f"what is kept of customer {row.customer_id!r}")
        seals[row.batch].append((row.customer_id, row.seal))
        _add(columns, row)
    for batch in batches:
        if batch.digest != digest_of(seals.pop(batch.number, ())):
            raise _altered(it, days, f"batch {batch.number}")
        if batch.at > now:
            raise GovernanceError(
                f"batch {batch.number} was counted at {moment(batch.at)}, which is still to come: a clock was wrong, "
                "and customers were counted before their days were over",
                code="outcomes_altered",
            )
    if seals:
        raise _altered(it, days, f"batch {min(seals)}, which nobody counted,")
    frame = pl.DataFrame({name: pl.Series(name, values, FRAME[name]) for name, values in columns.items()})
    return CountedOnce(_drawn(frame, it), batches)


def _add(columns: dict[str, list[object]], row: MemberOutcome) -> None:
    after, before = row.after, row.before
    values = {
        "customer_id": row.customer_id,
        "unknown": row.unknown or (None if after is not None else "erased"),
        "spend": None if after is None else min(after.spend, MOST_AMOUNT),
        "marks": None if after is None else after.marks,
        "spend_before": None if before is None else min(before.spend, MOST_AMOUNT),
        "marks_before": None if before is None else before.marks,
        "given": row.given,
        "segments": None if row.segments is None else list(row.segments),
    }
    for name, value in values.items():
        columns[name].append(value)


def _drawn(frame: pl.DataFrame, it: RolledOut) -> pl.DataFrame:
    """Return a frame with the groups of its customers, drawn again: no row says who is in which."""
    strategy = it.strategy
    if frame.is_empty():
        return frame.with_columns(control=pl.lit(None, pl.Boolean), arm=pl.lit(None, pl.String))
    weights = {arm.name: arm.share for arm in strategy.arms}
    drawn = assign_all(strategy.name, frame["customer_id"], holdout_bp=strategy.holdout, weights=weights)
    return frame.with_columns(control=drawn["held_out"], arm=drawn["arm"])


def _altered(it: RolledOut, days: Days, what: str) -> GovernanceError:
    return GovernanceError(
        f"{what} is not what was counted of strategy {it.strategy.name!r} after {days} days: no figure of it is shown; "
        f"`placet strategy outcomes {it.strategy.name} --days {days} --verify` says which rows",
        code="outcomes_altered",
    )
