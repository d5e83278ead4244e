"""The base as a Parquet file: written in one pass over the database, and asked without it, both in bounded memory.

The file is customers' data in clear. What it says is believed no more than a stranger's word: its footer is compared
with what is expected, and every value that is read with what its column may have. Polars ends the process where a
file is damaged in some ways: whoever asks a file of unknown origin does so in a process that may die.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source
from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.cohorts.base_file import BaseHeader, FileKpis, FilePreview
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.plan import FilePlan, FileStrategyPreview
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.times import minute
from placet.decisioning.cohorts.base_columns import FILE_SCHEMA, columns_digest, frame_fault
from placet.decisioning.cohorts.cohort import Cohort, frame_of
from placet.decisioning.cohorts.columns import TODAY
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.kpis.adding import asked_columns
from placet.decisioning.next_best_action.sweeping import asked_columns as columns_of_plan
from placet.errors import ConfigurationError, PlacetError, UsageError
from placet.files import open_fresh
from placet.service.cohorts import LeftOut, base_rows, preview_of
from placet.service.kpis.once import kpis_of
from placet.service.strategies.planning import plan_of, ready_for
from placet.service.strategies.previewing import preview_columns
from placet.service.strategies.previewing import preview_of as strategy_preview_of
from placet.storage.database import Database

MALFORMED: Final = "base_file"
HEADER: Final = "placet.base"
"""The key of the header in the footer's metadata."""

_CLOCKS_APART: Final = timedelta(minutes=10)
AT_ONCE: Final = 50_000
"""Rows of one row group, and of one frame that is asked: some 60 MB of columns."""


def export_base(
    database: Database, tenant: str, as_of: datetime, path: Path, *, now: datetime, replace: bool = False
) -> BaseHeader:
    """Write every customer's row to a Parquet file; it appears whole, or not at all.

    Args:
        database: Where they are.
        tenant: Whose.
        as_of: The time that all rows are of.
        path: The file.
        now: When it is written.
        replace: Whether it may take the place of a file that is there.

    Raises:
        ConfigurationError: the file cannot be written, or is there already.
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    if not replace and (path.exists() or path.is_symlink()):
        raise ConfigurationError(f"{str(path)!r} exists; choose another name, or give --replace")
    left_out = LeftOut()

    def header(rows: int) -> BaseHeader:
        return BaseHeader(
            tenant=tenant,
            as_of=as_of,
            written_at=now,
            columns=columns_digest(),
            customers=rows,
            left_out=left_out.many,
            unreadable=tuple(left_out.first),
        )

    pages = base_rows(database, tenant, as_of, left_out)
    return write_base(path, (_frame_to_write(rows, left_out) for rows in pages), header, replace=replace)


def write_base(
    path: Path, frames: Iterator[pl.DataFrame], header: Callable[[int], BaseHeader], *, replace: bool = False
) -> BaseHeader:
    """Write frames of `FILE_SCHEMA` to a file of a base; it appears whole, or not at all.

    Args:
        path: The file.
        frames: Asked for one after another, by a thread of polars.
        header: Returns what the file says of itself, given the rows that were written.
        replace: Whether it may take the place of a file that is there.

    Raises:
        ConfigurationError: the file cannot be written, or is there already.
    """
    source = _Source(frames)
    with open_fresh(path, replace=replace) as file:
        try:
            # The metadata are asked for when all rows were written: only then is it known how many they are.
            register_io_source(source.read, schema=FILE_SCHEMA).sink_parquet(
                file,
                compression="zstd",
                row_group_size=AT_ONCE,
                metadata=lambda _: {HEADER: header(source.rows).model_dump_json()},
                engine="streaming",
            )
        except pl.exceptions.PolarsError as error:
            if source.fault is not None:  # polars tells it in its own words
                raise source.fault from error
            raise ConfigurationError(f"cannot write {str(path)!r}: {error}") from error
    return header(source.rows)


class _Source:
    """Frames for the sink, and what became of them."""

    def __init__(self, frames: Iterator[pl.DataFrame]) -> None:
        self._frames = frames
        self.rows = 0
        self.fault: Exception | None = None

    def read(self, *_: object) -> Iterator[pl.DataFrame]:
        """Yield frames; the sink asks for all columns and all rows."""
        try:
            for frame in self._frames:
                self.rows += frame.height
                yield frame
        except Exception as error:
            self.fault = error
            raise


def _frame_to_write(rows: Sequence[Row], left_out: LeftOut) -> pl.DataFrame:
    """Return rows as a frame. Who has a value that none can be is left out: readers would refuse the whole file."""
    frame = frame_of(rows, FILE_SCHEMA)
    if not frame_fault(frame):
        return frame
    bad = {number for number in range(frame.height) if frame_fault(frame[number])}
    for number in sorted(bad):
        left_out.add(str(rows[number]["customer_id"]))
    return frame.filter(pl.Series([number not in bad for number in range(frame.height)]))


class BaseFile:
    """A file of the base that is asked. Nobody must be able to exchange it meanwhile: open it first."""

    def __init__(self, place: str, tenant: str, named: str, now: datetime, *, at_once: int = AT_ONCE) -> None:
        """Read its footer and its ids.

        Args:
            place: Where it can be opened.
            tenant: Whose it must be.
            named: The file, as errors name it.
            now: A file of a later time is none that was written here.
            at_once: Rows of one frame.

        Raises:
            UsageError: code `base_file`; it is no such file, of another tenant or version, or holds what cannot be.
        """
        self._named, self._at_once = named, at_once
        with _told(named):
            self.header, self._lazy = _opened(place, tenant, named)
            if self.header.as_of > now + _CLOCKS_APART:
                raise _refused(named, f"it says it is as of {minute(self.header.as_of)}, which is still to come")
            _check_rows(self._lazy, self.header, named)
        self._left_out = LeftOut(self.header.left_out, list(self.header.unreadable))

    def preview(self, cohort: Cohort) -> FilePreview:
        """Return whom a cohort has.

        Raises:
            UsageError: code `base_file`.
        """
        found = preview_of(self._frames(FILE_SCHEMA), cohort, self.header.as_of, self._left_out)
        return FilePreview(header=self.header, found=found)

    def kpis(self, cohort: Cohort | None) -> FileKpis:
        """Return the figures of all customers, or of a cohort.

        Raises:
            UsageError: code `base_file`.
        """
        needed = asked_columns() | set(cohort.needs if cohort is not None else ())
        found = kpis_of(self._frames(needed), cohort, self.header.as_of, self._left_out)
        return FileKpis(header=self.header, found=found)

    def strategy_preview(self, strategy: Strategy) -> FileStrategyPreview:
        """Return what a strategy would do.

        Raises:
            UsageError: code `base_file`.
        """
        frames = self._frames(preview_columns(strategy))
        found = strategy_preview_of(frames, strategy, self.header.as_of, self._left_out)
        return FileStrategyPreview(header=self.header, found=found)

    def plan(self, strategies: Sequence[Strategy], channel: Channel) -> FilePlan:
        """Return what strategies would do together, at the time that the file is of.

        Raises:
            UsageError: code `base_file`. Code `strategy_twice`; one is given in two versions.
        """
        at = self.header.as_of
        ready = ready_for(strategies, channel, at)
        frames = self._frames(columns_of_plan(ready) | {"simulated"})
        found = plan_of(frames, ready, channel=channel, as_of=at, at=at, left_out=self._left_out)
        return FilePlan(header=self.header, found=found)

    def _frames(self, needed: Collection[str]) -> Iterator[pl.DataFrame]:
        """Yield the rows as frames of the columns of `needed`, each value checked."""
        chosen = [name for name in FILE_SCHEMA if name in needed]
        today = pl.lit(self.header.as_of.astimezone(UTC).date(), dtype=pl.Date).alias(TODAY)
        for first in range(0, self.header.customers, self._at_once):
            with _told(self._named):
                frame = self._lazy.select(chosen).slice(first, self._at_once).collect(engine="streaming")
            if fault := frame_fault(frame):
                raise _refused(self._named, fault)
            yield frame.with_columns(today)


@contextmanager
def _told(named: str) -> Iterator[None]:
    """Say in one line what polars says in many."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _refused(named, "it cannot be read: it is damaged, cut off, or not Parquet") from error


