"""From an HTTP request to a plain function call and back.

A handler takes a `Call`, touches memory or SQLite for well under a millisecond, and returns a `Reply`: it
runs on the event loop, and nothing validates the response again on its way out (the contract tests do that
against the specs).
"""

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import Response

from placet.sandbox.errors import TmfError, bad_body, bad_query
from placet.sandbox.money import JsonObject

_JSON = "application/json"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        id: The `{id}` of the path, or empty.
        origin: Scheme and authority the caller used, for absolute links.
        query: Query parameters by name.
        body: The JSON object sent; numbers with a fraction are `Decimal`.
    """

    id: str
    origin: str
    query: Mapping[str, str]
    body: JsonObject


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: `body` is JSON data, or None for no content."""

    body: object
    status: int = 200
    headers: Mapping[str, str] | None = None


Handler = Callable[[Call], Reply]


def endpoint(handler: Handler) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """Wrap a handler as a Starlette endpoint that answers errors in the TM Forum form."""

    async def serve(request: Request) -> Response:
        try:
            raw = b"" if request.method in {"GET", "DELETE"} else await request.body()
            return _respond(handler(_call(request, raw)))
        except TmfError as error:
            return error_response(error)
        except OperationalError as error:
            return error_response(TmfError(503, "databaseUnavailable", f"the sandbox's database refused: {error.orig}"))

    return serve


def error_response(error: TmfError) -> Response:
    """Make the TM Forum error body for `error`."""
    body = {"code": error.code, "reason": error.reason, "message": error.reason, "status": str(error.status)}
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None  # noqa: PLR2004 - HTTP Unauthorized
    return Response(_encode(body), status_code=error.status, media_type=_JSON, headers=headers)


def _respond(reply: Reply) -> Response:
    if reply.body is None:
        return Response(status_code=reply.status, headers=reply.headers)
    return Response(_encode(reply.body), status_code=reply.status, media_type=_JSON, headers=reply.headers)


def _call(request: Request, raw: bytes) -> Call:
    scope = request.scope
    return Call(
        id=scope["path_params"].get("id", ""),
        origin=f"{scope['scheme']}://{request.headers.get('host', 'localhost')}",
        query=_query(scope["query_string"]),
        body=_body(raw) if raw else {},
    )


def _query(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name in query:
            raise bad_query(f"query parameter {name!r} is given twice")
        query[name] = value
    return query


def _body(raw: bytes) -> JsonObject:
    try:
        body = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise bad_body(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise bad_body("the body is not a JSON object")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
