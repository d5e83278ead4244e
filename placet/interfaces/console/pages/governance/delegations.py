"""Delegations: who may decide in whose stead, and their withdrawal."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.approver import EnrolledKey
from placet.errors import UsageError
from placet.interfaces.console.forms import Filled, Form
from placet.interfaces.console.pages.governance.tabs import governed
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.common import CONSOLE_ROLES
from placet.interfaces.console.views.governance.delegations import delegation_of
from placet.service.approvers import list_approvers
from placet.service.documents.delegations import fault_of, revoke_delegation

_PAGE: Final = 20
_MOST_PEOPLE: Final = 500
_MOST_ROLES: Final = 10


def show_all(asked: Asked) -> Response:
    """List every delegation, with whether its signature counts."""
    return _page(asked)


def revoke(asked: Asked, form: Form) -> Response:
    """Withdraw a delegation, in the name of the token's holder."""
    if not form.text("sure"):
        return _page(asked, "Tick the box that says that you mean it.")
    try:
        revoke_delegation(
            asked.parts.served.database,
            tenant=asked.parts.served.tenant,
            delegation_id=asked.request.path_params["delegation_id"],
            by=asked.visitor.name,
            reason=form.text("reason"),
            voucher=asked.visitor.voucher,
        )
    except UsageError as error:
        return _page(asked, str(error))
    return RedirectResponse(f"{ROOT}/governance/delegations", 303)


def refuse(asked: Asked, fault: str, filled: Filled) -> Response:
    """Show the page again with what was filled in, and why nothing is signed."""
    return _page(asked, fault, filled)


def held_roles(keys: Sequence[EnrolledKey]) -> list[str]:
    """Return the roles that somebody's keys hold and may decide as, the first ten by name: so many boxes a form has."""
    return sorted({role for key in keys for role in key.roles} - CONSOLE_ROLES.keys())[:_MOST_ROLES]


def _page(asked: Asked, fault: str = "", filled: Filled | None = None) -> Response:
    served, own = asked.parts.served, own_passkeys(asked)
    with served.database.reading() as tx:
        found = tx.delegations.list(served.tenant, after=asked.query("after"), limit=_PAGE + 1)
        shown = [delegation_of(one, asked.now, fault_of(tx, one, asked.now)) for one in found[:_PAGE]]
    return governed(
        asked,
        "delegations.html",
        422 if fault else 200,
        delegations=shown,
        may_withdraw=asked.may("withdraw", "delegations"),
        fault=fault,
        following=urlencode({"after": shown[-1].delegation_id}) if len(found) > _PAGE else "",
        later=asked.query("after") is not None,
        can_sign=asked.may("deliver", "delegations") and bool(own),
        held=held_roles(own),
        people=_others(asked) if own else (),
        filled=filled or Filled(),
    )


def _others(asked: Asked) -> list[str]:
    """Return who could be chosen: everybody else who is enrolled."""
    served = asked.parts.served
    people = list_approvers(served.database, served.tenant, asked.now, after="", limit=_MOST_PEOPLE)
    return [one.name for one in people if one.name != asked.visitor.name]
