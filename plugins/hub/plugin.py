"""TMF688 hub: registering our listener, and letting it go. No customer is named in either."""

from typing import Final

from pydantic import SecretStr

from placet.errors import NotFound, OutcomeUnknown
from placet.plugin_api import Answer, Connector, Manifest, UnreadableError
from placet.plugin_api.sending import counted_send

HUB: Final = "/tmf-api/event/v4/hub"
_ONE: Final = f"{HUB}/{{id}}"
_CONFLICT: Final = 409


class HubPlugin(Connector):
    """Registers a listener; implements `placet.plugin_api.SubscribePlugin`."""

    manifest = Manifest(name="hub", kind="subscribe", apis=("TMF688",), version="1.0.0")

    def register(self, callback: SecretStr, query: str) -> str | None:
        """Ask that events be sent to `callback`; return the subscription's id, or None where it was there already.

        A hub says 409 to a callback that it knows (TMF630). So asking again and again asks whether it still knows it.
        """
        body = {"callback": callback.get_secret_value(), "query": query}
        with counted_send() as send:
            try:
                return self.call("POST", HUB, parse=_subscription_id, body=body)
            except OutcomeUnknown:
                if send.status != _CONFLICT:
                    raise
        return None

    def release(self, subscription_id: str) -> bool:
        """Let a subscription go; return whether there was one."""
        try:
            self.call("DELETE", _ONE, parse=lambda _: None, ids={"id": subscription_id})
        except NotFound:
            return False
        return True


def _subscription_id(answer: Answer) -> str:
    found = answer.object().get("id")
    if not isinstance(found, str) or not found:
        raise UnreadableError("a subscription without an id")
    return found
