"""`/v1/notifications`: who was told of what, and what became of it."""

import base64
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from placet.contracts.base import Digest, Frozen, RunId
from placet.contracts.notification import Channel, DeliveryStatus, Notification, Occasion, Told
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.storage.sql.paging import unknown_cursor
from placet.storage.transaction import Transaction


class _Place(Frozen):
    """What tells a notification apart from all others. Its number counts those of all tenants, and is told to none."""

    run_id: RunId
    occasion: Occasion
    proposal: Digest | None
    channel: Channel
    recipient: Annotated[str, Field(pattern=r"^[^\x00]{1,254}$")]


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
        after: After = None,
        limit: Limit = DEFAULT,
    ) -> Notifications:
        """List notifications, newest first."""
        tenant = self._served.tenant
        with self._served.database.reading() as tx:
            last = None if after is None else _number(tx, tenant, after)
            found = tx.outbox.list(tenant, status=status, channel=channel, run_id=run_id, after=last, limit=limit + 1)
        shown, following = split(found, limit, _cursor)
        told = (Told.model_validate(one.model_dump(exclude={"notification_id"})) for one in shown)
        return Notifications(notifications=tuple(told), next=following)


def _cursor(one: Notification) -> str:
    place = _Place(**one.model_dump(include=set(_Place.model_fields)))
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode()


def _number(tx: Transaction, tenant: str, cursor: str) -> int:
    try:
        place = _Place.model_validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError as error:
        raise unknown_cursor(cursor) from error
    number = tx.outbox.number_of(tenant=tenant, **dict(place))
    if number is None:
        raise unknown_cursor(cursor)
    return number
