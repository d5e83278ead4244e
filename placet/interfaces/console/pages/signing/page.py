"""The page that asks for a signature: it is shown from its bytes, signed in the browser, and handed in from here."""

import json
from typing import Any, Final

from starlette.responses import Response

from placet.errors import GovernanceError
from placet.governance.signing.plain_json import read_json
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.signing import (
    batches,
    decisions,
    delegations,
    grants,
    lifts,
    mandates,
    orders,
    people,
    policies,
)
from placet.interfaces.console.pages.signing.asking import Kind, check_may_sign
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import Asked
from placet.service.passkeys import envelope_from_assertion, signing_options

KINDS: Final = (
    decisions.DECISION,
    batches.BATCH,
    mandates.MANDATE,
    delegations.DELEGATION,
    lifts.LIFT,
    orders.ORDER,
    policies.POLICIES,
    people.ENROLMENT,
    people.REVOCATION,
    grants.GRANT,
)


def show(asked: Asked) -> Response:
    """Show what would be signed, from its bytes, and let the browser ask for the passkey."""
    prompt = asked.parts.prompts.look(asked.visitor.session, asked.request.path_params["prompt"], "sign")
    kind = _kind(prompt.asked)
    check_may_sign(asked, kind, prompt)
    return asked.page(
        "sign.html",
        shown=kind.shown(asked, prompt),
        prompt_name=prompt.name,
        options=json.dumps(signing_options(prompt.asked, own_passkeys(asked))),
        until=prompt.expires_at,
    )


def take(asked: Asked, form: Form) -> Response:
    """Make the envelope of the browser's answer, and hand it in as the API does."""
    prompt = asked.parts.prompts.take(asked.visitor.session, asked.request.path_params["prompt"], "sign")
    kind = _kind(prompt.asked)
    check_may_sign(asked, kind, prompt)
    return kind.take(asked, prompt, envelope_from_assertion(prompt.asked, form.text("answer"), own_passkeys(asked)))


def _kind(statement: bytes) -> Kind:
    found: Any = read_json(statement)
    predicate = str(found["predicateType"])
    for kind in KINDS:
        if kind.predicate == predicate:
            return kind
    raise GovernanceError(f"statements of type {predicate!r} are not signed here", code="wrong_statement")
