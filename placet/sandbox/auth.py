"""The bearer token every request must carry, where one is configured (RFC 6750)."""

from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from placet.sandbox.errors import TmfError
from placet.sandbox.rest.endpoint import error_response


class BearerMiddleware:
    """Answers 401 to a request without the token. Health stays open: it says nothing about anybody."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "http" and scope["path"] != "/sandbox/health":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not compare_digest(given, self._expected):
                refused = TmfError(401, "unauthorized", "the bearer token is missing or wrong")
                await error_response(refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)
