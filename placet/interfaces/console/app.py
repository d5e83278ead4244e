"""The console as one ASGI application, to be served beside the API under `/console`."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from placet.contracts.people.access import Action
from placet.errors import UsageError
from placet.interfaces.console.assets_folder import serve_asset
from placet.interfaces.console.attempts import Attempts
from placet.interfaces.console.body_limit import FormLimit
from placet.interfaces.console.checks import Checks, Replay, no_replay
from placet.interfaces.console.failures import Failures, SignedOut
from placet.interfaces.console.forms import Form, check_origin, check_token, read_form
from placet.interfaces.console.headers import Headers
from placet.interfaces.console.pages import (
    components,
    customers,
    halts,
    health,
    inbox,
    run,
    runs,
    sign_in,
    walkthroughs,
)
from placet.interfaces.console.parts import ROOT, Asked, Diagnose, Parts, Remembered, may
from placet.interfaces.console.rendering import Templates
from placet.interfaces.console.sessions import Sessions, Visitor
from placet.interfaces.http.health import HealthCheck
from placet.interfaces.http.served import Served
from placet.service.sharing.links import PATH
from placet.service.sharing.walkthroughs import Walkthroughs

Page = Callable[[Asked], Response]
Act = Callable[[Asked, Form], Response]
Endpoint = Callable[[Request], Awaitable[Response]]

_LIVE: Final = "hx-request"
"""What htmx says of a request that no person made: it prolongs no session."""


def no_diagnosis() -> tuple[()]:
    """Stand for a diagnosis where none is given."""
    return ()


def create_console(
    served: Served,
    *,
    secret: SecretStr,
    public_url: str = "",
    diagnose: Diagnose = no_diagnosis,
    replay: Replay = no_replay,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """Return the console of one tenant.

    Args:
        served: The tenant, and what its things are kept in; shared with the API.
        secret: The installation's own token, from which the keys of sessions are derived. It signs nobody in.
        public_url: Where browsers reach the console, if a proxy stands in front of it; empty where none does.
        diagnose: Looks at the installation.
        replay: Replays a run, for a verdict at a click.
        clock: The time.
    """
    health_check = HealthCheck(served.database, served.engine)
    sessions = Sessions(served.database, served.tenant, secret, clock)
    checks = Checks(served.database, replay, clock)
    parts = Parts(served, sessions, Templates(), health_check, Remembered(diagnose), checks, clock, public_url)
    door = _Door(parts)
    desk = sign_in.SignIn(parts, Attempts(time.monotonic))
    links = Walkthroughs(served.database, served.tenant, secret)
    sharing, guests = walkthroughs.Sharing(links), walkthroughs.Guests(parts, links, time.monotonic)
    routes = [
        Route(ROOT, _to_inbox),
        Route(f"{ROOT}/", _to_inbox),
        Route(f"{ROOT}/assets/{{name}}", serve_asset),
        Route(f"{ROOT}/sign-in", desk.show),
        Route(f"{ROOT}/sign-in", desk.take, methods=["POST"]),
        Route(f"{ROOT}/sign-out", desk.leave, methods=["POST"]),
        Route(f"{ROOT}/inbox", door.page(inbox.show, "inbox")),
        Route(f"{ROOT}/runs", door.page(runs.show, "runs")),
        Route(f"{ROOT}/runs", door.act(runs.start, "operate", "runs"), methods=["POST"]),
        Route(f"{ROOT}/runs/new", door.page(runs.order, "runs", "operate")),
        Route(f"{ROOT}/runs/confirm", door.page(runs.confirm, "runs", "operate")),
        Route(f"{ROOT}/runs/{{run_id}}", door.page(run.show, "runs")),
        Route(f"{ROOT}/runs/{{run_id}}/live", door.page(run.live, "runs")),
        Route(f"{ROOT}/runs/{{run_id}}/decisions", door.act(run.decide, "deliver", "runs"), methods=["POST"]),
        Route(f"{ROOT}/runs/{{run_id}}/verdict", door.page(run.show_verdict, "runs")),
        Route(f"{ROOT}/runs/{{run_id}}/verdict", door.act(run.ask_verdict, "read", "runs"), methods=["POST"]),
        Route(f"{ROOT}/runs/{{run_id}}/walkthroughs", door.page(sharing.show, "walkthroughs")),
        Route(
            f"{ROOT}/runs/{{run_id}}/walkthroughs",
            door.act(sharing.share, "operate", "walkthroughs"),
            methods=["POST"],
        ),
        Route(
            f"{ROOT}/runs/{{run_id}}/walkthroughs/{{link_id}}/withdraw",
            door.act(sharing.withdraw, "withdraw", "walkthroughs"),
            methods=["POST"],
        ),
        Route(f"{PATH}{{link}}", guests.show),
        Route(f"{ROOT}/customers", door.page(customers.show_all, "customers")),
        Route(f"{ROOT}/customers/{{customer_id}}", door.page(customers.show, "customers")),
        Route(f"{ROOT}/halts", door.page(halts.show, "halts")),
        Route(f"{ROOT}/halts", door.act(halts.place, "operate", "halts"), methods=["POST"]),
        Route(f"{ROOT}/health", door.page(health.show, "health")),
        Route(f"{ROOT}/components", door.page(components.show, "console")),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Headers), Middleware(FormLimit)],
        exception_handlers=Failures(parts).handlers(),
    )


async def _to_inbox(_request: Request) -> Response:
    return RedirectResponse(f"{ROOT}/inbox", 303)


class _Door:
    """Lets in who is signed in, to what policy permits."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def page(self, show: Page, area: str, action: Action = "read") -> Endpoint:
        """Return an endpoint that only shows. Its function runs in a thread: the database is synchronous."""

        def answer(request: Request) -> Response:
            visitor = self._visitor(request)
            if visitor is not None:
                return show(self._admitted(request, visitor, action, area))
            if _LIVE in request.headers:
                return self._signed_out(request)
            wanted = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
            why = "&ended=1" if self._parts.cookie in request.cookies else ""
            return RedirectResponse(f"{ROOT}/sign-in?next={wanted}{why}", 303)

        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(answer, request)

        return endpoint

    def act(self, do: Act, action: Action, area: str) -> Endpoint:
        """Return an endpoint that a form is posted to."""

        def answer(request: Request, form: Form) -> Response:
            visitor = self._visitor(request)
            if visitor is None:
                raise SignedOut
            check_token(form, visitor.form_token)
            return do(self._admitted(request, visitor, action, area), form)

        async def endpoint(request: Request) -> Response:
            check_origin(request, self._parts.public_url)
            return await run_in_threadpool(answer, request, await read_form(request))

        return endpoint

    def _signed_out(self, request: Request) -> Response:
        """Take a live page away from a screen that nobody may be looking at, and end its polling."""
        values = {"root": ROOT, "again": request.url.path.removesuffix("/live").removesuffix("/verdict")}
        return HTMLResponse(self._parts.templates.render("signed_out.html", values), run.STOP_POLLING)

    def _visitor(self, request: Request) -> Visitor | None:
        session = request.cookies.get(self._parts.cookie)
        return self._parts.sessions.visitor(session, used=_LIVE not in request.headers)

    def _admitted(self, request: Request, visitor: Visitor, action: Action, area: str) -> Asked:
        asked = request.state.asked = Asked(request, visitor, self._parts, self._parts.clock())
        if not may(visitor, action, area):
            raise UsageError(
                f"The token of {visitor.name!r} does not permit to {action} here ({area}). "
                f"It was issued for: {', '.join(visitor.grant.roles)}. An administrator issues one for more roles: "
                f"`placet token issue {visitor.name} --role ROLE --as ADMINISTRATOR`.",
                code="forbidden",
            )
        return asked
