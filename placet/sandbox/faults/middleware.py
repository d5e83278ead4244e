"""The faults, brought about at the HTTP level and, where the connection breaks, at the socket."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.sandbox.faults.rules import Fault, FaultBook, parse_fault
from placet.sandbox.faults.strangers import strange

TRANSPORT = "sandbox.transport"
"""Key in the ASGI scope's state under which `placet.sandbox.server` leaves the asyncio transport."""

CONTROL_PREFIX = "/sandbox/"
"""The sandbox's own control paths; they never meet a fault."""

Headers = Sequence[tuple[bytes, bytes]]
_CUT = frozenset({"description", "externalId"})
_HEADER = b"x-sandbox-fault"
_GARBAGE = b"\x00<html>{not json"


class FaultMiddleware:
    """Lets each request meet the fault its header names, else the fault a rule holds for it."""

    def __init__(self, app: ASGIApp, book: FaultBook) -> None:
        self._app = app
        self._book = book
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        try:
            text = ""
            if self._book.asks_about():
                body = await _body(receive)
                receive, text = _replay(body, receive), f"{scope['query_string'].decode()} {body.decode()}"
            fault = _from_header(scope) or self._book.take(scope["method"], scope["path"], text)
        except ValueError as error:
            await _answer(send, 400, "invalidFault", str(error))
            return
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._meet(fault, scope, receive, send)

    async def _meet(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(fault.latency / 1000)
        if fault.cut is not None:
            receive = await _cut(receive, fault.cut)
        if fault.stranger is not None:
            scope, send = strange(scope, send, fault.stranger)
        if fault.late is not None:
            receive = await self._postpone(fault.late, scope, receive)
            await _after(fault, fault.status, scope, receive, send)
        elif fault.outcome is None:
            await self._app(scope, receive, send)
        elif fault.outcome == "status":
            await _fail(fault, "request not processed", send)
        elif fault.outcome == "blank":
            await _send(send, 200, b"[]", [(b"x-total-count", b"0"), (b"x-result-count", b"0")])
        elif fault.outcome == "drop":
            await _close(scope, receive)
        elif fault.outcome == "hang":
            await _until_disconnect(receive)
        else:
            status = await self._process(scope, receive)
            await _after(fault, status, scope, receive, send)

    async def _postpone(self, milliseconds: int, scope: Scope, receive: Receive) -> Receive:
        """Process the request later, whatever is answered now; what is left of it to receive is its disconnection."""
        body = await _body(receive)

        async def process() -> None:
            await asyncio.sleep(milliseconds / 1000)
            await self._process(scope, _replay(body, receive))

        task = asyncio.create_task(process())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return receive

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
        await _fail(fault, "request was processed" if fault.late is None else "request is processed later", send)


async def _fail(fault: Fault, what: str, send: Send) -> None:
    after = [] if fault.retry_after is None else [(b"retry-after", str(fault.retry_after).encode())]
    await _answer(send, fault.status, "injectedFault", f"status {fault.status} as asked, {what}", after)


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


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receive `body` again, and then what is left."""
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again


async def _cut(receive: Receive, length: int) -> Receive:
    """Shorten the request's description and external id; leave a body that is no JSON object as it is."""
    body = await _body(receive)
    try:
        data = json.loads(body)
    except ValueError:
        return _replay(body, receive)
    if isinstance(data, dict):
        for name in _CUT & data.keys():
            data[name] = data[name][:length]
            if not data[name]:
                del data[name]
        body = json.dumps(data).encode()
    return _replay(body, receive)


async def _answer(send: Send, status: int, code: str, reason: str, headers: Headers = ()) -> None:
    body = {"code": code, "reason": reason, "message": reason, "status": str(status)}
    await _send(send, status, json.dumps(body).encode(), headers)


async def _send(send: Send, status: int, body: bytes, more: Headers = ()) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
