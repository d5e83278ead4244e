"""`/v1/notifications`: who was told of what, and what became of it."""

from fastapi import APIRouter

from placet.contracts.base import Frozen, RunId
from placet.contracts.notification import Channel, DeliveryStatus, Told
from placet.contracts.strategies.strategy import StrategyName
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit
from placet.interfaces.http.served import Served
from placet.service.reading.told import list_told


class Notifications(Frozen):
    """A page of notifications, newest first. `next` says nothing to its reader."""

    notifications: tuple[Told, ...]
    next: str | None


class NotificationEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/notifications", tags=["notifications"])
        router.add_api_route("", self.list_notifications, methods=["GET"])
        return router

    def list_notifications(
        self,
        status: DeliveryStatus | None = None,
        channel: Channel | None = None,
        run_id: RunId | None = None,
        strategy: StrategyName | None = None,
        after: After = None,
        limit: Limit = DEFAULT,
    ) -> Notifications:
        """List notifications, newest first: those about a run, and those about a strategy and its rollout."""
        served = self._served
        page = list_told(
            served.database,
            served.tenant,
            status=status,
            channel=channel,
            run_id=run_id,
            strategy=strategy,
            after=after,
            limit=limit,
        )
        return Notifications(notifications=page.told, next=page.next)
