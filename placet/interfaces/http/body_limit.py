"""Bounds on what is read of one request. FastAPI's own answer in plain text; these answer with a problem."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.interfaces.http.problems import problem


class BodyLimit:
    """Reads a request's body before the application sees it.

    It refuses one unread from the first byte too many, one that does not arrive in time, and one with two lengths:
    whoever stands in front of us may have believed the other, and taken for the next request what is not.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, seconds: float, longer: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Wrap `app`; `longer` names paths with a bound of their own."""
        self._app = app
        self._max_bytes, self._longer = max_bytes, longer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        names, most = {name for name, _ in scope["headers"]}, self._longer.get(scope["path"], self._max_bytes)
        if names.issuperset((b"content-length", b"transfer-encoding")):
            refusal = (400, "bad_request", "a body has a Content-Length or a Transfer-Encoding, not both")
        else:
            try:
                async with asyncio.timeout(self._seconds):
                    read = await self._read(receive, most)
            except TimeoutError:
                refusal = (408, "request_timeout", f"a request body must arrive within {self._seconds:g} s")
            else:
                if read is not None:
                    await self._app(scope, _replaying(read, receive), send)
                    return
                refusal = (413, "too_large", f"a request body may have {most} bytes at most")
        # What was not read is no request: the connection cannot serve another one.
        await problem(*refusal, {"Connection": "close"})(scope, receive, send)

    async def _read(self, receive: Receive, most: int) -> list[Message] | None:
        """Read the whole body; return None where it is too large."""
        read: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            read.append(message)
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size > most:
                return None
        return read


def _replaying(read: list[Message], receive: Receive) -> Receive:
    messages = iter(read)

    async def replay() -> Message:
        message = next(messages, None)
        return await receive() if message is None else message

    return replay
