"""`/v1/notifications`: who was told of what, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from placet.contracts.base import Frozen, RunId
from placet.contracts.notification import Channel, DeliveryStatus, Notification
from placet.interfaces.http.served import Served


class Notifications(Frozen):
    """Notifications, newest first."""

    notifications: tuple[Notification, ...]


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
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> Notifications:
        """List notifications, newest first."""
        with self._served.database.reading() as tx:
            found = tx.outbox.list(self._served.tenant, status=status, channel=channel, run_id=run_id, limit=limit)
        return Notifications(notifications=found)
