"""`/v1/journeys`: customers in strategies of several steps: who is in which, how they ended, how fast they went."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from placet.contracts.base import CustomerId, Frozen
from placet.contracts.strategies.steps import StepName
from placet.contracts.strategies.strategy import StrategyName
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.journeys.showing import (
    ShownJourney,
    StrategyJourneys,
    cursor_of,
    list_journeys,
    show_journey,
    show_strategy,
)
from placet.storage.strategies.journeys import AlteredJourney, JourneyRow

_PREFIX: Final = "/v1/journeys"

_Named = Annotated[StrategyName, Path(description="the strategy's name")]


class Journeys(Frozen):
    """A page of journeys, who entered last first."""

    journeys: tuple[JourneyRow | AlteredJourney, ...]
    next: str | None


class JourneyEndpoints:
    """The endpoints, for the journeys of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix=_PREFIX, tags=["journeys"])
        router.add_api_route("", self.list_journeys, methods=["GET"])
        router.add_api_route("/{strategy}", self.show_strategy, methods=["GET"])
        router.add_api_route("/{strategy}/{customer_id}", self.show, methods=["GET"])
        return router

    def list_journeys(
        self,
        strategy: Annotated[StrategyName | None, Query(description="only of this strategy")] = None,
        step: Annotated[StepName | None, Query(description="only those in this step, or that ended in it")] = None,
        inside: Annotated[bool, Query(description="only those that are not over")] = False,
        after: After = None,
        limit: Limit = DEFAULT,
    ) -> Journeys:
        """List who is in which step of which strategy, who entered last first."""
        served = self._served
        found = list_journeys(
            served.database,
            served.tenant,
            strategy=strategy,
            step=step,
            inside=inside,
            limit=limit + 1,
            after=after,
        )
        shown, following = split(found, limit, cursor_of)
        return Journeys(journeys=shown, next=following)

    def show_strategy(self, strategy: _Named) -> StrategyJourneys:
        """Show a strategy's steps: how many customers are in each, how journeys ended, how fast they went."""
        served = self._served
        return show_strategy(served.database, served.tenant, strategy, served.policies_of)

    def show(self, strategy: _Named, customer_id: Annotated[CustomerId, Path()]) -> ShownJourney:
        """Show one customer's journey: where they are by the record, and each step on the way."""
        served = self._served
        return show_journey(served.database, served.tenant, strategy, customer_id)
