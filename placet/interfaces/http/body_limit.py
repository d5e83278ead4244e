"""A bound on what is read of one request. FastAPI's own answers in plain text; this one answers with a problem."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.interfaces.http.problems import problem


class BodyLimit:
    """Reads a request's body before the application sees it, and refuses it unread from the first byte too many."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            read.append(message)
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size > self._max_bytes:
                # The rest is not read: the connection cannot serve another request.
                detail = f"a request body may have {self._max_bytes} bytes at most"
                await problem(413, "too_large", detail, {"Connection": "close"})(scope, receive, send)
                return
        await self._app(scope, _replaying(read, receive), send)


def _replaying(read: list[Message], receive: Receive) -> Receive:
    messages = iter(read)

    async def replay() -> Message:
        message = next(messages, None)
        return await receive() if message is None else message

    return replay
