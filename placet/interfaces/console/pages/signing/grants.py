"""Tokens, and identities at a provider: who may sign in or use the API, signed by an administrator's passkey."""

import secrets
from base64 import urlsafe_b64encode
from typing import Final

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.access import ACCESS_ROLES, AccessGrant
from placet.contracts.people.enrolment import ADMINISTRATOR
from placet.contracts.people.lasting import MOST_DAYS
from placet.errors import DecisionRefused, UsageError
from placet.governance.access.tokens import NewToken
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Filled, Form, days_of, in_labels
from placet.interfaces.console.pages.keys.tokens import show_issued, show_refused
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.documents import grant_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.documents.access import draft_identity_grant, draft_token, take_grant

_LABELS: Final = {"name": "In whose name", "roles": "They may", "reason": "Why"}


def ask(asked: Asked, form: Form) -> Response:
    """Make the grant of a token, or of an identity where one is named, and ask for a signature on it."""
    nonce = secrets.token_hex(16)
    try:
        grant = _drafted(asked, form, nonce)
        check_entitled(asked, lambda key: _check_administrator(key.roles))
    except (UsageError, DecisionRefused) as error:
        return show_refused(asked, str(error), Filled.of(form))
    return ask_to_sign(asked, document_statement(grant), nonce)


def _drafted(asked: Asked, form: Form, nonce: str) -> AccessGrant:
    served, subject = asked.parts.served, form.text("subject")
    roles = tuple(role for role in ACCESS_ROLES if form.text(f"role-{role}"))
    if not roles:
        raise UsageError("They may: tick at least one role.", code="malformed")
    days = days_of(form, "For how many days", MOST_DAYS)
    name, by, reason = form.text("name"), asked.visitor.name, form.text("reason")
    if not subject:
        token = _token(asked, nonce)
        with in_labels(_LABELS):
            return draft_token(token, tenant=served.tenant, name=name, roles=roles, days=days, by=by, reason=reason)
    issuer = asked.parts.identity_issuer
    if not issuer:
        raise UsageError("No identity provider is configured here.", code="malformed")
    with in_labels({**_LABELS, "subject": f"Who they are at {issuer}"}):
        return draft_identity_grant(
            served.database,
            tenant=served.tenant,
            issuer=issuer,
            subject=subject,
            name=name,
            roles=roles,
            days=days,
            by=by,
            reason=reason,
        )


def _token(asked: Asked, nonce: str) -> NewToken:
    """Derive a token from a number that is kept beside the question: its text is kept nowhere, and shown at the end."""
    secret = urlsafe_b64encode(asked.parts.prompts.secret_of(f"token {nonce}")).decode().rstrip("=")
    token_id = asked.parts.prompts.secret_of(f"token id {nonce}").hex()[:16]
    return NewToken(token_id, f"placet_{token_id}_{secret}")


def _check_administrator(roles: tuple[str, ...]) -> None:
    if ADMINISTRATOR not in roles:
        raise DecisionRefused("Only an administrator's passkey signs for tokens", code="not_administrator")


def _shown(_asked: Asked, prompt: Prompt) -> ToSign:
    return grant_to_sign(prompt.asked, read_document(prompt.asked, AccessGrant))


def _take(asked: Asked, prompt: Prompt, envelope: str) -> Response:
    grant, token = read_document(prompt.asked, AccessGrant), _token(asked, prompt.subject)
    if grant.identity is None and (token.token_id, token.sha256) != (grant.token_id, grant.token_sha256):
        raise DecisionRefused("the token is not the one that is signed for", code="wrong_subject")
    taken = take_grant(asked.parts.served.database, envelope, tenant=asked.parts.served.tenant)
    if taken.identity is not None:
        return RedirectResponse(f"{ROOT}/tokens", 303)
    return show_issued(asked, token.text, taken)


GRANT: Final = Kind(predicate_type(AccessGrant), "tokens", _shown, _take)
