"""TMF688 Event Management v4: register a listener, and let one go. What a listener is told: `placet.sandbox.hub`.

The callback is the very address that notifications are posted to. A user and a password in it (RFC 3986) are sent as
HTTP Basic authentication, are kept, and are never shown again. `query` takes `eventType=A,B`.
"""

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.errors import not_found
from placet.sandbox.hub.listeners import Listener
from placet.sandbox.ids import number_of, numbered
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.body import required_text, text
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import only

HUB_PATH = "/tmf-api/event/v4/hub"
_PREFIX = "HUB-"


def routes(bss: Bss) -> list[Route]:
    """Make the routes to POST a listener and to DELETE one."""

    def create(call: Call) -> Reply:
        only(call)
        listener = bss.listeners.add(required_text(call.body, "callback"), text(call.body, "query") or "")
        return Reply(_resource(listener), status=201)

    def delete(call: Call) -> Reply:
        only(call)
        number = number_of(_PREFIX, call.id)
        if number is None or not bss.listeners.remove(number):
            raise not_found("hub", call.id)
        return Reply(None, status=204)

    return [route("POST", HUB_PATH, create), route("DELETE", f"{HUB_PATH}/{{id}}", delete)]


def shown(listener: Listener) -> JsonObject:
    """Show a listener with how far it was told, for the sandbox's controls."""
    told = {"delivered": listener.delivered, "refused": listener.refused, "lost": listener.lost}
    return {**_resource(listener), **told}


def _resource(listener: Listener) -> JsonObject:
    body: JsonObject = {"id": numbered(_PREFIX, listener.number), "callback": listener.address}
    return {**body, "query": listener.query} if listener.query else body
