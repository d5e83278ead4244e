"""The policies in force, in words, and who signed that they may begin stages of rollouts."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from placet.errors import PolicyError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.governance.tabs import governed
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.governance.policies import InForce, in_force_of, signature_of, unreadable
from placet.service.documents.policy_signatures import list_signatures, withdraw_signature


def lead_here(_asked: Asked) -> Response:
    """Lead to the first page of governance."""
    return RedirectResponse(f"{ROOT}/governance/policies", 303)


def show(asked: Asked) -> Response:
    """Show the set in force for each agent, read from its files now, and the signatures on sets."""
    return _page(asked)


def refuse(asked: Asked, fault: str, agent: str, filled: Mapping[str, str]) -> Response:
    """Show the page with what was filled in and why nothing came of it."""
    return _page(asked, fault, agent, filled)


def withdraw(asked: Asked, form: Form) -> Response:
    """Withdraw a signature on a policy set, in the name of the token's holder."""
    served = asked.parts.served
    if not form.text("sure"):
        return _page(asked, "Tick the box that says that you mean it.")
    try:
        withdraw_signature(
            served.database,
            tenant=served.tenant,
            signature_id=asked.request.path_params["signature_id"],
            by=asked.visitor.name,
            reason=form.text("reason"),
            policies=served.policies_of,
            voucher=asked.visitor.voucher,
        )
    except UsageError as error:
        return _page(asked, str(error))
    return RedirectResponse(f"{ROOT}/governance/policies", 303)


def _page(asked: Asked, fault: str = "", agent: str = "", filled: Mapping[str, str] | None = None) -> Response:
    served = asked.parts.served
    found = list_signatures(served.database, served.tenant, served.policies_of)
    return governed(
        asked,
        "policies.html",
        422 if fault else 200,
        sets=[_of(asked, one) for one in served.agents],
        signatures=[signature_of(one) for one in found],
        fault=fault,
        filled_for=agent,
        filled=filled or {},
        may_sign=asked.may("deliver", "policies"),
        can_sign=asked.may("deliver", "policies") and bool(own_passkeys(asked)),
        may_withdraw=asked.may("withdraw", "policies"),
    )


def _of(asked: Asked, agent: str) -> InForce:
    try:
        return in_force_of(agent, asked.parts.served.policies_of(agent))
    except PolicyError as error:
        # The full line names files, which are for those who run the installation.
        return unreadable(agent, str(error) if asked.may("read", "installation") else "")
