"""`/v1/kpis`: the figures that are kept, of all customers or of a named segment, as JSON or as CSV.

One address for both, chosen by `Accept`: the same figures of the same day are one resource, and a program that asks for
a table need not know another address.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.params import Query
from pydantic import StringConstraints

from placet.contracts.base import Text
from placet.contracts.cohorts.kpis import KpiReport
from placet.contracts.times import Day
from placet.interfaces.http.endpoints.cohorts import MOST_CUSTOMERS
from placet.interfaces.http.served import Served
from placet.interfaces.telling.kpis import kpis_as_csv
from placet.service.kpis.kept import day_report

CSV: Final = "text/csv"
_EXAMPLE: Final = (
    "as_of,segment,name,title,unit,currency,value,of,over,why\r\n"
    "2026-03-01T23:59:59.999999Z,,churn_rate,Churn rate,percent,,14.29,1,7,\r\n"
    "2026-03-01T23:59:59.999999Z,,arpu,ARPU,money,USD,49.7586,348.31,7,\r\n"
)
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}, "example": _EXAMPLE}}}
}

Segment = Annotated[
    Text | None, StringConstraints(max_length=64), Query(description="a named segment; left out: all customers")
]
AskedDay = Annotated[Day | None, Query(description="a day that is kept, such as 2026-03-01; left out: today, in UTC")]


class KpiEndpoints:
    """The endpoint, for the customers of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/kpis", tags=["cohorts"])
        router.add_api_route("", self.kept_figures, methods=["GET"], response_model=KpiReport, responses=_RESPONSES)
        return router

    def kept_figures(self, request: Request, segment: Segment = None, day: AskedDay = None) -> Any:
        """Show churn, ARPU and other figures of all customers or of a segment, today or on a day that is kept.

        They are brought up to date first. `Accept: text/csv` gives a table, with money in whole units of its currency;
        JSON has minor units. For an expression: `POST /v1/cohorts/kpis`.
        """
        served = self._served
        found = day_report(
            served.database,
            served.tenant,
            segment,
            day,
            datetime.now(UTC),
            economics=served.economics(),
            most=MOST_CUSTOMERS,
        )
        if wants_csv(request.headers.get("accept", "")):
            return Response(kpis_as_csv(found), media_type=f"{CSV}; charset=utf-8", headers={"Vary": "Accept"})
        return found


def wants_csv(accept: str) -> bool:
    """Return whether CSV is named, and JSON is not named before it."""
    kinds = [one.partition(";")[0].strip().lower() for one in accept.split(",")]
    return CSV in kinds and not any(kind in ("application/json", "*/*") for kind in kinds[: kinds.index(CSV)])
