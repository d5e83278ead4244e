"""Figures that the trade steers by, over the base or a cohort in it, in one pass."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from placet.contracts.cohorts.kpis import KpiReport
from placet.decisioning.cohorts.cohort import Cohort
from placet.decisioning.kpis.adding import KpiSums, Pass
from placet.service.cohorts import LeftOut, base_frames, checked
from placet.storage.database import Database

DAYS: Final = 30


def kpi_report(database: Database, tenant: str, cohort: Cohort | None, as_of: datetime) -> KpiReport:
    """Return the figures of all customers, or of those in a cohort.

    Raises:
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    left_out = LeftOut()
    return kpis_of(base_frames(database, tenant, as_of, left_out), cohort, as_of, left_out)


def kpis_of(frames: Iterable[pl.DataFrame], cohort: Cohort | None, as_of: datetime, left_out: LeftOut) -> KpiReport:
    """Return the figures of a base in frames, which have `asked_columns`; see `preview_of` for the arguments."""
    passed = Pass()
    for frame in frames:
        passed.add(frame if cohort is None else frame.filter(cohort.members(frame)))
    sums = passed.sums()
    sums.left_out = left_out.many
    return report_of(sums, as_of, cohort=cohort, unreadable=left_out.first)


def report_of(sums: KpiSums, as_of: datetime, *, cohort: Cohort | None, unreadable: Sequence[str]) -> KpiReport:
    """Return sums as every face shows them."""
    return KpiReport(
        cohort=None if cohort is None else checked(cohort),
        as_of=as_of,
        days=DAYS,
        customers=sums.customers,
        simulated=sums.simulated,
        left_out=sums.left_out,
        unreadable=tuple(unreadable),
        kpis=sums.values(),
    )
