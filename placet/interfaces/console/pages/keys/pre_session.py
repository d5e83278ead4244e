"""Browsers of people who are not signed in yet: a cookie that what they are asked is bound to, and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from placet.errors import PlacetError, UsageError
from placet.interfaces.console.forms import Form, check_origin, read_form
from placet.interfaces.console.guards.cookies import PRE_SESSION
from placet.interfaces.console.parts import ROOT, Parts
from placet.interfaces.console.relying_party import Party, advice_for, party_of
from placet.interfaces.console.sessions import is_id, new_id
from placet.interfaces.http.problems import status_of

LASTS: Final = timedelta(minutes=10)


def shown_at(path: str, answer: Callable[[Request], Response]) -> Route:
    """Return the route of a page that asks for no session. It is answered in a thread: the database is synchronous."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request)

    return Route(ROOT + path, endpoint)


def posted_to(path: str, parts: Parts, answer: Callable[[Request, Form], Response]) -> Route:
    """Return the route that a form, or a script of ours, is posted to without a session: from our own pages alone."""

    async def endpoint(request: Request) -> Response:
        check_origin(request, parts.public_url)
        return await run_in_threadpool(answer, request, await read_form(request))

    return Route(ROOT + path, endpoint, methods=["POST"])


def browser_of(request: Request, parts: Parts) -> str:
    """Return what the cookie of this browser holds, or what it will hold."""
    held = parts.cookies.read(request, PRE_SESSION)
    return held if is_id(held) else new_id()


def with_cookie(request: Request, answer: Response, parts: Parts, browser: str) -> Response:
    """Give a browser its cookie."""
    parts.cookies.keep(request, answer, browser, LASTS, of=PRE_SESSION)
    return answer


def required_party(request: Request, parts: Parts) -> Party:
    """Return whose passkeys this page may ask for.

    Raises:
        UsageError: browsers have no passkeys at this address.
    """
    party = party_of(request, parts.public_url)
    if party is None:
        raise UsageError(advice_for(request, parts.public_url), code="no_passkeys_here")
    return party


def told(error: PlacetError) -> Response:
    """Answer a script of ours with what it shows."""
    return JSONResponse({"error": str(error)}, status_of(error))
