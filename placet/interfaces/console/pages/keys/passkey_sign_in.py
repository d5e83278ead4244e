"""Signing in with a passkey, without saying a name: the passkey says whose it is."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from placet.contracts.text import one_line
from placet.errors import DecisionRefused, PlacetError, UsageError
from placet.interfaces.console.forms import Form, check_origin, read_form
from placet.interfaces.console.guards.attempts import Attempts
from placet.interfaces.console.guards.cookies import PRE_SESSION
from placet.interfaces.console.pages.keys.pre_session import browser_of, required_party, told, with_cookie
from placet.interfaces.console.pages.sign_in import sign_in_page, signed_in
from placet.interfaces.console.parts import Parts
from placet.service.sign_in import key_that_signs_in, new_random, sign_in_options

_LOG = logging.getLogger(__name__)


class PasskeySignIn:
    """What the sign-in page's script asks for, and what it posts.

    A begun sign-in costs no row, so that their number needs no bound: whoever begins many keeps nobody out. An answer
    that the record has already signs nobody in again. Wrong answers are counted like wrong tokens, which bounds the
    noise in the log; a good one is always let in.
    """

    def __init__(self, parts: Parts, attempts: Attempts) -> None:
        self._parts, self._attempts = parts, attempts

    async def ask(self, request: Request) -> Response:
        """Make a challenge for this browser."""
        check_origin(request, self._parts.public_url)
        parts, browser, random = self._parts, browser_of(request, self._parts), new_random()
        try:
            party = required_party(request, parts)
        except PlacetError as error:
            return told(error)
        options = sign_in_options(parts.served.tenant, random, party.rp_id)
        made = {"prompt": parts.prompts.begin_sign_in(browser, random), "options": options}
        return with_cookie(request, JSONResponse(made), parts, browser)

    async def take(self, request: Request) -> Response:
        """Begin a session for whoever's passkey answered the challenge of this browser."""
        check_origin(request, self._parts.public_url)
        return await run_in_threadpool(self._take, request, await read_form(request))

    def _take(self, request: Request, form: Form) -> Response:
        parts, wanted = self._parts, form.text("next")
        served = parts.served
        try:
            random = parts.prompts.sign_in_begun(parts.cookies.read(request, PRE_SESSION), form.text("prompt"))
            key = key_that_signs_in(served.database, served.tenant, form.text("answer"), random, parts.clock())
        except (DecisionRefused, UsageError) as error:
            address = request.client.host if request.client else ""
            if self._attempts.count(address):
                _LOG.warning("a passkey signed nobody in (%s), from %s", error.code, address)
            said = one_line(str(error), 500)
            return sign_in_page(parts, request, wanted, f"You are not signed in: {said}", 403)
        return signed_in(parts, request, key, wanted)
