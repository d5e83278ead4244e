"""`/v1/oversight`: how gates were decided: who looked, for how long, how often they said no."""

from typing import Annotated

from fastapi import APIRouter, Query

from placet.contracts.base import PersonName
from placet.governance.oversight.report import OversightReport
from placet.interfaces.http.served import Served
from placet.service.oversight import draw_up_report


class OversightEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/oversight", tags=["oversight"])
        router.add_api_route("", self.report, methods=["GET"])
        return router

    def report(
        self, days: Annotated[int, Query(ge=1, le=3660)] = 30, approver: PersonName | None = None
    ) -> OversightReport:
        """Report over the gates opened, and the controls seeded, in the last `days` days."""
        return draw_up_report(self._served.database, tenant=self._served.tenant, days=days, approver=approver)
