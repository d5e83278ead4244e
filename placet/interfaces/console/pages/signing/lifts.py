"""Letting go on what was halted, signed by a passkey."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.halt import Lift
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.halts import refuse_lift
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.documents import lift_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.documents.halts import check_may_lift, draft_lift, find_halt, lift_halt


def ask(asked: Asked, form: Form) -> Response:
    """Make the document that lifts a halt, and ask for a signature on it."""
    served, reason = asked.parts.served, form.text("reason")
    halt = find_halt(served.database, served.tenant, asked.request.path_params["halt_id"])
    try:
        lift = draft_lift(halt, name=asked.visitor.name, reason=reason)
        policies = served.all_policies()
        check_entitled(asked, lambda key: check_may_lift(halt, lift, key, policies))
    except (UsageError, DecisionRefused) as error:
        return refuse_lift(asked, halt.halt_id, str(error), reason)
    return ask_to_sign(asked, document_statement(lift))


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    served, lift = asked.parts.served, read_document(prompt.asked, Lift)
    return lift_to_sign(prompt.asked, lift, find_halt(served.database, served.tenant, lift.halt_id))


def _take(asked: Asked, _prompt: Prompt, envelope: str) -> Response:
    served = asked.parts.served
    lift_halt(served.database, envelope, tenant=served.tenant, policies=served.all_policies())
    return RedirectResponse(f"{ROOT}/halts?which=all", 303)


LIFT: Final = Kind(predicate_type(Lift), "halts", _shown, _take)
