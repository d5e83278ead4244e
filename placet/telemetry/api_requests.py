"""A span for each request that the HTTP API serves, named by its route and never by its path."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.telemetry import spans
from placet.telemetry.spans import SpanKind

_SERVER_ERROR = 500


class RequestSpans:
    """Goes on with the caller's trace where `traceparent` names one; behind the guard, where callers are known."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http" or not spans.enabled():
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
        parent = spans.parent_of(given[0]) if len(given) == 1 else None
        with spans.span(method, SpanKind.SERVER, {"http.request.method": method}, parent=parent) as span:

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= _SERVER_ERROR:
                        spans.fail(span, str(status))
                await send(message)

            try:
                await self._app(scope, receive, watched)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.set_attribute("http.route", route)
                    span.update_name(f"{method} {route}")
