"""Figures that the trade steers by, over the base or a cohort in it, in one pass."""

from datetime import datetime
from typing import Final

from placet.contracts.cohorts.kpis import KpiReport
from placet.decisioning.cohorts.cohort import Cohort, frame_of
from placet.decisioning.kpis.adding import KpiSums
from placet.service.cohorts import LeftOut, base_rows, checked
from placet.storage.database import Database

DAYS: Final = 30


def kpi_report(database: Database, tenant: str, cohort: Cohort | None, as_of: datetime) -> KpiReport:
    """Return the figures of all customers, or of those in a cohort.

    Raises:
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    sums, simulated, left_out = KpiSums(), 0, LeftOut()
    for rows in base_rows(database, tenant, as_of, left_out):
        frame = frame_of(rows)
        chosen = frame if cohort is None else frame.filter(cohort.members(frame))
        sums.add(chosen)
        simulated += int(chosen["simulated"].sum())
    return KpiReport(
        cohort=None if cohort is None else checked(cohort),
        as_of=as_of,
        days=DAYS,
        customers=sums.customers,
        simulated=simulated,
        left_out=left_out.many,
        unreadable=tuple(left_out.first),
        kpis=sums.values(),
    )
