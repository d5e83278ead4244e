"""TMF681 Communication Management v4: messages are kept, and sent to nobody."""

from starlette.routing import Route

from placet.sandbox.api.documents import Kept
from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.derived.calendar import now
from placet.sandbox.rest.body import part, parts, plain, required_text
from placet.sandbox.rest.endpoint import Call, Reply

MESSAGE_PATH = "/tmf-api/communicationManagement/v4/communicationMessage"
_SIMULATED = {"name": "simulated", "value": "true", "valueType": "boolean"}


def routes(bss: Bss) -> list[Route]:
    """Make the routes to POST a message and to GET messages."""
    kept = Kept(bss.messages, "MSG-", MESSAGE_PATH)

    def create(call: Call) -> Reply:
        required_text(call.body, "content")
        required_text(call.body, "messageType")
        parts(call.body, "receiver")
        part(call.body, "sender")
        sent = {"sendTime": now(), "sendTimeComplete": now(), "state": "completed", "tryTimes": 1}
        given = parts(call.body, "characteristic") if call.body.get("characteristic") else []
        body = plain(call.body) | sent | {"characteristic": [*plain(given), _SIMULATED]}
        return Reply(kept.resource(kept.documents.add(body), body, call), status=201)

    return [
        route("POST", MESSAGE_PATH, create),
        route("GET", MESSAGE_PATH, kept.collection),
        route("GET", f"{MESSAGE_PATH}/{{id}}", kept.one),
    ]
