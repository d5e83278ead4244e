"""Outcomes of a strategy: what became of those whom it treated, and the table of it as a file."""

from typing import Final

from starlette.responses import Response

from placet.contracts.outcomes.report import OutcomesReport
from placet.contracts.outcomes.windows import HORIZONS, Days
from placet.contracts.text import one_line
from placet.errors import GovernanceError, StorageError, UsageError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.outcomes import outcomes_of
from placet.interfaces.telling.outcome_reports import report_as_csv, told
from placet.service.outcomes.reporting import show_outcomes
from placet.service.strategies.publishing import find_published

_USUAL: Final[Days] = 30


def show(asked: Asked) -> Response:
    """Show the outcomes of one strategy so many days after its customers entered."""
    days, fault, report = _days(asked), "", None
    served, wanted = asked.parts.served, asked.request.path_params["strategy"]
    with served.database.reading() as tx:
        found = find_published(tx, served.tenant, wanted, served.policies_of, asked.now)
    try:
        report = _report(asked, days)
    except UsageError as error:
        fault = one_line(str(error))
    except (GovernanceError, StorageError) as error:
        fault = f"No figure is shown: {one_line(str(error))}"
    return asked.page(
        "customers/outcomes.html",
        422 if fault else 200,
        it=None if report is None else outcomes_of(report),
        title=found.title or found.record.mandate.name,
        version=found.version,
        days=days,
        horizons=HORIZONS,
        fault=fault,
    )


def table(asked: Asked) -> Response:
    """Return all groups as a file of comma-separated values."""
    report = _report(asked, _days(asked))
    name = f"outcomes-{report.strategy}-{report.days}.csv"
    return Response(
        report_as_csv(report),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _report(asked: Asked, days: Days) -> OutcomesReport:
    served, wanted = asked.parts.served, asked.request.path_params["strategy"]
    return told(show_outcomes(served.database, served.tenant, wanted, days, served.policies_of, asked.now))


def _days(asked: Asked) -> Days:
    given = asked.query("days")
    return next((one for one in HORIZONS if str(one) == given), _USUAL)
