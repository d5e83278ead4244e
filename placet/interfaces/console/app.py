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
from starlette.types import ASGIApp

from placet.contracts.people.access import Action
from placet.interfaces.console.assets_folder import serve_asset
from placet.interfaces.console.attempts import BEGUN_IN_TOTAL, BEGUN_PER_ADDRESS, Attempts
from placet.interfaces.console.body_limit import FormLimit
from placet.interfaces.console.failures import Failures, SignedOut
from placet.interfaces.console.forms import LARGEST_PART, Form, check_origin, check_token, read_form
from placet.interfaces.console.headers import Headers
from placet.interfaces.console.identity.flow import BACK, IdentitySignIn
from placet.interfaces.console.identity.flow import PATH as IDENTITY
from placet.interfaces.console.identity.provider import Provider
from placet.interfaces.console.installed import Installed
from placet.interfaces.console.pages import (
    components,
    customers,
    halts,
    health,
    inbox,
    rooms,
    run,
    runs,
    sign_in,
    walkthroughs,
)
from placet.interfaces.console.pages.keys import approvers, deciding, signing
from placet.interfaces.console.pages.keys.joining import Joining
from placet.interfaces.console.pages.keys.passkey_sign_in import PasskeySignIn
from placet.interfaces.console.pages.keys.setting_up import SettingUp
from placet.interfaces.console.parts import ROOT, Asked, Diagnose, Parts, Remembered
from placet.interfaces.console.prompts import Prompts
from placet.interfaces.console.rendering import Templates
from placet.interfaces.console.sessions import Sessions, Visitor
from placet.interfaces.http.health import HealthCheck
from placet.interfaces.http.served import Served
from placet.service.documents.first_administrator import SetupCode
from placet.service.documents.invitations import Invitations
from placet.service.sharing.links import PATH
from placet.service.sharing.walkthroughs import Walkthroughs

Page = Callable[[Asked], Response]
Act = Callable[[Asked, Form], Response]
Endpoint = Callable[[Request], Awaitable[Response]]

_BARE: Final = Installed()
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
    setup: SetupCode | None = None,
    provider: Provider | None = None,
    installed: Installed = _BARE,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ASGIApp:
    """Return the console of one tenant.

    Args:
        served: The tenant, and what its things are kept in; shared with the API.
        secret: The installation's own token, from which the keys of sessions are derived. It signs nobody in.
        public_url: Where browsers reach the console, if a proxy stands in front of it; empty where none does.
        diagnose: Looks at the installation.
        setup: The code that makes the first administrator; None: there is no such door.
        provider: The operator's identity provider, where one is configured.
        installed: What else the installation offers.
        clock: The time.
    """
    health_check = HealthCheck(served.database, served.engine)
    sessions = Sessions(served.database, served.tenant, secret, clock)
    invitations = Invitations(served.database, served.tenant, secret, clock)
    door_code = setup or SetupCode(None)
    prompts = Prompts(served.database, served.tenant, secret, clock)
    parts = Parts(
        served,
        sessions,
        prompts,
        Templates(),
        health_check,
        Remembered(diagnose),
        clock,
        invitations,
        door_code,
        public_url=public_url,
        identity_host="" if provider is None else provider.host,
        installed=installed,
    )
    door = _Door(parts)
    begun = Attempts(time.monotonic, BEGUN_PER_ADDRESS, BEGUN_IN_TOTAL)
    desk, keys = sign_in.SignIn(parts, Attempts(time.monotonic)), PasskeySignIn(parts, begun)
    links = Walkthroughs(served.database, served.tenant, secret)
    sharing, guests = walkthroughs.Sharing(links), walkthroughs.Guests(parts, links, time.monotonic)
    routes = [
        Route(ROOT, _to_inbox),
        Route(f"{ROOT}/", _to_inbox),
        Route(f"{ROOT}/assets/{{name}}", serve_asset),
        Route(f"{ROOT}/sign-in", desk.show),
        Route(f"{ROOT}/sign-in", desk.take, methods=["POST"]),
        Route(f"{ROOT}/sign-in/passkey/prompt", keys.ask, methods=["POST"]),
        Route(f"{ROOT}/sign-in/passkey", keys.take, methods=["POST"]),
        Route(f"{ROOT}/sign-out", desk.leave, methods=["POST"]),
        Route(f"{ROOT}/inbox", door.page(inbox.show, "inbox")),
        Route(f"{ROOT}/runs", door.page(runs.show, "runs")),
        Route(f"{ROOT}/runs", door.act(runs.start, "operate", "runs"), methods=["POST"]),
        Route(f"{ROOT}/runs/new", door.page(runs.order, "runs", "operate")),
        Route(f"{ROOT}/runs/confirm", door.page(runs.confirm, "runs", "operate")),
        Route(f"{ROOT}/runs/{{run_id}}", door.page(run.show, "runs")),
        Route(f"{ROOT}/runs/{{run_id}}/live", door.page(run.live, "runs")),
        Route(f"{ROOT}/runs/{{run_id}}/decisions", door.act(run.decide, "deliver", "runs"), methods=["POST"]),
        Route(f"{ROOT}/runs/{{run_id}}/statements", door.act(deciding.ask, "deliver", "runs"), methods=["POST"]),
        Route(f"{ROOT}/sign/{{prompt}}", door.page(signing.show, "console")),
        Route(f"{ROOT}/sign/{{prompt}}", door.act(signing.take, "read", "console"), methods=["POST"]),
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
        *_of_keys(parts, door),
        Route(f"{ROOT}/health", door.page(health.show, "health")),
        Route(f"{ROOT}/components", door.page(components.show, "console")),
        *(Route(ROOT + one.path, door.page(one.show, one.area, one.action)) for one in rooms.SHOWN),
        *(
            Route(ROOT + one.path, door.act(one.do, one.action, one.area, one.largest), methods=["POST"])
            for one in rooms.POSTED
        ),
    ]
    if provider is not None:
        identity = IdentitySignIn(parts, provider, begun, secret)
        routes += [Route(IDENTITY, identity.begin), Route(BACK, identity.back)]
    app = Starlette(routes=routes, middleware=[Middleware(FormLimit)], exception_handlers=Failures(parts).handlers())
    app.router.redirect_slashes = False  # it would lead to whatever host the request names
    return Headers(app)  # around everything: also of what failed here nothing is kept or framed


