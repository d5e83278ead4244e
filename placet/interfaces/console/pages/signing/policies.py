"""Letting the policies in force begin stages of rollouts: signed by a passkey."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.policy_signature import PolicySignature
from placet.errors import DecisionRefused, PolicyError, UsageError
from placet.governance.policy.set import PolicySet
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.governance.policies import refuse
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.governance.policies import signature_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.documents.policy_signatures import check_may_sign_policies, draft_signature, take_signature


def ask(asked: Asked, form: Form) -> Response:
    """Make what is signed of the set in force, and ask for a signature on it."""
    served, agent = asked.parts.served, form.text("agent")
    try:
        policies = _of(asked, agent)
        drafted = draft_signature(
            policies,
            tenant=served.tenant,
            agent=agent,
            signer=asked.visitor.name,
            most=f"{form.text('most').strip().removesuffix('%').strip()} %",
            days=_number(form.text("days")),
            reason=form.text("reason"),
        )
        check_entitled(asked, lambda key: check_may_sign_policies(drafted, key, policies))
    except (UsageError, DecisionRefused, PolicyError) as error:
        return refuse(asked, str(error), agent, {name: form.text(name) for name in ("most", "days", "reason")})
    return ask_to_sign(asked, document_statement(drafted))


def _of(asked: Asked, agent: str) -> PolicySet:
    if agent not in asked.parts.served.agents:
        raise UsageError(f"{agent[:20]!r} is no application that is hosted here", code="unknown_agent")
    return asked.parts.served.policies_of(agent)


def _number(typed: str) -> int:
    if typed.isascii() and typed.isdecimal() and len(typed) <= _DIGITS:
        return int(typed)
    raise UsageError(f"{typed[:20]!r} is no number of days", code="malformed")


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    drafted = read_document(prompt.asked, PolicySignature)
    return signature_to_sign(prompt.asked, drafted, asked.parts.served.policies_of(drafted.agent))


def _take(asked: Asked, _prompt: Prompt, envelope: str) -> Response:
    served = asked.parts.served
    take_signature(served.database, envelope, tenant=served.tenant, policies=served.policies_of)
    return RedirectResponse(f"{ROOT}/governance/policies", 303)


_DIGITS: Final = 4
POLICIES: Final = Kind(predicate_type(PolicySignature), "policies", _shown, _take)
