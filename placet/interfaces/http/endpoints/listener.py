"""The listener of TM Forum's TMF688 Event Management v4: where a BSS posts the events that happen in it.

It lies where the standard says, and answers as the standard says. Whoever posts here tells what happened; it entitles
to nothing: a state is what proposals are made of, and each proposal waits at its gate.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from placet.contracts.base import Frozen
from placet.contracts.events.envelope import Arrived
from placet.errors import UsageError
from placet.interfaces.http.access import posts
from placet.interfaces.http.examples import NOTIFICATION_EXAMPLE
from placet.interfaces.http.served import Served
from placet.service.state.taking import take_events
from placet.tmf688.fields import UnmappableError
from placet.tmf688.mapping import LISTENER, events_of, notification_id


class Notified(Frozen):
    """That a notification is durable, as TMF688's `EventSubscription`: its own id, and where it was posted to."""

    id: str
    callback: str


class ListenerEndpoints:
    """The listener, for the customers of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(tags=["events"])
        taking = posts("operate")
        taking["openapi_extra"]["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "description": "TMF688 EventCreateEvent"},
                    "example": dict(NOTIFICATION_EXAMPLE),
                }
            },
        }
        router.add_api_route(LISTENER, self.notified, status_code=201, **taking)
        return router

    async def notified(self, request: Request) -> Notified:
        """Take a notification of the BSS (TMF688 EventCreateEvent): what it tells becomes events of ours.

        An answer means that it is durable: as events, or as a dead letter with the reason. It counts once, however
        often it is posted. `PLACET_LISTENER_TOKEN` opens this path alone.
        """
        body = await request.body()
        try:
            event_id = notification_id(body)
        except UnmappableError as error:
            raise UsageError(str(error), code="malformed") from error
        await run_in_threadpool(self._take, await run_in_threadpool(events_of, body))
        return Notified(id=event_id, callback=LISTENER)

    def _take(self, arrived: Sequence[Arrived]) -> None:
        served, now = self._served, datetime.now(UTC)
        oldest = now - timedelta(days=served.events_days)
        take_events(served.database, served.tenant, arrived, now=now, oldest=oldest)
