"""Tokens: who may use the API or sign in by a provider, in whose name, for what, until when."""

import shlex
from typing import Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.access import AccessGrant
from placet.errors import UsageError
from placet.interfaces.console.forms import Filled, Form
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.service.documents.access import list_tokens, revoke_token

_PAGE: Final = 25
_DAYS: Final = "90"
_ROLES: Final = {
    "operator": "start runs, stop executions",
    "approver": "hand in what approvers signed; the token itself decides nothing",
    "auditor": "read everything, the record and oversight as well",
    "administrator": "invite, withdraw anything, stop executions, hand in what administrators signed; it signs nothing",
}


def show(asked: Asked) -> Response:
    """List the tokens and identities, and why one opens nothing."""
    return _page(asked)


def show_refused(asked: Asked, why: str, filled: Filled) -> Response:
    """Show the page again, with why nothing is signed, and what was filled in."""
    return _page(asked, fault=why, filled=filled)


def show_issued(asked: Asked, text: str, grant: AccessGrant) -> Response:
    """Show a token to whoever issued it, this once."""
    return _page(asked, text=text, issued=grant.name)


def revoke(asked: Asked, form: Form) -> Response:
    """Withdraw a token: from now on it opens nothing, and its sessions end."""
    if not form.text("sure"):
        return _page(asked, fault="Tick the box that says that you mean it.")
    voucher = asked.visitor.voucher
    try:
        revoke_token(
            asked.parts.served.database,
            tenant=asked.parts.served.tenant,
            token_id=asked.request.path_params["token_id"],
            by=asked.visitor.name,
            reason=form.text("reason"),
            vouched_by=voucher,
        )
    except UsageError as error:
        return _page(asked, fault=str(error))
    return RedirectResponse(f"{ROOT}/tokens", 303)


def _page(asked: Asked, *, text: str = "", issued: str = "", fault: str = "", filled: Filled | None = None) -> Response:
    served = asked.parts.served
    found = list_tokens(served.database, served.tenant, after=asked.query("after"), limit=_PAGE + 1)
    address = asked.address
    return asked.page(
        "keys/tokens.html",
        422 if fault else 200,
        tokens=found[:_PAGE],
        following=urlencode({"after": found[_PAGE - 1].token_id}) if len(found) > _PAGE else "",
        later=asked.query("after") is not None,
        roles=_ROLES.items(),
        can_sign=asked.may("deliver", "tokens") and bool(own_passkeys(asked)),
        may_withdraw=asked.may("withdraw", "tokens"),
        issuer=asked.parts.identity_issuer,
        address=address,
        try_it=f'curl -H "Authorization: Bearer $TOKEN" {shlex.quote(f"{address}/v1/runs")}',
        text=text,
        issued=issued,
        fault=fault,
        filled=filled or Filled(days=_DAYS),
    )
