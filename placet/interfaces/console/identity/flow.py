"""`/console/sign-in/identity`: to the identity provider, and back from it.

What was begun is kept in a cookie of its own, sealed, for ten minutes. It is `SameSite=Lax`, because the provider's
answer comes from another site. The session's is `Strict` and is not sent on the way back, so that the last page goes on
by itself.
"""

import logging
import shlex
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from placet.contracts.people.access import AccessGrant
from placet.contracts.text import WORDS, one_line
from placet.governance.signing.assertions import from_base64url, to_base64url
from placet.governance.signing.seals import Sealer
from placet.interfaces.console.failures import bare
from placet.interfaces.console.guards.attempts import Attempts
from placet.interfaces.console.identity.provider import Begun, IdentityProviderError, Provider
from placet.interfaces.console.pages.sign_in import begin_session, safe, sign_in_page
from placet.interfaces.console.parts import ROOT, Parts
from placet.service.documents.access import grant_of_identity

PATH: Final = f"{ROOT}/sign-in/identity"
BACK: Final = f"{PATH}/back"
"""Where the provider sends browsers back to: its `redirect_uri`."""

_SECONDS: Final = 600
_COOKIE: Final = "identity"
_THREADS: Final = 4
_LOG = logging.getLogger(__name__)
_OFTEN: Final = "Too many sign-ins failed. Wait five minutes."
_NOT_BEGUN: Final = (
    "This sign-in was not begun in this browser within the last ten minutes, or was finished already. Begin it again."
)


class _Kept(BaseModel):
    """What the cookie says."""

    begun: Begun
    wanted: str
    until: int


class IdentitySignIn:
    """Sends people to the provider, and begins the session of whoever it says that they are.

    Args:
        parts: What pages stand on.
        provider: The identity provider.
        attempts: How often it may go wrong.
        secret: The installation's own token, from which the seal's key is derived.
        now: The time in seconds since 1970.
    """

    def __init__(
        self,
        parts: Parts,
        provider: Provider,
        attempts: Attempts,
        secret: SecretStr,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._parts, self._provider, self._attempts, self._now = parts, provider, attempts, now
        self._sealer = Sealer(secret, "console identity")
        # Its own few threads: a provider that hangs must not hold those that everything else is answered in.
        self._threads = CapacityLimiter(_THREADS)

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        begun, wanted = Begun.new(), safe(request.query_params.get("next", ""))
        try:
            address = await to_thread.run_sync(self._provider.address, begun, limiter=self._threads)
        except IdentityProviderError as error:
            return self._failed(request, error)
        answer = RedirectResponse(address, 303)
        kept = _Kept(begun=begun, wanted=wanted, until=int(self._now()) + _SECONDS).model_dump_json()
        seal = self._sealer.seal([kept]).hex()
        value = f"{to_base64url(kept.encode())}.{seal}"
        # Lax: the provider's answer comes from another site.
        self._parts.cookies.keep(request, answer, value, timedelta(seconds=_SECONDS), of=_COOKIE, samesite="lax")
        return answer

    async def elsewhere(self, grant: AccessGrant) -> str | None:
        """Return where the provider ends its own session; None where it did not begin ours, or has no such place."""
        if grant.identity is None or grant.identity.issuer != self._provider.issuer:
            return None
        try:
            back = f"{self._parts.public_url}{ROOT}/sign-in"
            return await to_thread.run_sync(self._provider.leaving_address, back, limiter=self._threads)
        except IdentityProviderError as error:
            _LOG.warning("nobody can be signed out at the identity provider: %s", error)
            return None

    async def back(self, request: Request) -> Response:
        """Begin the session of whoever the provider says that it is, where an administrator signed for them."""
        answer = await self._answer(request)
        self._parts.cookies.drop(request, answer, _COOKIE, "lax")
        return answer

    async def _answer(self, request: Request) -> Response:
        kept = self._kept(self._parts.cookies.read(request, _COOKIE) or "")
        if kept is None or request.query_params.get("state") != kept.begun.state:
            return sign_in_page(self._parts, request, "", _NOT_BEGUN, 403)
        fault = self._fault(request.query_params)
        if fault:
            return sign_in_page(self._parts, request, kept.wanted, fault, 403)
        address = request.client.host if request.client else ""
        if not self._attempts.count(address):
            return sign_in_page(self._parts, request, kept.wanted, _OFTEN, 429)
        return await to_thread.run_sync(self._signed_in, request, kept, address, limiter=self._threads)

    def _fault(self, given: Mapping[str, str]) -> str:
        """Return why the provider's answer brings no code; empty where it brings one."""
        if given.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            return "The answer is another identity provider's."
        if "error" not in given and given.get("code"):
            return ""
        said = one_line(f"{given.get('error', '')} {given.get('error_description', '')}".strip(), WORDS)
        return f"You were not signed in at {self._provider.host}" + (f", which says: {said}." if said else ".")

    def _signed_in(self, request: Request, kept: _Kept, address: str) -> Response:
        try:
            subject = self._provider.subject(request.query_params["code"], kept.begun)
        except IdentityProviderError as error:
            return self._failed(request, error)
        served, issuer = self._parts.served, self._provider.issuer
        grant = grant_of_identity(served.database, served.tenant, issuer, subject, self._parts.clock())
        if grant is None:
            return self._unknown(subject)
        self._attempts.was_right(address)
        values = {**bare(self._parts), "name": grant.name, "wanted": kept.wanted}
        page = HTMLResponse(self._parts.templates.render("keys/signed_in.html", values))
        begin_session(self._parts, request, page, grant)
        return page

    def _kept(self, cookie: str) -> _Kept | None:
        text, _, seal = cookie.rpartition(".")
        try:
            kept = from_base64url(text).decode()
            if not self._sealer.holds([kept], bytes.fromhex(seal)):
                return None
            found = _Kept.model_validate_json(kept)
        except (ValueError, ValidationError):
            return None
        return found if self._now() < found.until else None

    def _failed(self, request: Request, error: IdentityProviderError) -> Response:
        _LOG.warning("nobody was signed in by the identity provider: %s", error)
        return sign_in_page(self._parts, request, "", f"Nobody was signed in: {error}.", 503)

    def _unknown(self, subject: str) -> Response:
        """Say which command an administrator gives: who somebody is at the provider, only the provider knows."""
        issuer = self._provider.issuer
        _LOG.warning("an identity that no administrator signed for was presented: %s at %s", one_line(subject), issuer)
        command = (
            f"placet token issue NAME --role ROLE --issuer {shlex.quote(issuer)} --subject {shlex.quote(subject)} "
            "--as ADMINISTRATOR"
        )
        values = {**bare(self._parts), "host": self._provider.host, "subject": subject, "command": command}
        return HTMLResponse(self._parts.templates.render("keys/identity_unknown.html", values), 403)
