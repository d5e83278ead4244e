"""Key figures: what is kept of all customers and of each segment, today, and day by day."""

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from placet.contracts.cohorts.kpis import KpiDays, KpiReport
from placet.contracts.text import one_line
from placet.errors import GovernanceError, StorageError, UsageError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.figures import figures_of
from placet.service.cohorts import list_segments
from placet.service.kpis.book import day_of
from placet.service.kpis.kept import kept_days, kept_report

_SECONDS: Final = 15.0
"""How long figures are shown before they are brought up to date again."""
_MOST_CUSTOMERS: Final = 200_000
"""Of a day that is counted for a page, in a thread of its own."""
_DAYS: Final = 90

Found = tuple[KpiReport, KpiDays]


def show(asked: Asked) -> Response:
    """Show the figures of all customers, or of the segment that is asked for."""
    name = asked.query("segment") or None
    segments = [one for one in list_segments() if not one.needs]
    found, fault, failed = None, "", False
    try:
        found = _found(asked, name)
    except UsageError as error:
        fault = str(error)
    except (GovernanceError, StorageError) as error:
        fault, failed = f"The figures cannot be read: {one_line(str(error))}", True
    return asked.page(
        "customers/figures.html",
        503 if failed else 422 if fault else 200,
        segments=segments,
        segment=next((one for one in segments if one.name == name), None),
        fault=fault,
        working=found is None and not fault,
        found=None if found is None else figures_of(*found),
        report=None if found is None else found[0],
    )


def _found(asked: Asked, segment: str | None) -> Found | None:
    served, now = asked.parts.served, asked.now

    def work() -> Found:
        economics = served.economics()
        report = kept_report(served.database, served.tenant, segment, now, economics=economics, most=_MOST_CUSTOMERS)
        last = day_of(now)
        first = last - timedelta(days=_DAYS)
        days = kept_days(served.database, served.tenant, segment, first=first, last=last, now=now, economics=economics)
        return report, days

    # A name that is none would fill the memory of what was done.
    known = segment is None or any(one.name == segment for one in list_segments())
    return asked.parts.jobs.ask(f"key figures {segment or ''}", work, seconds=_SECONDS) if known else work()
