"""Setup: the one-time code that `placet up` printed, a passkey, and its holder is the first administrator (ADR 0037).

Invariants, checked anew at each step:
 (1) no administrator is pinned for this tenant;
 (2) the page is at a secure origin: https, or http on localhost from this very machine;
 (3) the code is the one that waits, or, once a passkey was registered, its SHA-256 still is;
 (4) what is registered and signed was asked of this browser, within three minutes, and not answered before.
"""

import ipaddress
import json
import logging

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import Enrolment
from placet.contracts.people.passkey import EnrolmentRequest
from placet.errors import PlacetError, UsageError
from placet.governance.authority.enrolment import enrolled_key
from placet.governance.signing.signed import document_statement, read_document
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
from placet.interfaces.console.pages.sign_in import signed_in
from placet.interfaces.console.parts import ROOT, Parts
from placet.interfaces.console.relying_party import Party
from placet.interfaces.console.views.statement import enrolment_to_sign
from placet.interfaces.http.problems import status_of
from placet.service.documents.first_administrator import closed, digest_of_code, draft_first, finish_first, take_first
from placet.service.given import person
from placet.service.passkeys import (
    enrolment_request_from,
    envelope_from_assertion,
    registration_options,
    signing_options,
)

_LOG = logging.getLogger(__name__)


class SettingUp:
    """The page, and what it posts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return what is answered to whoever sets the installation up."""
        return [
            shown_at("/setup", self._page),
            posted_to("/setup", self._parts, self._register),
            posted_to("/setup/prompt", self._parts, self._ask),
            shown_at("/setup/{prompt}", self._confirm),
            posted_to("/setup/{prompt}", self._parts, self._take),
        ]

    def _ask(self, request: Request, form: Form) -> Response:
        """Check the code, and make the challenge of a registration."""
        parts, browser = self._parts, browser_of(request, self._parts)
        try:
            check_token(form, parts.sessions.form_token(browser))
            party = self._open(request)
            code, name = form.text("code"), person(form.text("name"))
            if not parts.setup.check(code):
                _LOG.warning("a wrong setup code was tried at the console")
                raise UsageError("This is not the code, or it holds no longer. After five wrong ones it is closed.")
            made = registration_options(name=name, rp_id=party.rp_id, rp_name=f"Placet, {parts.served.tenant}")
            subject = json.dumps({"name": name, "code": digest_of_code(code)})
            prompt = parts.prompts.ask(browser, "setup", subject, made.challenge)
        except PlacetError as error:
            return told(error)
        return with_cookie(request, JSONResponse({"prompt": prompt, "options": made.as_json()}), parts, browser)

    def _register(self, request: Request, form: Form) -> Response:
        """Verify what the device made, and ask it to sign its own enrolment."""
        parts, browser = self._parts, browser_of(request, self._parts)
        check_token(form, parts.sessions.form_token(browser))
        try:
            party = self._open(request)
            prompt = parts.prompts.take(browser, form.text("prompt"), "setup")
            subject = json.loads(prompt.subject)
            made = enrolment_request_from(
                form.text("answer"),
                name=subject["name"],
                challenge=prompt.asked,
                rp_id=party.rp_id,
                origins=[party.origin],
            )
            statement = document_statement(draft_first(tenant=parts.served.tenant, request=made))
            following = json.dumps({"request": made.model_dump_json(), "code": subject["code"]})
            name = parts.prompts.ask(browser, "setup_sign", following, statement)
        except UsageError as error:
            return self._page(request, str(error), status_of(error))
        return RedirectResponse(f"{ROOT}/setup/{name}", 303)

    def _confirm(self, request: Request) -> Response:
        """Show the enrolment that the passkey is to sign."""
        parts, browser = self._parts, browser_of(request, self._parts)
        self._open(request)
        prompt = parts.prompts.look(browser, request.path_params["prompt"], "setup_sign")
        made = _request_in(prompt.subject)
        values = {
            **bare(parts),
            "shown": enrolment_to_sign(prompt.asked, read_document(prompt.asked, Enrolment)),
            "options": json.dumps(signing_options(prompt.asked, [_unsigned(parts, made)])),
            "prompt_name": prompt.name,
            "name": made.name,
            "form_token": parts.sessions.form_token(browser),
        }
        return HTMLResponse(parts.templates.render("keys/setup_sign.html", values))

    def _take(self, request: Request, form: Form) -> Response:
        """Pin the passkey, use the code up, and sign its holder in."""
        parts, browser, served = self._parts, browser_of(request, self._parts), self._parts.served
        check_token(form, parts.sessions.form_token(browser))
        self._open(request)
        prompt = parts.prompts.take(browser, request.path_params["prompt"], "setup_sign")
        made = _request_in(prompt.subject)
        key = _unsigned(parts, made)
        envelope = envelope_from_assertion(prompt.asked, form.text("answer"), [key])
        enrolled = take_first(
            served.database,
            envelope,
            tenant=served.tenant,
            request=made,
            code=parts.setup,
            digest=str(json.loads(prompt.subject)["code"]),
        )
        _LOG.warning("%s is the first administrator of %s, by passkey", enrolled.name, served.tenant)
        return signed_in(parts, request, enrolled, f"{ROOT}/approvers")

    def _open(self, request: Request) -> Party:
        """Check invariants (1) and (2), and that there is a code at all.

        Raises:
            UsageError: the door is closed, and why.
        """
        parts = self._parts
        finish_first(parts.served.database, tenant=parts.served.tenant, code=parts.setup)
        if not parts.served.database.trust.administrators.names_nobody(parts.served.tenant):
            raise UsageError(
                f"There is an administrator of {parts.served.tenant} already, who invites others.",
                code="setup_closed",
            )
        party = required_party(request, parts)
        if not party.origin.startswith("https:") and not _from_here(request):
            raise UsageError("Setup by plain http works on the machine itself only. Use https.", code="setup_closed")
        if not parts.setup.is_open():
            raise closed()
        return party

    def _page(self, request: Request, fault: str = "", status: int = 200) -> Response:
        """Ask for the code and a name."""
        parts, browser, shut = self._parts, browser_of(request, self._parts), ""
        try:
            self._open(request)
        except UsageError as error:
            shut = str(error)
        values = {
            **bare(parts),
            "fault": fault,
            "shut": shut,
            "taken": bool(parts.served.database.trust.pinned(parts.served.tenant)),
            "form_token": parts.sessions.form_token(browser),
        }
        return with_cookie(
            request, HTMLResponse(parts.templates.render("keys/setup.html", values), status), parts, browser
        )


def _from_here(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _unsigned(parts: Parts, made: EnrolmentRequest) -> EnrolledKey:
    """Return the key as it will be enrolled: what is asked of it, and what its answer is checked against."""
    return enrolled_key(draft_first(tenant=parts.served.tenant, request=made))


def _request_in(subject: str) -> EnrolmentRequest:
    try:
        return EnrolmentRequest.model_validate_json(json.loads(subject)["request"])
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise closed() from error
