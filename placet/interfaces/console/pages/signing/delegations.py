"""Letting somebody decide in one's stead, signed by a passkey."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.delegation import Delegation
from placet.contracts.people.lasting import MOST_DAYS
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Filled, Form, amount_of, days_of, in_labels
from placet.interfaces.console.pages.governance.delegations import held_roles, refuse
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.documents import delegation_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.documents.delegations import check_may_delegate, draft_delegation, take_delegation

_LABELS: Final = {"delegate": "Who", "roles": "As", "limit": "Up to, each", "reason": "Why"}


def ask(asked: Asked, form: Form) -> Response:
    """Make a delegation of the visitor's own authority, and ask for a signature on it."""
    served = asked.parts.served
    try:
        delegation = _drafted(asked, form)
        check_entitled(asked, lambda key: check_may_delegate(served.database, delegation, key))
    except (UsageError, DecisionRefused) as error:
        return refuse(asked, str(error), Filled.of(form))
    return ask_to_sign(asked, document_statement(delegation))


def _drafted(asked: Asked, form: Form) -> Delegation:
    roles = tuple(role for role in held_roles(own_passkeys(asked)) if form.text(f"role-{role}"))
    if not form.text("delegate"):
        raise UsageError("Who: choose somebody.", code="malformed")
    if not roles:
        raise UsageError("As: tick at least one of your roles.", code="malformed")
    with in_labels(_LABELS):
        return draft_delegation(
            tenant=asked.parts.served.tenant,
            delegator=asked.visitor.name,
            delegate=form.text("delegate"),
            roles=roles,
            limit=str(amount_of(form.text("limit"), "Up to, each")),
            days=days_of(form, "For how many days", MOST_DAYS),
            reason=form.text("reason"),
        )


def _shown(_asked: Asked, prompt: Prompt) -> ToSign:
    return delegation_to_sign(prompt.asked, read_document(prompt.asked, Delegation))


def _take(asked: Asked, _prompt: Prompt, envelope: str) -> Response:
    take_delegation(asked.parts.served.database, envelope, tenant=asked.parts.served.tenant)
    return RedirectResponse(f"{ROOT}/governance/delegations", 303)


DELEGATION: Final = Kind(predicate_type(Delegation), "delegations", _shown, _take)
