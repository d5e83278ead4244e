"""Key figures that are kept: those of today, brought up to date first, and those of closed days.

The page, the API and the command line all call these functions.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from placet.contracts.cohorts.economics import Economics
from placet.contracts.cohorts.kpis import KpiDay, KpiDays, KpiReport
from placet.contracts.text import NAME, shortened
from placet.decisioning.cohorts.cohort import Cohort
from placet.decisioning.cohorts.segments import segment_named
from placet.decisioning.kpis.definitions import definitions_digest
from placet.decisioning.kpis.lifetime import with_lifetime
from placet.decisioning.kpis.parts import EVERYBODY, scopes
from placet.decisioning.kpis.sealing import NotSealedError
from placet.errors import StorageError, UsageError
from placet.service.cohorts import check_size, checked, count_base
from placet.service.kpis.book import day_of, end_of, read_sum
from placet.service.kpis.once import DAYS, kpi_report, report_of
from placet.service.kpis.refreshing import count_anew, refresh
from placet.storage.database import Database
from placet.storage.kpis.kept import KpiSumRow
from placet.storage.sql.reading import pass_on_others, read_as
from placet.storage.tables import KPI_SUM

_LOG = logging.getLogger(__name__)
_MOST_NAMED: Final = 3
_LONGEST_SERIES: Final = 800
_TRIES: Final = 3

Given = Economics | str | None
"""What the operator says of its economics; a text says why that cannot be read."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is kept as another than one pass gives."""

    title: str
    currency: str | None
    kept: str
    anew: str


def kept_report(
    database: Database,
    tenant: str,
    segment: str | None,
    now: datetime,
    *,
    economics: Given = None,
    most: int | None = None,
) -> KpiReport:
    """Return the figures of today, of all customers or of a named segment, from what is kept.

    What is kept is brought up to date first. Where it cannot be used, the figures are computed in one pass.

    Args:
        database: Where they are.
        tenant: Whose.
        segment: The segment; None: all customers.
        now: The time; its day is told, as of its end.
        economics: What the operator says of margin and discount.
        most: How many customers to count at most while somebody waits; None: as many as there are.

    Raises:
        StorageError: the database does not answer.
        UsageError: code `unknown_segment`; or `base_too_large`: the day is not counted, and more customers wait than
            `most`.
    """
    cohort = None if segment is None else segment_named(segment)[1]
    for _ in range(_TRIES):
        if not refresh(database, tenant, now, most=most):
            _check_counted(database, tenant, most)
        try:
            found = _read(database, tenant, segment, day_of(now), cohort)
        except NotSealedError as error:
            count_anew(database, tenant, now, str(error))
            continue
        if found is not None:
            return told(found, segment, economics)
        break
    _LOG.warning("the kept key figures of %s are not those of %s; they are computed in one pass", tenant, day_of(now))
    if most is not None:
        check_size(database, tenant, most)
    return anew_report(database, tenant, segment, now, economics=economics)


def anew_report(
    database: Database, tenant: str, segment: str | None, now: datetime, *, economics: Given = None
) -> KpiReport:
    """Return the same figures, computed in one pass; nothing that is kept is looked at.

    Raises:
        StorageError: the database does not answer.
        UsageError: code `unknown_segment`.
    """
    cohort = None if segment is None else segment_named(segment)[1]
    return told(kpi_report(database, tenant, cohort, end_of(day_of(now))), segment, economics)


def day_report(
    database: Database,
    tenant: str,
    segment: str | None,
    day: date | None,
    now: datetime,
    *,
    economics: Given = None,
    most: int | None = None,
) -> KpiReport:
    """Return the figures of a day from what is kept: None is today. The other arguments are those of `kept_report`.

    Raises:
        StorageError: the database does not answer.
        UsageError: code `unknown_day`; that day is not kept. Code `malformed`; it is still to come. As `kept_report`.
    """
    today = day_of(now)
    if day is None or day == today:
        return kept_report(database, tenant, segment, now, economics=economics, most=most)
    if day > today:
        raise UsageError(f"{day} is still to come; today is {today} in UTC", code="malformed")
    found = kept_days(database, tenant, segment, first=day, last=day, now=now, economics=economics)
    if not found.days:
        why = "its row cannot be read, or is of other definitions" if found.unreadable else "nobody counted it"
        raise UsageError(
            f"no figures of {day} are kept: {why}; `placet kpi --as-of {day}` computes them from events",
            code="unknown_day",
        )
    (one,) = found.days
    cohort = None if segment is None else segment_named(segment)[1]
    return KpiReport(
        cohort=None if cohort is None else checked(cohort),
        as_of=end_of(day),
        days=DAYS,
        customers=one.customers,
        simulated=one.simulated,
        left_out=one.left_out,
        segment=segment,
        counted_at=one.counted_at,
        kpis=one.kpis,
    )


def told(report: KpiReport, segment: str | None, economics: Given) -> KpiReport:
    """Return a report with the lifetime value, and the name of the segment."""
    return report.model_copy(update={"segment": segment, "kpis": with_lifetime(report.kpis, economics)})


