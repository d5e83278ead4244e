"""`/v1/strategies/{strategy}/outcomes`: what became of those whom a strategy treated, as JSON or as CSV."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from placet.contracts.outcomes.report import OutcomesReport
from placet.contracts.outcomes.windows import Days
from placet.interfaces.http.endpoints.common import Wanted
from placet.interfaces.http.endpoints.live.kpis import CSV, wants_csv
from placet.interfaces.http.served import Served
from placet.interfaces.telling.outcome_reports import CSV_COLUMNS, only, report_as_csv, told
from placet.service.outcomes.reporting import show_outcomes

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}, "example": ",".join(CSV_COLUMNS) + "\r\n"}}}
}
AskedDays = Annotated[
    Literal["7", "30", "90", "365"], Query(description="days after each customer entered: 7, 30, 90 or 365")
]
By = Annotated[
    Literal["arm", "segment"] | None, Query(description="as well by arm, or by the segment they were in; left out: all")
]


class OutcomeEndpoints:
    """The endpoint, for the strategies of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/strategies", tags=["strategies"])
        router.add_api_route(
            "/{strategy}/outcomes",
            self.outcomes,
            methods=["GET"],
            response_model=OutcomesReport,
            responses=_RESPONSES,
        )
        return router

    def outcomes(self, request: Request, strategy: Wanted, days: AskedDays = "30", by: By = None) -> Any:
        """Show what a strategy changed: treated customers beside the control group, with intervals and money.

        Each customer is counted once, when so many days after they entered are over. `Accept: text/csv` gives every
        group as a table, with shares in per cent and money in whole units.
        """
        served = self._served
        window: Days = _WINDOWS[days]
        report = told(show_outcomes(served.database, served.tenant, strategy, window, served.policies_of))
        if wants_csv(request.headers.get("accept", "")):
            return Response(report_as_csv(report), media_type=f"{CSV}; charset=utf-8", headers={"Vary": "Accept"})
        return only(report, by or "all")


_WINDOWS: Final[dict[str, Days]] = {"7": 7, "30": 30, "90": 90, "365": 365}
