"""Signing in with a personal token, and out."""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from placet.contracts.people.access import AccessGrant
from placet.interfaces.console.failures import bare
from placet.interfaces.console.forms import Form, check_origin, check_token, read_form
from placet.interfaces.console.guards.attempts import Attempts
from placet.interfaces.console.guards.cookies import PRE_SESSION
from placet.interfaces.console.parts import ROOT, Parts
from placet.interfaces.console.relying_party import advice_for, party_of
from placet.interfaces.console.sessions import LONGEST, Credential
from placet.service.documents.access import grant_of, holder_of

_LOG = logging.getLogger(__name__)
_WITHIN: Final = re.compile(rf"{ROOT}(?:/[A-Za-z0-9_][A-Za-z0-9._:-]*)*(?:\?[A-Za-z0-9._:=&%+-]*)?")
_HOME: Final = f"{ROOT}/inbox"
_WRONG: Final = (
    "This token opens nothing here. It is misspelt, revoked, expired, another tenant's, or the installation's own, "
    "which names nobody."
)
_OFTEN: Final = "Too many wrong tokens were tried. A good one is let in."


SignedInElsewhere = Callable[[AccessGrant], Awaitable[str | None]]


async def _nowhere(_grant: AccessGrant) -> str | None:
    return None


class SignIn:
    """The page and what it posts to.

    Args:
        parts: What pages stand on.
        attempts: How often a token may be wrong.
        elsewhere: Returns where somebody is signed in still, at the provider that began their session.
    """

    def __init__(self, parts: Parts, attempts: Attempts, elsewhere: SignedInElsewhere = _nowhere) -> None:
        self._parts, self._attempts, self._elsewhere = parts, attempts, elsewhere

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
            if not self._attempts.count(address):
                return self._page(request, wanted, _OFTEN, 429)
            _LOG.warning("a wrong token was tried at the console, from %s", address)
            return self._page(request, wanted, _WRONG, 403)
        return await run_in_threadpool(signed_in, self._parts, request, grant, wanted)

    async def leave(self, request: Request) -> Response:
        """End the session; a browser that has none is told the same."""
        check_origin(request, self._parts.public_url)
        form = await read_form(request)
        grant = await run_in_threadpool(self._end, self._parts.cookies.read(request), form)
        still = None if grant is None else await self._elsewhere(grant)
        answer: Response = RedirectResponse(f"{ROOT}/sign-in", 303)
        if still is not None:
            # Our own policy (`form-action`) forbids a redirect to another host after a form: a link leads there.
            values = {**bare(self._parts), "host": self._parts.identity_host, "address": still}
            answer = HTMLResponse(self._parts.templates.render("keys/signed_out_here.html", values))
        self._parts.cookies.drop(request, answer)
        self._parts.cookies.drop_planted(request, answer)
        return answer

    def _holder(self, token: str) -> AccessGrant | None:
        return holder_of(self._parts.served.database, self._parts.served.tenant, token, self._parts.clock())

    def _end(self, session: str | None, form: Form) -> AccessGrant | None:
        """End a session; returns what it was begun with, where that was a token or an identity."""
        visitor = None if session is None else self._parts.sessions.visitor(session, used=False)
        grant = None
        if session is not None and visitor is not None:
            check_token(form, self._parts.sessions.form_token(session))
            if isinstance(visitor.voucher, str):
                served = self._parts.served
                grant = grant_of(served.database, served.tenant, visitor.voucher, self._parts.clock())
        self._parts.sessions.end(session)
        return grant

    def _page(self, request: Request, wanted: str, fault: str = "", status: int = 200) -> Response:
        return sign_in_page(self._parts, request, wanted, fault, status)


def begin_session(parts: Parts, request: Request, answer: Response, credential: Credential) -> None:
    """Begin a session, and let an answer say so to the browser; whatever was before it ends."""
    # Nobody can have planted a session that is signed in now.
    parts.sessions.end(parts.cookies.read(request))
    parts.cookies.drop_planted(request, answer)
    parts.cookies.keep(request, answer, parts.sessions.begin(credential), LONGEST)
    parts.cookies.drop(request, answer, PRE_SESSION)


def signed_in(parts: Parts, request: Request, credential: Credential, wanted: str) -> Response:
    """Begin a session, and lead on."""
    answer = RedirectResponse(safe(wanted), 303)
    begin_session(parts, request, answer, credential)
    return answer


def sign_in_page(parts: Parts, request: Request, wanted: str, fault: str = "", status: int = 200) -> Response:
    """Ask who somebody is."""
    values = {
        **bare(parts),
        "advice": "" if party_of(request, parts.public_url) else advice_for(request, parts.public_url),
        "next": safe(wanted),
        "identity_host": parts.identity_host,
        "identity_path": f"{ROOT}/sign-in/identity?next={quote(safe(wanted), safe='')}",
        "fault": fault,
        "ended": "ended" in request.query_params and not fault,
        # The cookie comes with no request that begins elsewhere, as in a mail.
        "from_elsewhere": request.headers.get("sec-fetch-site") == "cross-site",
    }
    return HTMLResponse(parts.templates.render("keys/sign_in.html", values), status)


def safe(wanted: str) -> str:
    """Return where to go on after signing in: a page of the console, never another site."""
    return wanted if _WITHIN.fullmatch(wanted) and not wanted.startswith(f"{ROOT}/sign-") else _HOME
