"""How notifications leave: one sender for e-mail, one for each webhook. What a sender raises says what comes next.

returns                 the other system took responsibility for the message
UpstreamRejected        it never will: the notification has failed
UpstreamUnavailable     not now; code `deferred` is about this message alone, any other about all of the sender's
ConfigurationError      not until someone mends the configuration
"""

from typing import Final, Protocol

from placet.contracts.notification import Notification
from placet.errors import ConfigurationError

DEFERRED: Final = "deferred"
"""Code of an `UpstreamUnavailable` that says nothing about other messages."""


class Sender(Protocol):
    """Delivers messages one at a time, each within a time of its own; called from one thread at a time."""

    def send(self, notification: Notification) -> None:
        """Deliver one message. A repeat carries the same identifier, so that its receiver can drop it.

        Raises:
            UpstreamRejected: it will never be taken.
            UpstreamUnavailable: it was not taken, or nobody can tell.
            ConfigurationError: it cannot be sent as this installation is configured.
        """

    def close(self) -> None:
        """Close connections."""


class Unconfigured:
    """Stands where nothing is configured for messages that were asked for earlier, or by another worker."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def send(self, notification: Notification) -> None:  # noqa: ARG002 - signature of the protocol
        """Send nothing.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(self._reason)

    def close(self) -> None:
        """Do nothing: nothing is open."""
