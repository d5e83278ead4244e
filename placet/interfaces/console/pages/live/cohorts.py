"""Cohorts: write a condition, see whom it has, and find the named segments of the trade."""

from typing import Final

from starlette.responses import Response

from placet.contracts.cohorts.preview import CohortPreview
from placet.contracts.text import one_line
from placet.errors import GovernanceError, StorageError, UsageError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.cohorts import grouped, preview_of
from placet.service.cohorts import check_size, cohort_given, list_columns, list_segments, preview

_SECONDS: Final = 60.0
"""How long a preview is shown before the base is looked through anew."""
_MOST_CUSTOMERS: Final = 200_000
"""Of a base that is looked through for a page: some two minutes of a core, in a thread of its own."""
_EXAMPLE: Final = "recharge_late_percent >= 50 AND open_tickets = 0"


def show(asked: Asked) -> Response:
    """Show the form and the segments; of an expression or a segment that is asked for, whom it has."""
    expression, segment = asked.query("expression"), asked.query("segment")
    segments = list_segments()
    # A link with both would show a condition of somebody's own under the name of a segment.
    known = next((one for one in segments if one.name == segment), None) if expression is None else None
    found, fault, failed, working = None, "", False, False
    if expression is not None or segment is not None:
        try:
            found = _preview(asked, expression, segment)
            working = found is None
        except UsageError as error:
            fault = str(error)
        except (GovernanceError, StorageError) as error:
            fault, failed = f"The base cannot be looked through: {one_line(str(error))}", True
    return asked.page(
        "customers/cohorts.html",
        503 if failed else 422 if fault else 200,
        expression=expression or (known.expression if known else ""),
        segment=known,
        example=_EXAMPLE,
        fault=fault,
        working=working,
        found=None if found is None else preview_of(found),
        as_of=None if found is None else found.as_of,
        groups=grouped(segments),
        columns=list_columns(),
    )


def _preview(asked: Asked, expression: str | None, segment: str | None) -> CohortPreview | None:
    served = asked.parts.served
    cohort = cohort_given(expression, segment)
    check_size(served.database, served.tenant, _MOST_CUSTOMERS)
    return asked.parts.jobs.ask(
        f"cohort {cohort.digest}",
        lambda: preview(served.database, served.tenant, cohort, asked.now),
        seconds=_SECONDS,
    )