def _opened(place: str, tenant: str, named: str) -> tuple[BaseHeader, pl.LazyFrame]:
    text = pl.read_parquet_metadata(place).get(HEADER)
    if text is None:
        raise _refused(named, "`placet state export` did not write it")
    try:
        header = BaseHeader.model_validate_json(text)
    except ValidationError as error:
        raise _refused(named, f"its header cannot be read: {first_fault(error)}") from error
    if header.tenant != tenant:
        raise _refused(named, f"it is of the tenant {header.tenant!r}, not of {tenant!r}")
    lazy = pl.scan_parquet(place, glob=False, hive_partitioning=False, low_memory=True)
    if header.columns != columns_digest() or dict(lazy.collect_schema()) != FILE_SCHEMA:
        raise _refused(named, "it has other columns than this version asks: export the base again")
    return header, lazy


def _check_rows(lazy: pl.LazyFrame, header: BaseHeader, named: str) -> None:
    """Refuse a file with more or fewer rows than it says, or with a customer twice."""
    hashes = lazy.select(pl.col("customer_id").hash()).collect().to_series()
    if len(hashes) != header.customers:
        raise _refused(named, f"it has {len(hashes):,} rows and says {header.customers:,}")
    ordered = hashes.sort()
    alike = ordered.filter(ordered == ordered.shift(1)).unique()
    if len(alike):  # with ten million ids, two have one hash now and then
        ids = lazy.filter(pl.col("customer_id").hash().is_in(alike.implode())).select("customer_id").collect()
        if ids.is_duplicated().any():
            raise _refused(named, "a customer is in it more than once")


def _refused(named: str, why: str) -> PlacetError:
    return UsageError(f"cannot answer from {named!r}: {why}", code=MALFORMED)
