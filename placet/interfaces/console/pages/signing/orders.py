"""Letting a rollout go on, to its next stage or after it was held: signed by a passkey."""

from typing import Final, Literal

from starlette.responses import RedirectResponse, Response

from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.people.rollout_order import RolloutOrder
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.live.rollouts import refuse, tell
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.customers.rollouts import order_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.rollouts.ordering import check_may_order, order_of, take_order
from placet.service.rollouts.showing import show_rollout


def ask(asked: Asked, form: Form) -> Response:
    """Make the order that comes next, and ask for a signature on it."""
    served, reason = asked.parts.served, form.text("reason")
    try:
        order = order_of(
            served.database,
            tenant=served.tenant,
            wanted=asked.request.path_params["strategy"],
            action=_action(form.text("action")),
            signer=asked.visitor.name,
            reason=reason,
            policies=served.policies_of,
        )
        check_entitled(asked, lambda key: check_may_order(served.database, order, key, served.policies_of))
    except (UsageError, DecisionRefused) as error:
        return refuse(asked, str(error), reason)
    return ask_to_sign(asked, document_statement(order))


def _action(typed: str) -> Literal["promote", "resume"]:
    if typed in ("promote", "resume"):
        return "promote" if typed == "promote" else "resume"
    raise UsageError(f"{typed[:20]!r} is no order to a rollout; press one of the buttons", code="malformed")


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    served, order = asked.parts.served, read_document(prompt.asked, RolloutOrder)
    found = show_rollout(served.database, served.tenant, order.version, served.policies_of)
    look = None
    if order.evidence is not None:
        with served.database.reading() as tx:
            look = tx.artifacts.get_model(order.evidence, RolloutLook, tenant=served.tenant)
    return order_to_sign(prompt.asked, order, found, look)


def _take(asked: Asked, prompt: Prompt, envelope: str) -> Response:
    served, order = asked.parts.served, read_document(prompt.asked, RolloutOrder)
    take_order(served.database, envelope, tenant=served.tenant, policies=served.policies_of, version=order.version)
    found = show_rollout(served.database, served.tenant, order.version, served.policies_of)
    tell(asked, found.row.asked)
    return RedirectResponse(f"{ROOT}/rollouts/{order.version}", 303)


ORDER: Final = Kind(predicate_type(RolloutOrder), "rollouts", _shown, _take)
