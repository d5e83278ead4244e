"""Browsers of people who are not signed in yet: a cookie that what they are asked is bound to, and nothing else."""

from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from placet.errors import PlacetError, UsageError
from placet.interfaces.console.parts import ROOT, Parts
from placet.interfaces.console.relying_party import Party, advice_for, party_of
from placet.interfaces.console.sessions import is_id, new_id
from placet.interfaces.http.problems import status_of

LASTS: Final = timedelta(minutes=10)


def browser_of(request: Request, parts: Parts) -> str:
    """Return what the cookie of this browser holds, or what it will hold."""
    held = request.cookies.get(parts.pre_cookie)
    return held if is_id(held) else new_id()


def with_cookie(answer: Response, parts: Parts, browser: str) -> Response:
    """Give a browser its cookie."""
    answer.set_cookie(
        parts.pre_cookie,
        browser,
        max_age=int(LASTS / timedelta(seconds=1)),
        path=ROOT,
        secure=parts.secure,
        httponly=True,
        samesite="strict",
    )
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