def kept_days(
    database: Database,
    tenant: str,
    segment: str | None,
    *,
    first: date,
    last: date,
    now: datetime,
    economics: Given = None,
) -> KpiDays:
    """Return the figures of the days that are kept, from one to another, oldest first; at most 800 days.

    Raises:
        StorageError: the database does not answer.
        UsageError: code `unknown_segment`.
    """
    if segment is not None:
        segment_named(segment)
    first = max(first, date.fromordinal(max(1, last.toordinal() - _LONGEST_SERIES)))
    with database.snapshot() as tx:
        rows = tx.kpis.days(tenant, segment or EVERYBODY, first.isoformat(), last.isoformat())
    found, unreadable = [], []
    for row in rows:
        try:
            found.append(_day(row, day_of(now), economics))
        except NotSealedError:
            unreadable.append(shortened(str(row["day"]), NAME))
    return KpiDays(days=tuple(one for one in found if one is not None), unreadable=tuple(unreadable))


def differences(kept: KpiReport, anew: KpiReport) -> tuple[Difference, ...]:
    """Return where kept figures are others than those of one pass."""
    found = [
        Difference(name, None, str(ours), str(theirs))
        for name, ours, theirs in (
            ("customers", kept.customers, anew.customers),
            ("customers with simulated events", kept.simulated, anew.simulated),
            ("left out", (kept.left_out, kept.unreadable), (anew.left_out, anew.unreadable)),
        )
        if ours != theirs
    ]
    ours = {(one.name, one.currency): one for one in kept.kpis}
    theirs = {(one.name, one.currency): one for one in anew.kpis}
    for key in dict.fromkeys((*theirs, *ours)):
        one, other = ours.get(key), theirs.get(key)
        if one != other:
            title = (one or other or kept.kpis[0]).title
            said = [f"{two.of} over {two.over}" if two is not None else "none" for two in (one, other)]
            found.append(Difference(title, key[1], *said))
    return tuple(found)


def _check_counted(database: Database, tenant: str, most: int | None) -> None:
    """Refuse to have somebody wait for a day whose counting has only begun."""
    with database.reading() as tx:
        try:
            counting = tx.kpis.count(tenant).after is not None
        except StorageError as error:
            pass_on_others(error)
            counting = True
    if counting:
        base = count_base(database, tenant)
        raise UsageError(
            f"the key figures of today are being counted, of {base:,} customers and {most or 0:,} at a time; try again "
            "in a moment, or run a worker, which counts them",
            code="base_too_large",
        )


def _read(database: Database, tenant: str, segment: str | None, day: date, cohort: Cohort | None) -> KpiReport | None:
    """Return the report of a day; None where what is kept is of another day, or of other definitions."""
    try:
        with database.snapshot() as tx:
            count, rows = tx.kpis.count(tenant), tx.kpis.sums(tenant, day.isoformat())
            unreadable = tx.kpis.unreadable(tenant, count.epoch, _MOST_NAMED)
    except StorageError as error:
        pass_on_others(error)
        raise NotSealedError(str(error)) from error
    digest = definitions_digest()
    if count.day != day.isoformat() or count.digest != digest or count.after is not None:
        return None
    read = {name: read_sum(rows[name], digest) for name in (EVERYBODY, segment or EVERYBODY) if name in rows}
    if set(read) != {EVERYBODY, segment or EVERYBODY} or any(one[:2] != (count.epoch, None) for one in read.values()):
        raise NotSealedError("sums are missing, or of another counting")
    _, _, counted_at, sums = read[segment or EVERYBODY]
    sums.left_out = read[EVERYBODY][3].left_out
    with _of_what_is_kept():
        found = report_of(sums, end_of(day), cohort=cohort, unreadable=[shortened(one, NAME) for one in unreadable])
        return found.model_copy(update={"counted_at": _time(counted_at)})


def _day(row: Any, today: date, economics: Given) -> KpiDay | None:
    """Return a day as it is told; None where its counting has only begun."""
    try:
        read = read_as(KpiSumRow, KPI_SUM.name, row["day"], row)
    except StorageError as error:
        pass_on_others(error)
        raise NotSealedError(str(error)) from error
    _, after, counted_at, sums = read_sum(read, definitions_digest())
    if after is not None:
        return None
    with _of_what_is_kept():
        return KpiDay(
            day=read.day,
            closed=read.day < today.isoformat(),
            customers=sums.customers,
            simulated=sums.simulated,
            left_out=sums.left_out,
            counted_at=_time(counted_at),
            kpis=with_lifetime(sums.values(), economics),
        )


@contextmanager
def _of_what_is_kept() -> Iterator[None]:
    """Tell sums of which no report can be made as what nobody wrote here: their checksum is no signature."""
    try:
        yield
    except (TypeError, ValueError, ArithmeticError) as error:
        raise NotSealedError("no figures can be made of it") from error


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def let_go_days(database: Database, tenant: str, before: date) -> int:
    """Take the figures of closed days away; return how many days' and segments' rows went."""
    with database.transaction() as tx:
        return tx.kpis.let_go(tenant, before.isoformat())


def segments_kept() -> Sequence[str]:
    """Return the named segments whose figures are kept."""
    return [name for name in scopes() if name != EVERYBODY]
