"""Taking an invitation: whoever has the link registers a passkey, without an account."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from placet.contracts.people.passkey import fingerprint
from placet.errors import PlacetError, UsageError
from placet.interfaces.console.failures import bare
from placet.interfaces.console.forms import Form, check_token
from placet.interfaces.console.pages.keys.pre_session import (
    browser_of,
    posted_to,
    required_party,
    shown_at,
    told,
    with_cookie,
)
from placet.interfaces.console.parts import ROOT, Parts
from placet.interfaces.console.prompts import GONE as PROMPT_GONE
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.relying_party import advice_for, party_of
from placet.interfaces.console.views.common import powers_of
from placet.interfaces.http.problems import status_of
from placet.service.documents.invitations import GONE, LASTS, USED, Invitation
from placet.service.passkeys import enrolment_request_from, registration_options


class Joining:
    """The page behind the link, and what it posts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return what is answered to whoever has a link."""
        return [
            shown_at("/join/{code}", self._page),
            posted_to("/join/{code}", self._parts, self._take),
            posted_to("/join/{code}/prompt", self._parts, self._ask),
        ]

    def _ask(self, request: Request, form: Form) -> Response:
        """Make the challenge of a registration, for this browser."""
        parts, browser = self._parts, browser_of(request, self._parts)
        try:
            check_token(form, parts.sessions.form_token(browser))
            party = required_party(request, parts)
            invitation = parts.invitations.of_code(request.path_params["code"])
            if invitation.request is not None:
                raise UsageError("Somebody registered with this invitation already. Load the page again.", code=USED)
            made = registration_options(
                name=invitation.terms.name, rp_id=party.rp_id, rp_name=f"Placet, {parts.served.tenant}"
            )
            name = parts.prompts.ask(browser, "join", invitation.invitation_id, made.challenge)
        except PlacetError as error:
            return told(error)
        return with_cookie(request, JSONResponse({"prompt": name, "options": made.as_json()}), parts, browser)

    def _take(self, request: Request, form: Form) -> Response:
        """Keep what the device made, once."""
        parts, browser, code = self._parts, browser_of(request, self._parts), request.path_params["code"]
        check_token(form, parts.sessions.form_token(browser))
        try:
            party = required_party(request, parts)
            prompt = parts.prompts.take(browser, form.text("prompt"), "join")
            invitation = _same(parts.invitations.of_code(code), prompt)
            registered = enrolment_request_from(
                form.text("answer"),
                name=invitation.terms.name,
                challenge=prompt.asked,
                rp_id=party.rp_id,
                origins=[party.origin],
            )
            parts.invitations.answer(code, registered)
        except UsageError as error:
            if error.code in (GONE, USED, PROMPT_GONE):
                raise
            return self._page(request, str(error), status_of(error))
        answer = RedirectResponse(f"{ROOT}/join/{code}", 303)
        registrant = parts.invitations.registrant(invitation.invitation_id, registered)
        parts.cookies.keep(request, answer, registrant, LASTS, of=_kept_of(invitation))
        return answer

    def _page(self, request: Request, fault: str = "", status: int = 200) -> Response:
        """Say who invites whom to what, or how far it has come."""
        parts, browser, code = self._parts, browser_of(request, self._parts), request.path_params["code"]
        invitation = parts.invitations.of_code(code)
        kept = parts.cookies.read(request, _kept_of(invitation))
        values = {
            **bare(parts),
            "it": invitation,
            # Whoever opens a link that somebody else used must see no fingerprint that they could pass on.
            "registered_here": parts.invitations.was_registrant(invitation, kept),
            "powers": powers_of(invitation.terms.roles),
            "code": code,
            "fault": fault,
            "advice": "" if party_of(request, parts.public_url) else advice_for(request, parts.public_url),
            "fingerprint": fingerprint,
            "form_token": parts.sessions.form_token(browser),
        }
        return with_cookie(
            request, HTMLResponse(parts.templates.render("keys/join.html", values), status), parts, browser
        )


def _kept_of(invitation: Invitation) -> str:
    """Return what names the cookie of the browser that registered."""
    return f"join-{invitation.invitation_id}"


def _same(invitation: Invitation, prompt: Prompt) -> Invitation:
    if prompt.subject != invitation.invitation_id:
        raise UsageError("the passkey was made for another invitation; register again", code=GONE)
    return invitation
