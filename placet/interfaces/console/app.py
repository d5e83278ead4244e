"""The console as one ASGI application, to be served beside the API under `/console`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from placet.interfaces.console.assets_folder import serve_asset
from placet.interfaces.console.door import Door
from placet.interfaces.console.failures import Failures
from placet.interfaces.console.guards.attempts import ASKED_IN_TOTAL, ASKED_PER_ADDRESS, Attempts
from placet.interfaces.console.guards.body_limit import FormLimit
from placet.interfaces.console.guards.headers import Headers
from placet.interfaces.console.identity.flow import BACK, IdentitySignIn
from placet.interfaces.console.identity.flow import PATH as IDENTITY
from placet.interfaces.console.identity.provider import Provider
from placet.interfaces.console.installed import Installed
from placet.interfaces.console.pages import guests, rooms, sign_in
from placet.interfaces.console.pages.keys.joining import Joining
from placet.interfaces.console.pages.keys.passkey_sign_in import PasskeySignIn
from placet.interfaces.console.pages.keys.setting_up import SettingUp
from placet.interfaces.console.parts import ROOT, Diagnose, Parts, Remembered
from placet.interfaces.console.prompts import Prompts
from placet.interfaces.console.rendering import Templates
from placet.interfaces.console.sessions import Sessions
from placet.interfaces.http.health import HealthCheck
from placet.interfaces.http.served import Served
from placet.service.documents.first_administrator import SetupCode
from placet.service.documents.invitations import Invitations
from placet.service.sharing.links import PATH
from placet.service.sharing.walkthroughs import Walkthroughs

_BARE: Final = Installed()


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
    database, tenant = served.database, served.tenant
    parts = Parts(
        served,
        Sessions(database, tenant, secret, clock),
        Prompts(database, tenant, secret, clock),
        Templates(),
        HealthCheck(database, served.engine),
        Remembered(diagnose),
        clock,
        Invitations(database, tenant, secret, clock),
        setup or SetupCode(None, served.tenant),
        Walkthroughs(database, tenant, secret),
        public_url=public_url,
        identity_host="" if provider is None else provider.host,
        identity_issuer="" if provider is None else provider.issuer,
        installed=installed,
    )
    routes = [*_without_session(parts, provider, secret), *Door(parts).routes(rooms.SHOWN, rooms.POSTED)]
    app = Starlette(routes=routes, middleware=[Middleware(FormLimit)], exception_handlers=Failures(parts).handlers())
    app.router.redirect_slashes = False  # it would lead to whatever host the request names
    return Headers(app)  # around everything: also of what failed here nothing is kept or framed


def _without_session(parts: Parts, provider: Provider | None, secret: SecretStr) -> list[Route]:
    """Return what is answered to who is not signed in."""
    asked = Attempts(time.monotonic, ASKED_PER_ADDRESS, ASKED_IN_TOTAL)
    identity = None if provider is None else IdentitySignIn(parts, provider, asked, secret)
    desk, keys = sign_in.SignIn(parts, Attempts(time.monotonic)), PasskeySignIn(parts, Attempts(time.monotonic))
    if identity is not None:
        desk = sign_in.SignIn(parts, Attempts(time.monotonic), identity.elsewhere)
    routes = [
        Route(ROOT, _to_inbox),
        Route(f"{ROOT}/", _to_inbox),
        Route(f"{ROOT}/assets/{{name}}", serve_asset),
        Route(f"{ROOT}/sign-in", desk.show),
        Route(f"{ROOT}/sign-in", desk.take, methods=["POST"]),
        Route(f"{ROOT}/sign-in/passkey/prompt", keys.ask, methods=["POST"]),
        Route(f"{ROOT}/sign-in/passkey", keys.take, methods=["POST"]),
        Route(f"{ROOT}/sign-out", desk.leave, methods=["POST"]),
        *Joining(parts).routes(),
        *SettingUp(parts).routes(),
        Route(f"{PATH}{{link}}", guests.Guests(parts, time.monotonic).show),
    ]
    if identity is not None:
        routes += [Route(IDENTITY, identity.begin), Route(BACK, identity.back)]
    return routes


async def _to_inbox(_request: Request) -> Response:
    return RedirectResponse(f"{ROOT}/inbox", 303)
