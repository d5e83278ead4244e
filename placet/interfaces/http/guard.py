"""The door of the API: without a bearer token nothing is read, routed or answered (RFC 6750)."""

import binascii
import re
from base64 import b64decode
from hmac import compare_digest

from pydantic import SecretStr
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.errors import ConfigurationError, PlacetError
from placet.interfaces.http.access import let_in
from placet.interfaces.http.docs_page import OPEN_FILES
from placet.interfaces.http.holders import FindHolder, Holders
from placet.interfaces.http.problems import answer_to, problem
from placet.tmf688.mapping import LISTENER

HEALTH = "/healthz"
LIVE = "/livez"
OPEN = frozenset({HEALTH, LIVE})
"""What anybody may ask: it says nothing about anybody. So do the files of the page `/docs`."""

METRICS = "/metrics"
MIN_TOKEN_CHARACTERS = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def checked_token(
    token: SecretStr | None, name: str = "PLACET_API_TOKEN", what: str = "the HTTP API refuses to start"
) -> SecretStr:
    """Return the token, if it is one that protects anything.

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
    """Lets in who presents a token, compared in constant time; what is `OPEN` and the files of `/docs` need none.

    The installation's own token opens everything, one that was issued to a person what its roles permit, which
    `placet.interfaces.http.access` asks further in. `GET /metrics` has a token of its own, and each opens its own door
    alone: who reads figures may start nothing. So has the listener, where a BSS posts its events: its token opens that
    path alone, as a bearer token or as the password of HTTP Basic (RFC 7617), which a callback's address can carry.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: SecretStr,
        find_holder: FindHolder,
        metrics_token: SecretStr | None = None,
        listener_token: SecretStr | None = None,
    ) -> None:
        self._app = app
        self._holders = Holders(find_holder)
        self._token = token.get_secret_value().encode()
        self._metrics_token = _bytes(metrics_token)
        self._listener_token = _bytes(listener_token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        guarded = _private(send)
        try:
            admitted = (scope["path"] in OPEN | OPEN_FILES and scope["method"] == "GET") or await self._admits(scope)
        except PlacetError as error:  # the record cannot be asked whose token it is
            await answer_to(error)(scope, receive, guarded)
            return
        if admitted:
            await self._app(scope, receive, guarded)
            return
        refused = problem(401, "unauthorized", "the bearer token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        await refused(scope, receive, guarded)

    async def _admits(self, scope: Scope) -> bool:
        wanted = self._metrics_token if scope["path"] == METRICS else self._token
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or wanted is None:
            return False
        scheme, _, token = given[0].partition(b" ")
        scheme, token = scheme.lower(), token.strip()
        own = scheme == b"bearer" and compare_digest(token, wanted)
        if own or self._is_listener(scope, scheme, token):
            let_in(scope, None)
            return True
        if scheme != b"bearer" or scope["path"] == METRICS:
            return False
        holder = await self._holders.holder(token.decode("ascii", "replace"))
        if holder is None:
            return False
        let_in(scope, holder)
        return True

    def _is_listener(self, scope: Scope, scheme: bytes, given: bytes) -> bool:
        """Return whether it is a BSS that posts an event, and nothing else."""
        wanted = self._listener_token if (scope["method"], scope["path"]) == ("POST", LISTENER) else None
        found = given if scheme == b"bearer" else _password(given) if scheme == b"basic" else None
        return wanted is not None and found is not None and compare_digest(found, wanted)


def _bytes(token: SecretStr | None) -> bytes | None:
    return None if token is None else token.get_secret_value().encode()


def _password(given: bytes) -> bytes | None:
    """Return the password of HTTP Basic; the user proves nothing."""
    try:
        return b64decode(given, validate=True).partition(b":")[2]
    except binascii.Error:
        return None


def _private(send: Send) -> Send:
    """Wrap `send` so that no cache keeps an answer: answers are about customers."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = "no-store"
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return guarded
