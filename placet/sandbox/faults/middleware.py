"""The faults, brought about at the HTTP level and, where the connection breaks, at the socket."""

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.sandbox.faults.rules import Fault, FaultBook, parse_fault

TRANSPORT = "sandbox.transport"
"""Key in the ASGI scope's state under which `placet.sandbox.server` leaves the asyncio transport."""

CONTROL_PREFIX = "/sandbox/"
"""The sandbox's own control paths; they never meet a fault."""

_HEADER = b"x-sandbox-fault"
_GARBAGE = b"\x00<html>{not json"


class FaultMiddleware:
    """Lets each request meet the fault its header names, else the fault a rule holds for it."""

    def __init__(self, app: ASGIApp, book: FaultBook) -> None:
        self._app = app
        self._book = book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        try:
            fault = _from_header(scope) or self._book.take(scope["method"], scope["path"])
        except ValueError as error:
            await _answer(send, 400, "invalidFault", str(error))
            return
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._meet(fault, scope, receive, send)

    async def _meet(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.latency_ms:
            await asyncio.sleep(fault.latency_ms / 1000)
        if fault.outcome is None:
            await self._app(scope, receive, send)
        elif fault.outcome == "status":
            await _answer(send, fault.status, "injectedFault", f"status {fault.status} as asked, request not processed")
        elif fault.outcome == "drop":
            await _close(scope, receive)
        elif fault.outcome == "hang":
            await _until_disconnect(receive)
        else:
            status = await self._process(scope, receive)
            await _after(fault, status, scope, receive, send)

    async def _process(self, scope: Scope, receive: Receive) -> int:
        """Process and commit, and keep of the response nothing but its status."""
        status = 200

        async def withhold(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        await self._app(scope, receive, withhold)
        return status


async def _after(fault: Fault, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    if fault.outcome == "lost":
        await _close(scope, receive)
    elif fault.outcome == "stall":
        await _until_disconnect(receive)
    elif fault.outcome == "garbage":
        await _send(send, status, _GARBAGE)
    else:
        await _answer(send, fault.status, "injectedFault", f"status {fault.status} as asked, request was processed")


async def _close(scope: Scope, receive: Receive) -> None:
    transport: Any = scope.get("state", {}).get(TRANSPORT)
    if transport is None:
        raise RuntimeError("this fault closes the socket: serve the app with placet.sandbox.server")
    transport.abort()
    await _until_disconnect(receive)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _from_header(scope: Scope) -> Fault | None:
    for name, value in scope["headers"]:
        if name == _HEADER:
            return parse_fault(value.decode("latin-1"))
    return None


async def _answer(send: Send, status: int, code: str, reason: str) -> None:
    body = {"code": code, "reason": reason, "message": reason, "status": str(status)}
    await _send(send, status, json.dumps(body).encode())


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
