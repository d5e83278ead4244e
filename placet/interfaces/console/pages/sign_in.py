"""Signing in with a personal token, and out."""

import logging
import re
from datetime import timedelta
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from placet.contracts.people.access import AccessGrant
from placet.interfaces.console.attempts import Attempts
from placet.interfaces.console.failures import bare
from placet.interfaces.console.forms import Form, check_origin, check_token, read_form
from placet.interfaces.console.parts import ROOT, Parts
from placet.interfaces.console.sessions import LONGEST
from placet.service.documents.access import holder_of

_LOG = logging.getLogger(__name__)
_WITHIN: Final = re.compile(rf"{ROOT}(?:/[A-Za-z0-9_][A-Za-z0-9._:-]*)*(?:\?[A-Za-z0-9._:=&%+-]*)?")
_HOME: Final = f"{ROOT}/inbox"
_WRONG: Final = (
    "This token opens nothing here. It is misspelt, revoked, expired, another tenant's, or the installation's own, "
    "which names nobody."
)
_OFTEN: Final = "Too many wrong tokens were tried. A good one is let in."


class SignIn:
    """The page and what it posts to."""

    def __init__(self, parts: Parts, attempts: Attempts) -> None:
        self._parts, self._attempts = parts, attempts

    async def show(self, request: Request) -> Response:
        """Ask for a token."""
        return self._page(request, request.query_params.get("next", ""))

    async def take(self, request: Request) -> Response:
        """Begin a session, if the token is one that an administrator signed for."""
        check_origin(request, self._parts.public_url)
        form = await read_form(request)
        wanted, address = form.text("next"), request.client.host if request.client else ""
        grant = await run_in_threadpool(self._holder, form.text("token"))
        if grant is None:
            if not self._attempts.was_wrong(address):
                return self._page(request, wanted, _OFTEN, 429)
            _LOG.warning("a wrong token was tried at the console, from %s", address)
            return self._page(request, wanted, _WRONG, 403)
        # Whatever session the browser had ends: nobody can have planted one that is signed in now.
        await run_in_threadpool(self._parts.sessions.end, request.cookies.get(self._parts.cookie))
        session = await run_in_threadpool(self._parts.sessions.begin, grant)
        answer = RedirectResponse(_safe(wanted), 303)
        answer.set_cookie(
            self._parts.cookie,
            session,
            max_age=int(LONGEST / timedelta(seconds=1)),
            path=ROOT,
            secure=self._parts.secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def leave(self, request: Request) -> Response:
        """End the session; a browser that has none is told the same."""
        check_origin(request, self._parts.public_url)
        form = await read_form(request)
        await run_in_threadpool(self._end, request.cookies.get(self._parts.cookie), form)
        answer = RedirectResponse(f"{ROOT}/sign-in", 303)
        answer.delete_cookie(self._parts.cookie, path=ROOT, secure=self._parts.secure, httponly=True, samesite="strict")
        return answer

    def _holder(self, token: str) -> AccessGrant | None:
        return holder_of(self._parts.served.database, self._parts.served.tenant, token, self._parts.clock())

    def _end(self, session: str | None, form: Form) -> None:
        if session is not None and self._parts.sessions.visitor(session, used=False) is not None:
            check_token(form, self._parts.sessions.form_token(session))
        self._parts.sessions.end(session)

    def _page(self, request: Request, wanted: str, fault: str = "", status: int = 200) -> Response:
        values = {
            **bare(self._parts),
            "next": _safe(wanted),
            "fault": fault,
            "ended": "ended" in request.query_params and not fault,
            # The cookie comes with no request that begins elsewhere, as in a mail.
            "from_elsewhere": request.headers.get("sec-fetch-site") == "cross-site",
        }
        return HTMLResponse(self._parts.templates.render("sign_in.html", values), status)


def _safe(wanted: str) -> str:
    """Return where to go on after signing in: a page of the console, never another site."""
    return wanted if _WITHIN.fullmatch(wanted) and not wanted.startswith(f"{ROOT}/sign-") else _HOME
