"""Cohorts over the base: whom an expression has, by what they differ, and which named segments they are in.

The base is read a page at a time, each in a transaction of its own, so that memory does not grow with it and writers do
not wait. Every row is as of one time. What arrives meanwhile counts where its page was not read yet.
"""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import polars as pl

from placet.contracts.cohorts.preview import (
    Asked,
    CheckedCohort,
    CohortPreview,
    ColumnShown,
    Example,
    ListedSegment,
    Membership,
    Overlap,
    SegmentCount,
)
from placet.contracts.state import CustomerState
from placet.contracts.text import NAME, shortened
from placet.decisioning.cohorts.cohort import Cohort, cohort_of, frame_of
from placet.decisioning.cohorts.columns import COLUMNS
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.cohorts.profile import Tally
from placet.decisioning.cohorts.segments import asked, library, segment_named
from placet.decisioning.cohorts.wording import percent
from placet.decisioning.state.aggregate import micros_of
from placet.errors import StorageError, UsageError
from placet.service.state.current import Damaged, aggregate_of, fold_waiting, state_of
from placet.service.state.people import Merged, merged_of
from placet.service.state.reading import named, state_told
from placet.storage.database import Database
from placet.storage.sql.reading import pass_on_others, read_as
from placet.storage.state.states import BaseRow, StateRow
from placet.storage.tables import CUSTOMER_STATE

PAGE: Final = 2000
"""Customers of one frame: some 4 MB of aggregates and columns."""

_FOLDED_AT_ONCE: Final = 200
_MOST_FOLDED: Final = 10_000
"""Calls of one question: events that keep arriving must not keep it from being answered."""
_EXAMPLES: Final = 5
_MOST_SHOWN: Final = 12
_MOST_NAMED: Final = 3

Drawn = tuple[str, str, Row]
"""A member who may be an example: the digest that they are drawn by, their id, what the expression asks of them."""


@dataclass(slots=True)
class LeftOut:
    """Customers whose rows cannot be read: how many, and the first few; and who is no customer of the base.

    Attributes:
        only_said: Of how many only words about them were known by then, and no event.
    """

    many: int = 0
    first: list[str] = field(default_factory=list)
    only_said: int = 0

    def add(self, customer_id: str) -> None:
        """Note one more."""
        self.many += 1
        if self.many <= _MOST_NAMED:
            self.first.append(shortened(customer_id, NAME))


def cohort_given(expression: str | None, segment: str | None) -> Cohort:
    """Return the cohort that is asked for, by its expression or by a segment's name.

    Raises:
        UsageError: it is none; both or neither are given.
    """
    if (expression is None) == (segment is None):
        raise UsageError("give an expression, or the name of a segment", code="malformed")
    return cohort_of(expression) if expression is not None else segment_named(segment or "")[1]


def checked(cohort: Cohort) -> CheckedCohort:
    """Return what is told of a cohort without asking anybody."""
    return CheckedCohort(expression=cohort.written, digest=cohort.digest, columns=cohort.columns)


def list_columns() -> tuple[ColumnShown, ...]:
    """Return the columns that expressions may name."""
    return tuple(
        ColumnShown(
            name=one.name, type=one.kind, about=one.about, unknown=one.unknown, choices=tuple(map(str, one.choices))
        )
        for one in COLUMNS
    )


def list_segments() -> tuple[ListedSegment, ...]:
    """Return the named segments, also those that are left out."""
    return tuple(
        ListedSegment(
            **dict(named.segment),
            category=named.category,
            digest=None if named.cohort is None else named.cohort.digest,
        )
        for named in library()
    )


def membership(database: Database, tenant: str, customer_id: str, cohort: Cohort, as_of: datetime) -> Membership:
    """Return whether one customer is in a cohort, by their state now folded; `unknown` where no event is known."""
    state, members = state_of(database, tenant, customer_id, as_of), None
    if state.newest is None:
        return "unknown"
    if state.household_id is not None:
        with database.reading() as tx:
            members = tx.states.household_size(tenant, state.household_id)
    answer = cohort.has(row_of(state, members))
    return "unknown" if answer is None else "yes" if answer else "no"


def fold_all(database: Database, tenant: str) -> None:
    """Fold what waits, for whoever asks where no worker does. Whoever reads then tells which rows cannot be read."""
    damaged: Damaged = {}
    for _ in range(_MOST_FOLDED):
        if fold_waiting(database, tenant, _FOLDED_AT_ONCE, damaged) < _FOLDED_AT_ONCE:
            break


def check_size(database: Database, tenant: str, most: int, command: str = "placet cohort preview") -> None:
    """Refuse a base that is too large for whoever asks to wait for it; `command` answers it all the same.

    Raises:
        UsageError: code `base_too_large`.
    """
    base = count_base(database, tenant)
    if base > most:
        raise UsageError(
            f"events of {base:,} customers are known, more than {most:,}; ask on the command line: `{command}`",
            code="base_too_large",
        )


def count_base(database: Database, tenant: str) -> int:
    """Return of how many customers events are known."""
    with database.reading() as tx:
        return tx.states.count(tenant)


def base_rows(database: Database, tenant: str, as_of: datetime, left_out: LeftOut | None = None) -> Iterator[list[Row]]:
    """Yield the rows of the base, a page at a time; a person whose ids are merged is one row.

    Who had no event by then was not known then, and does not count.

    Args:
        database: Where they are.
        tenant: Whose.
        as_of: The time that all rows are of.
        left_out: Customers whose rows cannot be read are added, and are passed over. None: the first is raised. Of whom
            only words are known is counted there, too.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    after = ""
    with database.reading() as tx:
        merged = merged_of(tx, tenant)
    while True:
        with database.reading() as tx:
            page = tx.states.page(tenant, after, PAGE)
        if page:
            once = [one for one in page if one.customer_id not in merged.beside]
            rows = (_row(database, tenant, one, as_of, merged, left_out) for one in once)
            yield [row for row in rows if row is not None]
            after = page[-1].customer_id
        if len(page) < PAGE:
            return


def base_frames(
    database: Database, tenant: str, as_of: datetime, left_out: LeftOut | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the base as frames; see `base_rows`."""
    return map(frame_of, base_rows(database, tenant, as_of, left_out))


