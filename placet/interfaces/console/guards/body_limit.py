"""Bounds on what is read of a form: in size, and in the time that it takes to arrive."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 128 * 1024
SECONDS: Final = 15.0
LARGER: Final = {
    "/console/batches": 2 * 1024 * 1024,
    "/console/strategies": 1024 * 1024,
    "/console/strategies/form": 1024 * 1024,
    "/console/strategies/statements": 512 * 1024,
}
"""Where a form may be larger, in bytes: a signed batch has a line for each of its runs, a strategy is a whole text, and
its form has the text that somebody began with beside the fields of the new one."""


class FormLimit:
    """Stops what is larger than any form of ours, comes too slowly, or could be read in two ways."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "http" and _ambiguous(scope):
            refused = PlainTextResponse("this request is malformed", 400, {"Connection": "close"})
            await refused(scope, receive, send)
            return
        read, most = 0, LARGER.get(scope.get("path", ""), MOST_BYTES)
        deadline = asyncio.get_running_loop().time() + SECONDS

        async def bounded() -> Message:
            nonlocal read
            try:
                async with asyncio.timeout_at(deadline if scope.get("method") == "POST" else None):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, f"a form must arrive within {SECONDS:g} s", {"Connection": "close"}) from error
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413, f"a form may have {most} bytes at most", {"Connection": "close"})
            return message

        await self._app(scope, bounded if scope["type"] == "http" else receive, send)


def _ambiguous(scope: Scope) -> bool:
    """Return whether a body has two lengths, or an address has a NUL, which PostgreSQL takes in no text."""
    names = {name for name, _ in scope["headers"]}
    two_lengths = names.issuperset((b"content-length", b"transfer-encoding"))
    return two_lengths or "\x00" in scope["path"] or b"%00" in scope["query_string"]
