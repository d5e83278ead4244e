"""Webhooks: signed JSON over HTTP POST, after Standard Webhooks 1.0.0 (standardwebhooks.com)."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from standardwebhooks import Webhook

from placet.contracts.notification import NoticeData, Notification
from placet.errors import ConfigurationError, UpstreamRejected, UpstreamUnavailable
from placet.network.deadline import DeadlineTransport, within
from placet.network.tls import tls_context
from placet.notify.notices import message_id

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)
_ADVICE: Final = "write it like 'whsec_' and the base64 of 24 to 64 random bytes"


def parse_secrets(text: str, source: str) -> tuple[bytes, ...]:
    """Parse signing secrets, separated by white space: more than one while a new one is being introduced.

    Args:
        text: What was configured. It is never shown.
        source: Where it was, for the error.

    Raises:
        ConfigurationError: there is none, or one is malformed.
    """
    secrets = []
    for word in text.split():
        try:
            secret = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ConfigurationError(f"the webhook secret in {source} is not base64; {_ADVICE}") from error
        if not word.startswith(_PREFIX) or len(secret) not in _SECRET_BYTES:
            raise ConfigurationError(f"the webhook secret in {source} is malformed; {_ADVICE}")
        secrets.append(secret)
    if not secrets:
        raise ConfigurationError(f"there is no webhook secret in {source}; {_ADVICE}")
    return tuple(secrets)


def signatures(secrets: Sequence[bytes], identifier: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header: HMAC-SHA256 over `id.timestamp.body` by each secret."""
    at, text = datetime.fromtimestamp(timestamp, UTC), body.decode()
    return " ".join(Webhook(secret).sign(identifier, at, text) for secret in secrets)


def body_of(notification: Notification) -> bytes:
    """Return what is posted; it has the same bytes at every attempt."""
    document = {
        "type": f"placet.notice.{notification.occasion}",
        "timestamp": notification.created_at.astimezone(UTC).isoformat(),
        "data": notification.model_dump(mode="json", include=set(NoticeData.model_fields)),
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


class WebhookSender:
    """Posts to one address. A redirect is not followed: what was signed for one address goes to no other.

    Args:
        name: What the address book calls it.
        url: Where to post.
        secrets: Who receives can verify any of their signatures.
        clock: Aware wall-clock time; receivers refuse a timestamp that is minutes off.
        timeout_seconds: For one whole exchange, name resolution apart.
        ca_file: Certificate authorities that vouch for it (PEM); None: the public ones.
    """

    def __init__(
        self,
        name: str,
        url: str,
        secrets: Sequence[bytes],
        clock: Callable[[], datetime],
        timeout_seconds: float,
        *,
        ca_file: Path | None = None,
    ) -> None:
        self._name = name
        self._url = url
        self._secrets = tuple(secrets)
        self._clock = clock
        self._timeout = timeout_seconds
        tls = tls_context(ca_file) if url.startswith("https:") else None
        self._client = httpx.Client(
            transport=DeadlineTransport(tls=tls, connections=1),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def send(self, notification: Notification) -> None:
        """Post one message; any 2xx answer is delivery, 410 the end of the address, everything else is tried again.

        Raises:
            UpstreamRejected: the address is gone.
            UpstreamUnavailable: it did not answer, or did not accept.
        """
        identifier, timestamp, body = message_id(notification), int(self._clock().timestamp()), body_of(notification)
        headers = {
            "content-type": "application/json",
            "user-agent": "placet",
            "webhook-id": identifier,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(self._secrets, identifier, timestamp, body),
        }
        try:
            # Only the status counts: a body without end is not read.
            with (
                within(self._timeout),
                self._client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise UpstreamUnavailable(f"webhook {self._name!r} does not answer: {said}") from error
        if status == httpx.codes.GONE:
            raise UpstreamRejected(f"webhook {self._name!r} answered 410: it is gone; take it out of the address book")
        if not httpx.codes.is_success(status):
            raise UpstreamUnavailable(f"webhook {self._name!r} answered {status}")

    def close(self) -> None:
        """Close connections."""
        self._client.close()
