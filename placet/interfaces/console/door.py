"""The door of the console: who is signed in reaches a page, if access policy permits it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from placet.contracts.people.access import Action
from placet.interfaces.console.failures import SignedOut
from placet.interfaces.console.forms import Form, check_origin, check_token, read_form
from placet.interfaces.console.pages.rooms import Posted, Shown
from placet.interfaces.console.pages.run import STOP_POLLING
from placet.interfaces.console.parts import ROOT, Asked, Parts
from placet.interfaces.console.sessions import Visitor

Endpoint = Callable[[Request], Awaitable[Response]]

_LIVE: Final = "hx-request"
"""What htmx says of a request that no person made: it prolongs no session."""


class Door:
    """Lets in who is signed in, to what policy permits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self, shown: Iterable[Shown], posted: Iterable[Posted]) -> list[Route]:
        """Return the routes of the pages behind the door, and of what their forms are posted to."""
        return [
            *(Route(ROOT + one.path, self._page(one)) for one in shown),
            *(Route(ROOT + one.path, self._act(one), methods=["POST"]) for one in posted),
        ]

    def _page(self, page: Shown) -> Endpoint:
        """Return the endpoint of a page. Its function runs in a thread: the database is synchronous."""

        def answer(request: Request) -> Response:
            visitor = self._visitor(request)
            if visitor is not None:
                return page.show(self._admitted(request, visitor, page.action, page.area))
            if _LIVE in request.headers:
                return self._signed_out(request)
            wanted = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
            why = "&ended=1" if self._parts.cookies.came(request) else ""
            leads = RedirectResponse(f"{ROOT}/sign-in?next={wanted}{why}", 303)
            self._parts.cookies.drop_planted(request, leads)
            return leads

        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(answer, request)

        return endpoint

    def _act(self, act: Posted) -> Endpoint:
        """Return the endpoint that a form is posted to."""

        def answer(request: Request, form: Form) -> Response:
            visitor = self._visitor(request)
            if visitor is None:
                raise SignedOut
            check_token(form, visitor.form_token)
            return act.do(self._admitted(request, visitor, act.action, act.area), form)

        async def endpoint(request: Request) -> Response:
            check_origin(request, self._parts.public_url)
            form = await read_form(request, act.largest, act.longest, act.most)
            return await run_in_threadpool(answer, request, form)

        return endpoint

    def _signed_out(self, request: Request) -> Response:
        """Take a live page away from a screen that nobody may be looking at, and end its polling."""
        values = {"root": ROOT, "again": request.url.path.removesuffix("/live")}
        return HTMLResponse(self._parts.templates.render("signed_out.html", values), STOP_POLLING)

    def _visitor(self, request: Request) -> Visitor | None:
        session = self._parts.cookies.read(request)
        return self._parts.sessions.visitor(session, used=_LIVE not in request.headers)

    def _admitted(self, request: Request, visitor: Visitor, action: Action, area: str) -> Asked:
        asked = request.state.asked = Asked(request, visitor, self._parts, self._parts.clock())
        asked.require(action, area)
        return asked
