"""A receiver of webhooks over real HTTP that verifies them as Standard Webhooks tells receivers to, by itself."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret of the specification's own example."""

TAKEN = ProbeAnswer(status=204, body=b"")


@dataclass
class Receiver:
    """What one receiver got. Each request uses up one of `answers`; after that all are taken."""

    answers: list[ProbeAnswer] = field(default_factory=list)
    requests: list[ProbeRequest] = field(default_factory=list)
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    url: str = ""

    def respond(self, request: ProbeRequest) -> ProbeAnswer:
        """Answer one request; a repeat of an identifier replaces what it repeats."""
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else TAKEN
        if 200 <= answer.status < 300:
            self.accepted[request.headers["webhook-id"]] = json.loads(request.body)
        return answer

    @property
    def identifiers(self) -> list[str]:
        """The identifier of each request, in order."""
        return [request.headers["webhook-id"] for request in self.requests]


def verified(request: ProbeRequest, secret: str = SECRET) -> bool:
    """Whether one of the request's signatures is by `secret`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in request.headers["webhook-signature"].split(" ")


@contextmanager
def running_receiver(*answers: ProbeAnswer) -> Iterator[Receiver]:
    """A receiver on a free port of the loopback interface, which runs for the block."""
    receiver = Receiver(answers=list(answers))
    with ProbeServer(receiver.respond) as server:
        receiver.url = f"{server.url}/notices"
        yield receiver