def _of_keys(parts: Parts, door: "_Door") -> list[Route]:
    """Return what is about people and their keys."""
    joining, setting_up = Joining(parts), SettingUp(parts)
    invitation = f"{ROOT}/approvers/invitations/{{invitation}}"
    return [
        Route(f"{ROOT}/approvers", door.page(approvers.show, "keys")),
        Route(f"{ROOT}/approvers", door.act(approvers.invite, "deliver", "keys"), methods=["POST"]),
        Route(f"{invitation}/request.json", door.page(approvers.request_file, "keys", "deliver")),
        Route(f"{invitation}/enrolment", door.act(approvers.enroll, "deliver", "keys"), methods=["POST"]),
        Route(f"{invitation}/withdrawal", door.act(approvers.withdraw, "deliver", "keys"), methods=["POST"]),
        Route(
            f"{ROOT}/approvers/keys/{{key_id}}/revocation",
            door.act(approvers.revoke, "deliver", "keys"),
            methods=["POST"],
        ),
        Route(f"{ROOT}/join/{{code}}", joining.show),
        Route(f"{ROOT}/join/{{code}}", joining.take, methods=["POST"]),
        Route(f"{ROOT}/join/{{code}}/prompt", joining.ask, methods=["POST"]),
        Route(f"{ROOT}/setup", setting_up.show),
        Route(f"{ROOT}/setup", setting_up.register, methods=["POST"]),
        Route(f"{ROOT}/setup/prompt", setting_up.ask, methods=["POST"]),
        Route(f"{ROOT}/setup/{{prompt}}", setting_up.confirm),
        Route(f"{ROOT}/setup/{{prompt}}", setting_up.take, methods=["POST"]),
    ]


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

    def act(self, do: Act, action: Action, area: str, largest: int = LARGEST_PART) -> Endpoint:
        """Return an endpoint that a form is posted to; `largest` bounds a file that comes with it, in bytes."""

        def answer(request: Request, form: Form) -> Response:
            visitor = self._visitor(request)
            if visitor is None:
                raise SignedOut
            check_token(form, visitor.form_token)
            return do(self._admitted(request, visitor, action, area), form)

        async def endpoint(request: Request) -> Response:
            check_origin(request, self._parts.public_url)
            return await run_in_threadpool(answer, request, await read_form(request, largest))

        return endpoint

    def _signed_out(self, request: Request) -> Response:
        """Take a live page away from a screen that nobody may be looking at, and end its polling."""
        values = {"root": ROOT, "again": request.url.path.removesuffix("/live")}
        return HTMLResponse(self._parts.templates.render("signed_out.html", values), run.STOP_POLLING)

    def _visitor(self, request: Request) -> Visitor | None:
        session = request.cookies.get(self._parts.cookie)
        return self._parts.sessions.visitor(session, used=_LIVE not in request.headers)

    def _admitted(self, request: Request, visitor: Visitor, action: Action, area: str) -> Asked:
        asked = request.state.asked = Asked(request, visitor, self._parts, self._parts.clock())
        asked.require(action, area)
        return asked
