"""Figures that the trade steers by, over the base or a cohort in it, in one pass."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from placet.contracts.cohorts.kpis import KpiReport
from placet.decisioning.cohorts.cohort import Cohort, frame_of
from placet.decisioning.kpis.adding import KpiSums, Pass
from placet.service.cohorts import LeftOut, base_rows, checked
from placet.storage.database import Database

DAYS: Final = 30


def kpi_report(database: Database, tenant: str, cohort: Cohort | None, as_of: datetime) -> KpiReport:
    """Return the figures of all customers, or of those in a cohort.

    Raises:
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    passed, left_out = Pass(), LeftOut()
    for rows in base_rows(database, tenant, as_of, left_out):
        frame = frame_of(rows)
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
