"""A system that ignores the filter it was asked for, and does not say whose its records are."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import Message, Scope, Send

_FILTER = "relatedParty.id"


def strange(scope: Scope, send: Send, stranger: str) -> tuple[Scope, Send]:
    """Ask for another customer's records, and leave `relatedParty` out of the answer."""
    asked = [
        (name, stranger if name == _FILTER else value)
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    ]
    start: list[Message] = []

    async def anonymous(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        body = json.dumps(_without_parties(json.loads(message["body"]))).encode()
        kept = [(name, value) for name, value in start[0]["headers"] if name.lower() != b"content-length"]
        headers = [*kept, (b"content-length", str(len(body)).encode())]
        await send({**start[0], "headers": headers})
        await send({**message, "body": body})

    return {**scope, "query_string": urlencode(asked).encode()}, anonymous


def _without_parties(data: Any) -> Any:
    if isinstance(data, list):
        return [_without_parties(item) for item in data]
    return {name: value for name, value in data.items() if name != "relatedParty"} if isinstance(data, dict) else data
