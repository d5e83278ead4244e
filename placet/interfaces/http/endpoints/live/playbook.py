"""`/v1/playbook`: the first 90 days, and where the tenant stands in them."""

from datetime import UTC, datetime

from fastapi import APIRouter

from placet.interfaces.http.served import Served
from placet.service.strategies.playbook import Playbook, playbook


class PlaybookEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/playbook", tags=["strategies"])
        router.add_api_route("", self.playbook, methods=["GET"])
        return router

    def playbook(self) -> Playbook:
        """Return where the tenant stands: choose journeys, pilot with control groups, scale.

        Each step is derived from the record and the tables; nobody ticks anything. What cannot be read is `unknown`,
        with the reason.
        """
        served = self._served
        return playbook(served.database, served.tenant, served.policies_of, served.agents, datetime.now(UTC))
