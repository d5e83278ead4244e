"""`/v1/strategies/{strategy}/outcomes`, `questions`, `/v1/strategies/estimate`: what became of customers, and why."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from placet.contracts.base import Frozen
from placet.contracts.outcomes.estimate import StrategyEstimate
from placet.contracts.outcomes.questions import ControlQuestions
from placet.contracts.outcomes.report import OutcomesReport
from placet.contracts.outcomes.windows import Days
from placet.interfaces.http.access import posts
from placet.interfaces.http.endpoints.common import Wanted
from placet.interfaces.http.endpoints.live.kpis import CSV, wants_csv
from placet.interfaces.http.endpoints.live.strategies import StrategyText, looking
from placet.interfaces.http.served import Served
from placet.interfaces.telling.estimates.changed import told as told_estimate
from placet.interfaces.telling.estimates.questions import questions_told
from placet.interfaces.telling.outcome_reports import CSV_COLUMNS, only, report_as_csv, told
from placet.service.outcomes.decided import MOST_SERVED
from placet.service.outcomes.estimating import estimate
from placet.service.outcomes.questions import control_questions
from placet.service.outcomes.reporting import show_outcomes
from placet.service.strategies.given import strategy_given

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}, "example": ",".join(CSV_COLUMNS) + "\r\n"}}}
}
AskedDays = Annotated[
    Literal["7", "30", "90", "365"], Query(description="days after each customer entered: 7, 30, 90 or 365")
]
By = Annotated[
    Literal["arm", "segment"] | None, Query(description="as well by arm, or by the segment they were in; left out: all")
]


class EstimateAsked(Frozen, defer_build=False):
    """A changed strategy, and when its outcomes are asked for."""

    text: StrategyText
    days: AskedDays = "30"


class OutcomeEndpoints:
    """The endpoints, for the strategies of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/strategies", tags=["strategies"])
        router.add_api_route(
            "/{strategy}/outcomes",
            self.outcomes,
            methods=["GET"],
            response_model=OutcomesReport,
            responses=_RESPONSES,
        )
        router.add_api_route("/{strategy}/questions", self.questions, methods=["GET"], response_model=ControlQuestions)
        router.add_api_route("/estimate", self.estimate, **posts("read"))
        return router

    def questions(self, strategy: Wanted, days: AskedDays = "30") -> ControlQuestions:
        """Answer the five standing questions of control by what the strategy is for, or say what is missing.

        The first two compare groups that were drawn. The third and fourth are estimated from decisions in which chance
        had a part; of more than 5,000 they are answered on the command line, and say so.
        """
        served = self._served
        with looking(served):
            found = control_questions(
                served.database, served.tenant, strategy, _WINDOWS[days], served.policies_of, most=MOST_SERVED
            )
        return questions_told(found)

    def estimate(self, asked: EstimateAsked) -> StrategyEstimate:
        """Estimate what a changed text would have brought to the customers of the published version of its name.

        It takes decisions in which chance had a part. `why_not` says why nothing can be said; each figure may be
        unknown by itself, with its reason. 422 `base_too_large` above 5,000 decisions: use `placet strategy estimate`.
        """
        served = self._served
        changed = strategy_given(asked.text, "`POST /v1/strategies/check`")
        with looking(served):
            found = estimate(
                served.database, served.tenant, changed, _WINDOWS[asked.days], served.policies_of, most=MOST_SERVED
            )
        return told_estimate(found)

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
