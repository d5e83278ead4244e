"""The door of the API: without the bearer token nothing is read, routed or answered (RFC 6750)."""

import re
from hmac import compare_digest

from pydantic import SecretStr
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.errors import ConfigurationError
from placet.interfaces.http.problems import problem

HEALTH = "/healthz"
LIVE = "/livez"
OPEN = frozenset({HEALTH, LIVE})
"""What anybody may ask: it says nothing about anybody."""

METRICS = "/metrics"
MIN_TOKEN_CHARACTERS = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def checked_token(
    token: SecretStr | None, name: str = "PLACET_API_TOKEN", what: str = "the HTTP API refuses to start"
) -> SecretStr:
    """The token, if it is one that protects anything.

    Raises:
        ConfigurationError: there is none, it is short, or it cannot be sent in a header.
    """
    if token is None:
        raise ConfigurationError(f"{what} without a bearer token; set {name}")
    value = token.get_secret_value()
    if len(value) < MIN_TOKEN_CHARACTERS or not _TOKEN.fullmatch(value):
        raise ConfigurationError(
            f"{what}: {name} must be {MIN_TOKEN_CHARACTERS} or more characters of "
            f"RFC 6750 (letters, digits, - . _ ~ + /); make one with `openssl rand -hex 32`"
        )
    return token


class Guard:
    """Lets in who presents the token, in constant time; `GET /healthz` and `/livez` are open.

    `GET /metrics` has a token of its own, and each token opens its own door alone: who reads figures may start nothing.
    """

    def __init__(self, app: ASGIApp, token: SecretStr, metrics_token: SecretStr | None = None) -> None:
        self._app = app
        self._token = token.get_secret_value().encode()
        self._metrics_token = None if metrics_token is None else metrics_token.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        guarded = _private(send)
        if (scope["path"] in OPEN and scope["method"] == "GET") or self._admits(scope):
            await self._app(scope, receive, guarded)
            return
        refused = problem(401, "unauthorized", "the bearer token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        await refused(scope, receive, guarded)

    def _admits(self, scope: Scope) -> bool:
        wanted = self._metrics_token if scope["path"] == METRICS else self._token
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or wanted is None:
            return False
        scheme, _, token = given[0].partition(b" ")
        return scheme.lower() == b"bearer" and compare_digest(token.strip(), wanted)


def _private(send: Send) -> Send:
    """Answers are about customers: no cache may keep them."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = "no-store"
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return guarded
