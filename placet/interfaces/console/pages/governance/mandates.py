"""Mandates: what clears proposals without a decision each, what of each is used, and its withdrawal."""

from typing import Final, get_args
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.mandate import MandateRecord
from placet.contracts.proposal import MutationKind
from placet.errors import PlacetError, UsageError
from placet.interfaces.console.forms import Filled, Form
from placet.interfaces.console.pages.governance.tabs import governed, known_treatments
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.common import MUTATIONS
from placet.interfaces.console.views.governance.mandates import altered_of, facts_in_words, mandate_of, use_of
from placet.service.documents.mandates import find_mandate, id_of, revoke_mandate, standing
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction

_PAGE: Final = 20


def show_all(asked: Asked) -> Response:
    """List every mandate with what of its budget is left; one that was altered says so and hides no other."""
    return list_page(asked)


def list_page(asked: Asked, fault: str = "", filled: Filled | None = None, signing: Filled | None = None) -> Response:
    """Show the list, with what was filled in and why nothing came of it.

    Args:
        asked: Who asks.
        fault: Why not; empty where nothing was refused.
        filled: The fields of a draft.
        signing: The fields of a signature.
    """
    served = asked.parts.served
    with served.database.reading() as tx:
        found = tx.mandates.listed(served.tenant, after=asked.query("after"), limit=_PAGE + 1)
        signatures = {
            id_of(one): _standing(asked, tx, one) for one in found[:_PAGE] if not isinstance(one, AlteredMandate)
        }
    shown = found[:_PAGE]
    return governed(
        asked,
        "mandates.html",
        422 if fault else 200,
        mandates=[
            mandate_of(one, asked.now, signatures[id_of(one)]) for one in shown if not isinstance(one, AlteredMandate)
        ],
        idle={
            id_of(one) for one in shown if not isinstance(one, AlteredMandate) and _is_idle(asked, one.mandate.agent)
        },
        altered=[altered_of(one.mandate_id) for one in shown if isinstance(one, AlteredMandate)],
        following=urlencode({"after": id_of(shown[-1])}) if len(found) > _PAGE else "",
        later=asked.query("after") is not None,
        agents=served.agents,
        facts=[(agent, facts_in_words(served.facts(agent))) for agent in served.agents],
        kinds=[(kind, MUTATIONS[kind]) for kind in get_args(MutationKind)],
        treatments=known_treatments(asked),
        fault=fault,
        filled=filled or Filled(),
        signing=signing or Filled(),
        can_sign=asked.may("deliver", "mandates") and bool(own_passkeys(asked)),
    )


def show(asked: Asked) -> Response:
    """Show one mandate: its bounds, what it cleared, whether its signature counts."""
    return _page(asked)


def revoke(asked: Asked, form: Form) -> Response:
    """Withdraw a mandate, in the name of the token's holder."""
    mandate_id = _id(asked)
    if not form.text("sure"):
        return _page(asked, "Tick the box that says that you mean it.", form.text("reason"))
    try:
        revoke_mandate(
            asked.parts.served.database,
            tenant=asked.parts.served.tenant,
            mandate_id=mandate_id,
            by=asked.visitor.name,
            reason=form.text("reason"),
            voucher=asked.visitor.voucher,
        )
    except UsageError as error:
        return _page(asked, str(error), form.text("reason"))
    return RedirectResponse(f"{ROOT}/governance/mandates/{quote(mandate_id)}", 303)


def _page(asked: Asked, fault: str = "", reason: str = "") -> Response:
    served = asked.parts.served
    with served.database.reading() as tx:
        record = find_mandate(tx, served.tenant, _id(asked))
        signature = _standing(asked, tx, record)
        uses = tx.mandates.uses(served.tenant, record.mandate.document_id, limit=_PAGE)
    return governed(
        asked,
        "mandate.html",
        422 if fault else 200,
        it=mandate_of(record, asked.now, signature),
        idle=_is_idle(asked, record.mandate.agent),
        uses=[use_of(one, record.mandate.budget.currency) for one in uses],
        most=_PAGE,
        may_withdraw=asked.may("withdraw", "mandates"),
        fault=fault,
        reason=reason,
    )


def _standing(asked: Asked, tx: Transaction, record: MandateRecord) -> str:
    served = asked.parts.served
    return standing(tx, record, lambda: served.policies_of(record.mandate.agent), asked.now).signature


def _id(asked: Asked) -> str:
    mandate_id: str = asked.request.path_params["mandate_id"]
    return mandate_id


def _is_idle(asked: Asked, agent: str) -> bool:
    """Return whether policy lets no mandate of an agent clear anything."""
    try:
        return not asked.parts.served.policies_of(agent).lets_commit(agent)
    except PlacetError:
        return True
