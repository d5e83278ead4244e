"""Signing in with a passkey, without saying a name: the passkey says whose it is."""

import logging
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from placet.contracts.text import one_line
from placet.errors import DecisionRefused, PlacetError, UsageError
from placet.interfaces.console.attempts import Attempts
from placet.interfaces.console.forms import Form, check_origin, read_form
from placet.interfaces.console.pages.keys.pre_session import browser_of, required_party, told, with_cookie
from placet.interfaces.console.pages.sign_in import sign_in_page, signed_in
from placet.interfaces.console.parts import Parts
from placet.service.sign_in import key_that_signs_in, new_random, sign_in_options

_LOG = logging.getLogger(__name__)
_OFTEN: Final = "Too many sign-ins were begun and not finished. Wait five minutes."


class PasskeySignIn:
    """What the sign-in page's script asks for, and what it posts.

    A prompt is a row, and a stranger can ask for one: those that were not answered rightly are counted like wrong
    tokens, and three minutes later they are gone.
    """

    def __init__(self, parts: Parts, attempts: Attempts) -> None:
        self._parts, self._attempts = parts, attempts

    async def ask(self, request: Request) -> Response:
        """Make a challenge for this browser."""
        check_origin(request, self._parts.public_url)
        if not self._attempts.count(_address(request)):
            return JSONResponse({"error": _OFTEN}, 429)
        return await run_in_threadpool(self._ask, request)

    async def take(self, request: Request) -> Response:
        """Begin a session for whoever's passkey answered the challenge of this browser."""
        check_origin(request, self._parts.public_url)
        return await run_in_threadpool(self._take, request, await read_form(request))

    def _ask(self, request: Request) -> Response:
        parts, browser, random = self._parts, browser_of(request, self._parts), new_random()
        try:
            party = required_party(request, parts)
            name = parts.prompts.ask(browser, "sign_in", "", random)
        except PlacetError as error:
            return told(error)
        options = sign_in_options(parts.served.tenant, random, party.rp_id)
        return with_cookie(JSONResponse({"prompt": name, "options": options}), parts, browser)

    def _take(self, request: Request, form: Form) -> Response:
        parts, wanted = self._parts, form.text("next")
        served = parts.served
        try:
            prompt = parts.prompts.take(request.cookies.get(parts.pre_cookie), form.text("prompt"), "sign_in")
            key = key_that_signs_in(served.database, served.tenant, form.text("answer"), prompt.asked, parts.clock())
        except (DecisionRefused, UsageError) as error:
            _LOG.warning("a passkey signed nobody in (%s), from %s", error.code, _address(request))
            said = one_line(str(error), 500)
            return sign_in_page(parts, request, wanted, f"You are not signed in: {said}", 403)
        self._attempts.was_right(_address(request))
        parts.sessions.end(request.cookies.get(parts.cookie))
        return signed_in(parts, parts.sessions.begin(key), wanted)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
