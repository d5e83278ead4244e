"""Publishing a strategy: the mandate that names its exact text, signed by a passkey."""

from starlette.responses import Response

from placet.errors import ConfigurationError, DecisionRefused, GovernanceError, UsageError
from placet.governance.signing.signed import document_statement
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.live.strategies import refuse
from placet.interfaces.console.pages.signing.asking import ask_to_sign, check_entitled, required_passkeys
from placet.interfaces.console.parts import Asked
from placet.service.documents.mandates import check_may_sign, mandate_of
from placet.service.given import person
from placet.service.strategies.given import strategy_given
from placet.service.strategies.publishing import draft_of, keep_text


def ask(asked: Asked, form: Form) -> Response:
    """Make the mandate that publishes a text, and ask for a signature on it."""
    text = form.fields.get("text", "").replace("\r\n", "\n")
    try:
        statement = _statement(asked, text, form.text("drafted_by"), form.text("reason"))
    except (UsageError, DecisionRefused, ConfigurationError, GovernanceError) as error:
        return refuse(asked, text, str(error), form.text("drafted_by"), form.text("reason"))
    return ask_to_sign(asked, statement)


def _statement(asked: Asked, text: str, drafted_by: str, reason: str) -> bytes:
    served = asked.parts.served
    if not drafted_by:
        raise UsageError("Who wrote it: write their name; as shipped, policy wants another person to sign.")
    strategy = strategy_given(text, "the button Check")
    policies, declared = served.policies_of(strategy.agent), served.facts(strategy.agent)
    author = person(drafted_by)
    required_passkeys(asked)  # before anything is kept
    draft = draft_of(strategy, tenant=served.tenant, drafted_by=author)
    mandate = mandate_of(draft, declared, signer=asked.visitor.name, reason=reason)
    keep_text(served.database, served.tenant, strategy)
    check_entitled(asked, lambda key: check_may_sign(served.database, mandate, key, policies))
    return document_statement(mandate)
