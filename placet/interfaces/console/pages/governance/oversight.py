"""The oversight report: do those who decide look first, and do they ever say no? It names no control."""

from datetime import timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from placet.contracts.base import PersonName
from placet.contracts.text import one_line
from placet.errors import GovernanceError, StorageError
from placet.interfaces.console.pages.governance.tabs import governed
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.governance.oversight import report_of
from placet.service.oversight import draw_up_report

PERIODS: Final = (7, 30, 90, 365)
_DEFAULT: Final = 30
_SECONDS: Final = 60.0
"""How long a report is shown before it is drawn up anew: it reads all that happened in its period."""

_NAME: Final[TypeAdapter[str]] = TypeAdapter(PersonName)


def show(asked: Asked) -> Response:
    """Show the report; while it is drawn up, that it is."""
    served, fault = asked.parts.served, ""
    days = next((one for one in PERIODS if str(one) == asked.query("days")), _DEFAULT)
    approver = asked.query("approver")
    try:
        approver = None if approver is None else _NAME.validate_python(approver)
    except ValidationError:
        fault, approver = "This is no person's name.", None
    found, failed = None, False
    try:
        found = asked.parts.jobs.ask(
            f"oversight {days} {approver or ''}",
            lambda: draw_up_report(served.database, tenant=served.tenant, days=days, approver=approver),
            seconds=_SECONDS,
        )
    except (GovernanceError, StorageError) as error:
        fault, failed = f"The report cannot be drawn up: {one_line(str(error))}", True
    return governed(
        asked,
        "oversight.html",
        503 if failed else 422 if fault else 200,
        days=days,
        periods=PERIODS,
        approver=asked.query("approver") or "",
        fault=fault,
        failed=failed,
        report=None if found is None else report_of(found),
        since=asked.now - timedelta(days=days),
    )