def preview(database: Database, tenant: str, cohort: Cohort, as_of: datetime) -> CohortPreview:
    """Return whom a cohort has, in one pass over the base.

    Raises:
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    left_out = LeftOut()
    return preview_of(base_frames(database, tenant, as_of, left_out), cohort, as_of, left_out)


def preview_of(frames: Iterable[pl.DataFrame], cohort: Cohort, as_of: datetime, left_out: LeftOut) -> CohortPreview:
    """Return whom a cohort has, of a base in frames of all columns; how it is cut into them does not matter.

    Args:
        frames: Each customer in one row of one of them.
        cohort: Whose members are asked for.
        as_of: The time that all rows are of.
        left_out: Who is in no frame; complete when the frames are at their end.
    """
    tally, chosen = Tally(cohort.columns), list[Drawn]()
    segments = asked()
    in_segment, in_both = [0] * len(segments), [0] * len(segments)
    for frame in frames:
        answers = cohort.members(frame)
        tally.add(frame, answers)
        members = answers.fill_null(value=False)
        for number, (_, other) in enumerate(segments):
            theirs = other.members(frame).fill_null(value=False)
            in_segment[number] += int(theirs.sum())
            in_both[number] += int((theirs & members).sum())
        chosen = _examples(chosen, frame, members, cohort)
    overlaps = [
        Overlap(
            segment=segment.name,
            title=segment.title,
            both=both,
            percent_of_cohort=percent(both, tally.members),
            percent_of_base=percent(theirs, tally.base),
        )
        for (segment, other), theirs, both in zip(segments, in_segment, in_both, strict=True)
        if both and other.digest != cohort.digest
    ]
    return CohortPreview(
        checked=checked(cohort),
        as_of=as_of,
        base=tally.base,
        members=tally.members,
        unknown=tally.unknown,
        percent=percent(tally.members, tally.base),
        simulated=tally.simulated,
        left_out=left_out.many,
        unreadable=tuple(left_out.first),
        only_said=left_out.only_said,
        profile=tally.profile(),
        overlaps=tuple(sorted(overlaps, key=lambda one: (-one.both, one.segment))),
        distributions=tally.distributions(),
        examples=tuple(_example(customer_id, row, cohort) for _, customer_id, row in chosen),
    )


def count_segments(database: Database, tenant: str, as_of: datetime) -> tuple[int, tuple[SegmentCount, ...]]:
    """Return the size of the base and of each named segment, in one pass."""
    segments, base = asked(), 0
    counts = [0] * len(segments)
    for frame in base_frames(database, tenant, as_of, LeftOut()):
        base += frame.height
        for number, (_, cohort) in enumerate(segments):
            counts[number] += int(cohort.members(frame).sum())
    return base, tuple(
        SegmentCount(name=segment.name, members=many, percent=percent(many, base))
        for (segment, _), many in zip(segments, counts, strict=True)
    )


def _row(
    database: Database, tenant: str, one: BaseRow, as_of: datetime, merged: Merged, left_out: LeftOut | None
) -> Row | None:
    """Return a customer's row; None of whom no event had happened by then, or who is left out."""
    try:
        state = _state(database, tenant, one, as_of, merged)
        with named(one.customer_id):
            if state.newest is not None:
                return row_of(state, one.members)
            if left_out is not None and state.version:
                left_out.only_said += 1
            return None
    except StorageError as error:
        pass_on_others(error)
        if left_out is None:
            raise
        left_out.add(str(one.customer_id))
        return None


def _state(database: Database, tenant: str, one: BaseRow, as_of: datetime, merged: Merged) -> CustomerState:
    kept = {"customer_id": one.customer_id, "version": one.version, "newest_us": one.newest_us}
    row = read_as(
        StateRow, CUSTOMER_STATE.name, one.customer_id, {"tenant": tenant, **kept, "aggregate": one.aggregate}
    )
    if row.customer_id in merged.ids or (row.newest_us is not None and row.newest_us > micros_of(as_of)):
        # What had happened by then, or to all ids of a person, is read of each by itself: it takes far longer.
        return state_of(database, tenant, row.customer_id, as_of)
    return state_told(row.customer_id, aggregate_of(row), row.version, as_of)


def _examples(chosen: list[Drawn], frame: pl.DataFrame, members: pl.Series, cohort: Cohort) -> list[Drawn]:
    """Return the members with the smallest digests: a sample that does not depend on the order of ids."""
    ids, places = frame["customer_id"].filter(members), members.arg_true()
    lots = heapq.nsmallest(_EXAMPLES, zip((_lot(cohort.digest, one) for one in ids), ids, places, strict=True))
    names = cohort.columns[:_MOST_SHOWN]
    new = [(lot, one, frame.select(names).row(place, named=True)) for lot, one, place in lots]
    return heapq.nsmallest(_EXAMPLES, [*chosen, *new], key=lambda one: one[0])


def _lot(digest: str, customer_id: str) -> str:
    return hashlib.sha256(f"{digest}/{customer_id}".encode()).hexdigest()


def _example(customer_id: str, row: Row, cohort: Cohort) -> Example:
    values = tuple(Asked(column=name, value=_shown(row[name])) for name in cohort.columns[:_MOST_SHOWN])
    return Example(customer_id=customer_id, asked=values)


def _shown(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
